"""Directories that components make, and their permissions."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator

if TYPE_CHECKING:
    from pathlib import Path


def _is_octal(value: object) -> object:
    if not (isinstance(value, str) and re.fullmatch("0?[0-7]{3}", value)):
        msg = f'expected permissions as octal text such as "0755", in quotes, found {value!r}'
        raise ValueError(msg)
    return value


Permissions = Annotated[str, BeforeValidator(_is_octal)]
"""Permissions in octal, as text: `"0755"`."""


def make_directories(folder: Path, permissions: str) -> None:
    """Make a directory and those above it that do not exist; the umask takes its bits from the
    permissions. A power failure does not take them away. Raises `OSError`."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(int(permissions, 8), exist_ok=True)
        sync_directory(each.parent)


def sync_directory(folder: Path) -> None:
    """See to it that a power failure does not take the names of new files in it."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    with suppress(OSError):  # some file systems cannot, and need not
        os.fsync(opened)
    os.close(opened)
