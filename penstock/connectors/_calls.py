"""Calls between services, and what is known of those whose other side has not come yet."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from penstock import _kernel
from penstock.pipeline import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from penstock.pipeline import Batch, Mask

_CONNECTIONS = ["", "messaging_system", "database", "virtual_node"]
_MISSING = ["", "client", "server"]

_LONGEST = 1024
"""Bytes of a name or of a dimension's value; longer ones are cut, so that what waits is bounded."""


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls that are known as far as they will be."""

    columns: dict[str, Column]
    """What they are told apart by, as names of attributes."""
    failed: Mask
    client_seconds: NDArray[np.float64]
    server_seconds: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.failed)


@dataclass(frozen=True, slots=True)
class News:
    """What became of spans and calls."""

    new: int
    """Calls of which something was heard for the first time."""
    expired: int
    """Calls whose other side did not come in time."""
    full: int
    """Spans for which there was no room."""
    invalid: int
    """Spans whose ids say nothing."""


class Attributes(NamedTuple):
    """Which attributes tell what of a call."""

    dimensions: Sequence[str]
    """More by which calls are told apart."""
    databases: Sequence[str]
    """The name of the database that is called."""
    peers: Sequence[str]
    """The name of a server that sends no spans; without any there are no virtual nodes."""


class Waiting:
    """What is known of one side of a call waits here for the other."""

    def __init__(
        self, attributes: Attributes, *, limit: int, ttl: float, extra_label: bool
    ) -> None:
        """At most `limit` calls wait, `ttl` seconds each. `extra_label` tells which side of a call
        is a virtual node."""
        self._dimensions = list(dict.fromkeys(attributes.dimensions))
        self._extra_label = extra_label
        self._edges = _kernel.Edges(
            dimensions=self._dimensions,
            databases=attributes.databases,
            peers=attributes.peers,
            limit=limit,
            ttl=round(ttl * 1e9),
            longest=_LONGEST,
        )

    def add(self, batch: Batch) -> tuple[Calls, News]:
        """Take spans: the calls that this makes whole."""
        return self._calls(self._edges.add(batch.native, time.monotonic_ns()))

    def expire(self) -> tuple[Calls, News]:
        """Forget what has waited too long: the calls that are told of all the same."""
        return self._calls(self._edges.expire(time.monotonic_ns()))

    def size(self) -> tuple[int, int]:
        """How many calls wait, and the bytes that they take."""
        return self._edges.size()

    def _calls(self, found: _kernel._Calls) -> tuple[Calls, News]:
        (client, server, *dimensions), states, (spent, served), counts = found
        connection, missing, failed = (np.frombuffer(each, dtype=np.uint8) for each in states)
        columns = {
            "client": _named(client, "user"),
            "server": _named(server, "unknown"),
            "connection_type": Column(connection.astype(np.uint32), _CONNECTIONS),
            "failed": Column(failed.astype(np.uint32), [False, True]),
        }
        if self._extra_label:
            columns["virtual_node"] = Column(missing.astype(np.uint32), _MISSING)
        names = [f"{side}_{name}" for name in self._dimensions for side in ("client", "server")]
        columns |= zip(names, map(_column, dimensions), strict=True)
        calls = Calls(
            columns,
            failed.astype(np.bool_),
            np.frombuffer(spent, dtype=np.float64),
            np.frombuffer(served, dtype=np.float64),
        )
        return calls, News(*counts)


def _column(texts: _kernel._Texts) -> Column:
    codes, values = texts
    return Column(np.frombuffer(codes, dtype=np.uint32), list(values))


def _named(texts: _kernel._Texts, nobody: str) -> Column:
    codes, values = texts
    return _column((codes, [nobody if value is None else value for value in values]))
