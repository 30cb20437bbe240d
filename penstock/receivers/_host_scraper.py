"""What scrapers of the host have in common: they yield points, which become a batch."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import psutil

from penstock.pipeline import Batch, Signal
from penstock.receivers._host_metrics import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from penstock.receivers._host import Host
    from penstock.receivers._host_metrics import Metric, Table

FAULTS = (OSError, LookupError, ValueError, RuntimeError, psutil.Error)
"""What goes wrong when a host is asked: files that are missing, forbidden, or not as expected."""

Point = tuple[str, float, tuple[str, ...]]
"""The name of a metric, a value, and the values of the attributes that the metric has."""


class Group(NamedTuple):
    """Points of one resource, whose sums began at `start` (ns since 1970)."""

    resource: Mapping[str, str | int]
    start: int
    points: list[Point]


class Problem(NamedTuple):
    """What could not be read, in a fixed phrase, and why."""

    what: str
    cause: str


class Scraper(ABC):
    """Tells of one side of the host. It is called in a thread, and once at a time."""

    def __init__(self, table: Table, host: Host) -> None:
        self.table = table
        """The metrics that are enabled."""
        self.host = host

    @abstractmethod
    def scrape(self, problems: list[Problem]) -> Iterator[Group]:
        """Everything there is to tell now; what goes wrong is added to `problems`."""


class HostScraper(Scraper):
    """Tells of the host as a whole. What one of its `parts` cannot read holds up no other."""

    @abstractmethod
    def parts(self) -> Iterable[Callable[[], Iterable[Point]]]:
        """What yields points."""

    def start(self) -> int:
        """When sums began."""
        return self.host.boot

    def scrape(self, problems: list[Problem]) -> Iterator[Group]:
        """The points of all parts."""
        points: list[Point] = []
        for part in self.parts():
            try:
                for point in part():
                    points.append(point)  # noqa: PERF402  (what came before a fault is kept)
            except FAULTS as error:
                what = part.__name__.strip("_").replace("_", " ")
                problems.append(Problem(f"cannot read {what}", repr(error)))
        if points:
            yield Group({}, self.start(), points)


def batch_of(scraper: str, table: Table, groups: Iterable[Group]) -> Batch | None:
    """The points of enabled metrics, or `None` where there are none.

    Each resource is written at once: the objects of all of them together would have Python look
    for garbage among everything it has, and everybody wait for that.
    """
    now = time.time_ns()
    written = [it for group in groups if (it := _resource(scraper, table, group, now))]
    if not written:
        return None
    return Batch.from_json(Signal.METRICS, b'{"resourceMetrics":[%b]}' % b",".join(written))


def _resource(scraper: str, table: Table, group: Group, now: int) -> bytes | None:
    metrics: dict[str, list[dict[str, Any]]] = {}
    for name, value, attributes in group.points:
        if metric := table.get(name):
            point = _point(metric, value, attributes, group.start, now)
            metrics.setdefault(name, []).append(point)
    if not metrics:
        return None
    scope = {"name": f"penstock/receivers/hostmetrics/{scraper}"}
    written = [_metric(name, table[name], points) for name, points in metrics.items()]
    resource = {"attributes": [_attribute(*it) for it in group.resource.items()]}
    scopes = [{"scope": scope, "metrics": written}]
    return orjson.dumps({"resource": resource, "scopeMetrics": scopes})


def _metric(name: str, metric: Metric, points: list[dict[str, Any]]) -> dict[str, Any]:
    body: dict[str, Any] = {"dataPoints": points}
    if metric.kind is not Kind.GAUGE:
        body |= {"aggregationTemporality": 2, "isMonotonic": metric.kind is Kind.COUNTER}
    data = "gauge" if metric.kind is Kind.GAUGE else "sum"
    return {"name": name, "unit": metric.unit, "description": metric.description, data: body}


def _point(
    metric: Metric, value: float, attributes: tuple[str, ...], start: int, now: int
) -> dict[str, Any]:
    point: dict[str, Any] = {"timeUnixNano": now}
    if metric.kind is not Kind.GAUGE:
        point["startTimeUnixNano"] = start
    if metric.attributes:
        pairs = zip(metric.attributes, attributes, strict=True)
        point["attributes"] = [_attribute(key, text) for key, text in pairs]
    if metric.real:
        point["asDouble"] = float(value)
    else:
        point["asInt"] = int(value)
    return point


def _attribute(key: str, value: str | int) -> dict[str, Any]:
    if isinstance(value, int):
        return {"key": key, "value": {"intValue": value}}
    return {"key": key, "value": {"stringValue": _readable(value)}}


def _readable(text: str) -> str:
    """Names on a host are bytes; those that are no UTF-8 get replacement characters."""
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
