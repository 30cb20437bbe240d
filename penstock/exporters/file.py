"""Write telemetry to a file: a request a line as JSON, or protobuf messages by length."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Self, TypeVar

from pydantic import BaseModel, Field, field_validator, model_validator

from penstock.config.types import Duration
from penstock.exporters._backups import DAY, Backups
from penstock.exporters._compression import CompressionParams, ZstdOrNone
from penstock.exporters._record_file import Lines, Messages, RecordFile
from penstock.pipeline import Batch, Context, Exporter, Retryable, StartError
from penstock.pipeline.component import ComponentConfig
from penstock.pipeline.delivery.delivery import DeliveryConfig
from penstock.pipeline.delivery.retry import RetryConfig
from penstock.pipeline.delivery.sending_queue import QueueConfig
from penstock.pipeline.directories import Permissions, make_directories
from penstock.pipeline.faults import FaultLog

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Result = TypeVar("Result")

_MEGABYTE = 1024 * 1024


class Rotation(BaseModel):
    """When a file is set aside and a new one begun, and how many are kept."""

    model_config = ComponentConfig.model_config

    max_megabytes: int = Field(default=100, ge=1)
    """The size that a file may reach, in MiB. A request that is larger has a file of its own."""
    max_days: int = Field(default=0, ge=0)
    """The days after which a file is set aside whatever its size, and so many days later deleted;
    0 sets no limit."""
    max_backups: int = Field(default=100, ge=0)
    """How many files set aside are kept; 0 keeps all."""
    localtime: bool = False
    """Whether the time in the names of files set aside is local time instead of UTC."""

    def backups(self, path: Path) -> Backups:
        """The files set aside from `path`."""
        return Backups(
            path,
            max_bytes=self.max_megabytes * _MEGABYTE,
            max_seconds=self.max_days * DAY,
            max_files=self.max_backups,
            localtime=self.localtime,
        )


class Config(DeliveryConfig):
    """Options of the Collector's `file` exporter."""

    not_here: ClassVar[dict[str, str]] = {
        "encoding": "set format to json or proto",
        "group_by": "write to one file, or to one for each pipeline",
    }

    retry_on_failure: RetryConfig = RetryConfig(enabled=False)
    """When a request that could not be written is written again; off unless given."""
    sending_queue: QueueConfig = QueueConfig(enabled=False)
    """What waits to be written; off unless given, so that senders wait until it is in the file."""
    path: str = Field(pattern=r"^[^\x00]+$")
    """The file to write."""
    append: bool = False
    """Whether to keep what the file holds at the start, and go on after it."""
    format: Literal["json", "proto"] = "json"
    """`json` writes each request as a line of OTLP/JSON, `proto` as protobuf after its length."""
    compression: ZstdOrNone = "none"
    """How each request is compressed: `zstd` or `none`. A compressed one follows its length."""
    compression_params: CompressionParams = CompressionParams()
    """How hard to compress."""
    rotation: Rotation | None = None
    """When to set the file aside and begin a new one; never without this section."""
    flush_interval: Duration = Field(default=1.0, gt=0)
    """How long the disk may take to keep what is in the file: what a power failure costs."""
    create_directory: bool = False
    """Whether to make the file's directory, and those above it, where they do not exist."""
    directory_permissions: Permissions = "0755"
    """Permissions of the directories made, in octal; the umask takes its bits from them."""

    @field_validator("rotation", mode="before")
    @classmethod
    def _named_is_enabled(cls, value: object) -> object:
        """`rotation:` with nothing after it means its defaults, as in the Collector."""
        return {} if value is None else value

    @model_validator(mode="after")
    def _level_exists(self) -> Self:
        self.compression_params.compressor(self.compression)
        return self

    @model_validator(mode="after")
    def _rotation_appends(self) -> Self:
        if self.append and self.rotation:
            msg = "append is for a file without rotation, which goes on with the file by itself"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _directories_are_made(self) -> Self:
        if "directory_permissions" in self.model_fields_set and not self.create_directory:
            msg = "directory_permissions needs create_directory: true"
            raise ValueError(msg)
        return self

    def build(self, context: Context) -> Exporter:
        """The exporter these settings describe."""
        return File(self, context)


class File(Exporter):
    """Encodes, compresses and writes in one thread, which keeps records whole and in order."""

    def __init__(self, config: Config, context: Context) -> None:
        self._config = config
        self._context = context
        self._path = Path(config.path)
        lines = config.format == "json" and config.compression == "none"
        backups = config.rotation.backups(self._path) if config.rotation else None
        framing = Lines() if lines else Messages()
        self._file = RecordFile(self._path, framing, append=config.append, backups=backups)
        self._compress = config.compression_params.compressor(config.compression)
        self._faults = FaultLog(context.logger)
        self._thread: ThreadPoolExecutor | None = None
        self._syncing: asyncio.Task[None] | None = None
        self._written = asyncio.Event()
        self._unsynced = 0

    async def start(self) -> None:
        """Open the file. Raises `StartError`."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=self._context.id)
        try:
            cut = await self._run(self._open)
        except OSError as error:
            raise StartError(self._describe(error)) from error
        if cut:
            message = "%s: cut off the last %d bytes of %s, half a record of a run that broke off"
            self._context.logger.warning(message, self._context.id, cut, self._path)
        self._syncing = self._context.tasks.create_task(self._sync_when_written())

    async def send(self, batch: Batch) -> None:
        """Write one record."""
        self._written.set()
        try:
            await self._run(partial(self._write, batch))
        except OSError as error:
            raise Retryable(self._describe(error)) from error
        self._unsynced += len(batch)

    async def stop(self) -> None:
        """Have the disk keep everything, and close the file."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        if self._syncing:
            self._syncing.cancel()
        loop = asyncio.get_running_loop()
        await self._surely(loop.run_in_executor(thread, self._file.close))
        thread.shutdown(wait=False)

    def _write(self, batch: Batch) -> None:
        json = self._config.format == "json"
        self._file.write(self._compress(batch.to_json() if json else batch.to_otlp()))

    def _open(self) -> int:
        if self._config.create_directory:
            make_directories(self._path.parent, self._config.directory_permissions)
        return self._file.open()

    async def _sync_when_written(self) -> None:
        while True:
            await self._written.wait()
            await asyncio.sleep(self._config.flush_interval)
            self._written.clear()
            await self._surely(self._run(self._file.sync))

    async def _surely(self, synced: Awaitable[None]) -> None:
        items, self._unsynced = self._unsynced, 0
        try:
            await synced
        except OSError as error:
            fault = "Written, but a power failure may take it"
            self._faults.report(fault, items, self._describe(error))

    def _run(self, work: Callable[[], Result]) -> Awaitable[Result]:
        return asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _describe(self, error: OSError) -> str:
        return f"cannot write {self._path}: {error.strerror or error}"
