"""Keep what components must know after a restart in files, by LMDB."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote

from pydantic import Field

from penstock.config.types import Duration
from penstock.pipeline import Context, StartError
from penstock.pipeline.directories import Permissions, make_directories
from penstock.pipeline.storage import Storage, StorageConfig

if TYPE_CHECKING:
    from penstock.extensions._store import FileStore

_MIB = 1024 * 1024


class Config(StorageConfig):
    """Options of the Collector's `file_storage` extension."""

    not_here: ClassVar[Mapping[str, str]] = {
        "compaction": "files are written anew, as small as can be, at every start; remove it",
        "fsync": "everything is on disk before anybody relies on it; remove it",
        "recreate": "a damaged file is set aside at the start, what can be read is kept; remove it",
    }

    directory: str = Field(default="/var/lib/penstock/file_storage", pattern=r"^[^\x00]+$")
    """Where the files are: one for each component that stores something."""
    create_directory: bool = True
    """Whether to make the directory, and those above it, where they do not exist."""
    directory_permissions: Permissions = "0750"
    """Permissions of the directories made, in octal; the umask takes its bits from them."""
    timeout: Duration = Field(default=1.0, gt=0)
    """How long to wait at the start for another process to let go of a file."""
    max_size_mib: int = Field(default=1024, ge=1, le=1024 * 1024)
    """The size that a file may reach, in MiB."""

    def build(self, context: Context) -> Storage:
        """The storage these settings describe."""
        return FileStorage(self, context)


class FileStorage(Storage):
    """A directory with a file for each component."""

    def __init__(self, config: Config, context: Context) -> None:
        self._config = config
        self._context = context
        self._directory = Path(config.directory)

    async def start(self) -> None:
        """Make the directory. Raises `StartError` where that is not possible."""
        try:
            if self._config.create_directory:
                make_directories(self._directory, self._config.directory_permissions)
            if not self._directory.is_dir():
                msg = f"{self._context.id}: {self._directory} is no directory; make it, or set "
                raise StartError(msg + "create_directory: true")
        except OSError as error:
            msg = f"{self._context.id}: cannot make {self._directory}: {error.strerror}"
            raise StartError(msg) from error

    def open(self, owner: str) -> FileStore:
        """The component's file, whose records have been looked at."""
        from penstock.extensions._store import FileStore

        config = self._config
        path = self._directory / quote(owner, safe=" ").replace(" ", "_")
        return FileStore.open(
            path, config.max_size_mib * _MIB, config.timeout, self._context.logger
        )
