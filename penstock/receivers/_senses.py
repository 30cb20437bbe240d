"""What series that were received are in OpenTelemetry: their resources and their metrics.

A target's other labels come in a series of their own, `target_info`, and in version 1 the types of
metrics come apart from the series too: both are remembered for the requests that come after.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

from penstock.prometheus.names import MetricType
from penstock.prometheus.remote_write import type_of

if TYPE_CHECKING:
    from penstock._kernel import WriteRequest

MAX_REMEMBERED = 16 * 1024 * 1024
"""Characters that are remembered, of targets and of metrics: a sender can make up any number."""

_ENTRY = 256
"""What an entry counts besides its characters: what it takes at least."""

Pairs = list[tuple[str, str]]
Sense = tuple[str, str, str, str, bool]
"""Name, description, unit, type in Prometheus, and whether it is a counter."""

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Memo(Generic[_Key, _Value]):
    """A mapping of at most so many characters: what was not asked for longest is forgotten."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._entries: OrderedDict[_Key, tuple[_Value, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, key: _Key, value: _Value, size: int) -> None:
        """Remember `value`, which has so many characters."""
        _, before = self._entries.pop(key, (None, 0))
        self._entries[key] = value, size + _ENTRY
        self._size += size + _ENTRY - before
        while self._size > self._limit:
            _, (_, forgotten) = self._entries.popitem(last=False)
            self._size -= forgotten

    def get(self, key: _Key) -> _Value | None:
        """What is remembered."""
        if key not in self._entries:
            return None
        self._entries.move_to_end(key)
        return self._entries[key][0]


class Senses:
    """Makes sense of requests, in any thread."""

    def __init__(self, limit: int = MAX_REMEMBERED) -> None:
        self._lock = threading.Lock()
        self._infos: Memo[tuple[str, str], Pairs] = Memo(limit)
        self._metadata: Memo[str, tuple[str, str, str]] = Memo(limit)

    def of(self, request: WriteRequest) -> tuple[list[Pairs], list[Sense]]:
        """The attributes of the resource of each target, and what each metric is."""
        with self._lock:
            self._learn(request)
            targets = [self._resource(job, instance) for job, instance, _ in request.targets]
            return targets, [self._metric(*said) for said in request.metrics]

    def _learn(self, request: WriteRequest) -> None:
        for job, instance, info in request.targets:
            if info is not None:
                size = sum(len(name) + len(value) for name, value in info)
                self._infos.put((job, instance), info, len(job) + len(instance) + size)
        for family, type_, help_, unit in request.metadata:
            said = type_of(type_), help_, unit
            self._metadata.put(family, said, len(family) + len(help_) + len(unit))

    def _resource(self, job: str, instance: str) -> Pairs:
        """As OpenTelemetry's compatibility with Prometheus has it."""
        namespace, slash, name = job.partition("/")
        attributes = {"service.name": job}
        if slash and "/" not in name:
            attributes = {"service.namespace": namespace, "service.name": name}
        attributes["service.instance.id"] = instance
        attributes |= dict(self._infos.get((job, instance)) or ())
        return [(key, value) for key, value in attributes.items() if value]

    def _metric(self, name: str, number: int, help_: str, unit: str) -> Sense:
        type_ = type_of(number)
        if type_ == MetricType.UNKNOWN:
            known = self._metadata.get(name) or self._metadata.get(name.removesuffix("_total"))
            type_, help_, unit = known or (_guess(name), help_, unit)
        return name, help_, unit, type_, type_ == MetricType.COUNTER


def _guess(name: str) -> str:
    """What a name says of its metric: OpenMetrics gives that ending to counters alone."""
    return MetricType.COUNTER if name.endswith("_total") else MetricType.UNKNOWN
