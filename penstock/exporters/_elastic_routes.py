"""Where the documents of items go: a static index, one that attributes name, or a data stream."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import orjson

from penstock.exporters._elastic_options import Mode
from penstock.pipeline import Signal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from penstock.exporters.elasticsearch import Config
    from penstock.pipeline import Batch
    from penstock.pipeline.column import Column

INDEX, DATASET, NAMESPACE = "elasticsearch.index", "data_stream.dataset", "data_stream.namespace"
MODE = "elastic.mapping.mode"

_ROUTING = (INDEX, DATASET, NAMESPACE)
_RECEIVER = re.compile(r"/receiver/(\w*receiver)")
_MAX_NAME = 100
"""Bytes of a dataset or namespace (ECS, "Data stream fields")."""
_NOT_IN_NAMESPACE = re.compile(r'[\\/*?"<>| ,#:]')
_NOT_IN_DATASET = re.compile(r'[-\\/*?"<>| ,#:]')


class Route(NamedTuple):
    """Where documents go: what the kernel wants to know of it."""

    mode: str
    head: bytes
    stream: tuple[str, str, str] | None


NOWHERE = Route("", b"", None)
"""The way of items whose scope asks for a mode that may not be: no document is made of them."""


class Routes(NamedTuple):
    """The ways of a batch."""

    routes: list[Route]
    items: NDArray[np.uint32]
    """By item, its route."""
    events: NDArray[np.uint32]
    """By span event."""


class Router:
    """Decides by distinct values of attributes."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._static = {signal: config.index(signal) for signal in Signal}

    def routes(self, batch: Batch) -> Routes:
        """The way of every item and of every span event."""
        known: dict[Route, int] = {}
        date = self._date()

        def decide(signal: Signal, said: Mapping[tuple[str, str], Any]) -> int:
            mode = said.get(("scope", MODE), self._config.mapping.mode)
            if mode not in self._config.mapping.allowed_modes:
                return known.setdefault(NOWHERE, len(known))
            return known.setdefault(self._route(signal, Mode(mode), said, date), len(known))

        items = self._codes(batch, batch.signal, batch.signal.context, decide)
        events = np.zeros(0, dtype=np.uint32)
        if batch.signal is Signal.TRACES:
            events = self._codes(batch, Signal.LOGS, "spanevent", decide)
        return Routes(list(known), items, events)

    def _date(self) -> str:
        form = self._config.logstash_format
        if not form.enabled:
            return ""
        return form.prefix_separator + datetime.now(UTC).strftime(form.date_format)

    def _codes(self, batch: Batch, signal: Signal, context: str, decide: Any) -> Any:
        columns = self._columns(batch, signal, context)
        size = len(batch)
        if context == "spanevent":
            owners = batch.owners()
            size = len(owners)
            columns = {
                place: (codes if place[0] == context else codes[owners], values)
                for place, (codes, values) in columns.items()
            }
        codes, rows = distinct([codes for codes, _ in columns.values()], size)
        decided = np.zeros(len(rows), dtype=np.uint32)
        for number, row in enumerate(rows):
            values = zip(columns.items(), row, strict=True)
            said = {place: own[code] for (place, (_, own)), code in values}
            decided[number] = decide(
                signal, {place: value for place, value in said.items() if value is not None}
            )
        return decided[codes]

    def _columns(self, batch: Batch, signal: Signal, context: str) -> dict[tuple[str, str], Any]:
        """The columns that decide, by context and attribute; `name` is that of the scope."""
        columns: dict[tuple[str, str], Column] = {}
        for where in (context, "scope", "resource"):
            wanted = () if self._static[signal] else _ROUTING
            wanted = (*wanted, MODE) if where == "scope" else wanted
            present = batch.keys(f"{where}.attributes") if wanted else []
            for key in wanted:
                if key in present:
                    columns[where, key] = batch.column(f'{where}.attributes["{key}"]')
        if not self._static[signal]:
            columns["scope", "name"] = batch.column("scope.name")
        return {place: (column.codes, column.values) for place, column in columns.items()}

    def _route(
        self, signal: Signal, mode: Mode, said: Mapping[tuple[str, str], Any], date: str
    ) -> Route:
        if static := self._static[signal]:
            return _route(mode, static + date)
        if named := _nearest(said, INDEX):
            return _route(mode, named + date)
        received = _RECEIVER.search(str(said.get(("scope", "name"), "")))
        dataset = _nearest(said, DATASET) or (received[1] if received else "generic")
        namespace = _nearest(said, NAMESPACE) or "default"
        suffix = ".otel" if mode is Mode.OTEL else ""
        dataset = _name(_NOT_IN_DATASET, dataset, suffix)
        namespace = _name(_NOT_IN_NAMESPACE, namespace)
        index = f"{signal}-{dataset}-{namespace}{date}"
        return _route(mode, index, None if date else (signal.value, dataset, namespace))


def _route(mode: Mode, index: str, stream: tuple[str, str, str] | None = None) -> Route:
    return Route(mode.value, b'{"create":{"_index":' + orjson.dumps(index), stream)


def _nearest(said: Mapping[tuple[str, str], Any], key: str) -> str:
    """What the item says, or else its scope, or else its resource."""
    found = [(place, value) for place, value in said.items() if place[1] == key]
    return str(found[0][1]) if found else ""


def _name(forbidden: re.Pattern[str], text: str, suffix: str = "") -> str:
    name = forbidden.sub("_", text).lower().encode()[: _MAX_NAME - len(suffix)]
    return name.decode(errors="ignore") + suffix


def distinct(
    columns: Sequence[NDArray[np.uint32]], size: int
) -> tuple[NDArray[np.uint32], list[list[int]]]:
    """Number the distinct rows of columns of codes: the number of each row, and those rows."""
    varying = [codes for codes in columns if size and (codes != codes[0]).any()]
    numbers = np.zeros(size, dtype=np.uint32)
    for codes in varying:
        pairs = numbers.astype(np.uint64) << np.uint64(32) | codes
        numbers = np.unique(pairs, return_inverse=True)[1].astype(np.uint32)
    if not size:
        return numbers, []
    first = np.unique(numbers, return_index=True)[1]
    return numbers, [[int(codes[at]) for codes in columns] for at in first]
