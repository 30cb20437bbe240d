"""The contract of storages: extensions that keep what components must know after a restart.

A component has an option `storage: Annotated[str, STORAGE]`, the id of the extension, opens a store
of its own there when it starts, and closes it when it stops.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final

from penstock.pipeline.component import Extension, ExtensionConfig
from penstock.pipeline.errors import PenstockError, StartError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.pipeline.component import Context

STORAGE: Final = "storage"
"""Marks an option, in its annotation, as the id of a storage; it is empty for none."""

MAX_KEY = 511
"""Bytes that a key may have."""


class StorageError(PenstockError):
    """Something was not stored: what is there is as it was before."""


class Store(ABC):
    """Keys and values of one component. Every method may wait for the disk: call it in a thread."""

    @abstractmethod
    def get(self, key: bytes) -> bytes | None:
        """The value of a key, if it has one."""

    @abstractmethod
    def items(self) -> list[tuple[bytes, bytes]]:
        """Every key and its value, in the order of their bytes."""

    @abstractmethod
    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Give keys values, or take them away with `None`: all of it or nothing, and on disk when
        this returns. Raises `StorageError`."""

    @abstractmethod
    def close(self) -> None:
        """Give the files back; a second time does nothing."""


class StorageConfig(ExtensionConfig, ABC):
    """Settings of a storage."""


class Storage(Extension):
    """Has a store for each component that asks."""

    @abstractmethod
    def open(self, owner: str) -> Store:
        """The store of a component, by its kind and id: `receiver filelog/app`. May wait for the
        disk: call it in a thread. Raises `StartError`."""


def storage(context: Context, id_: str) -> Storage:
    """The storage of that id. Raises `StartError` where none runs."""
    found = context.extensions.get(id_)
    if not isinstance(found, Storage):
        msg = f"{context.id}: no `{id_}` runs that can store anything"
        raise StartError(msg)
    return found
