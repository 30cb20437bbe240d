"""Data points as Prometheus' series: what metrics, sources and attributes are called."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from penstock.prometheus.names import MetricType, Namer, Strategy
from penstock.prometheus.remote_write import NANOSECONDS, TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Pairs = list[tuple[str, str]]

CUMULATIVE = 2

MAX_NAMES = 10_000
"""Names that are kept in mind, of each kind."""

MAX_TARGETS = 10_000
"""Targets of which is kept in mind what was last told of them."""

_SERVICE = ("service.namespace", "service.name", "service.instance.id")
"""What `job` and `instance` are made of."""

_OF_SCOPE = ("name", "version", "schema_url")
"""Attributes of scopes that would take the places of what has a field."""


class Metric(NamedTuple):
    """What a metric says of itself, and how many points it has in a batch."""

    name: str
    unit: str
    description: str
    data: str
    temporality: int
    monotonic: bool
    original: str
    points: int


class Source(NamedTuple):
    """Where points come from, and the time of the last of them."""

    resource: Pairs
    scope: tuple[str, str]
    scope_attributes: Pairs
    time: int


Family = tuple[str, int, str, str]
"""Name, number of the type, help and unit."""

Origin = tuple[list[tuple[str, str, str]], Pairs]
"""Attributes that become labels, each with its key, and labels that supersede all others."""

Info = tuple[Pairs, int]
"""The labels of `target_info`, and its time in milliseconds."""


@dataclass(frozen=True)
class Rules:
    """What the settings say of names and labels."""

    strategy: Strategy = Strategy.UNDERSCORES_AND_SUFFIXES
    namespace: str = ""
    promote: bool = False
    """Whether attributes of resources become labels of each series."""
    promote_service: bool = True
    """Whether those that `job` and `instance` are made of do, too."""
    scope: bool = True
    """Whether series have labels that tell their scope."""
    target_info: bool = True
    external: tuple[tuple[str, str], ...] = ()


class Naming:
    """Names in Prometheus' words."""

    def __init__(self, rules: Rules) -> None:
        namer = Namer(rules.strategy, rules.namespace)
        self._rules = rules
        self._metric = lru_cache(MAX_NAMES)(namer.metric)
        self._unit = lru_cache(MAX_NAMES)(namer.unit)
        self._label = lru_cache(MAX_NAMES)(namer.label)
        named = ((self._label(name), value) for name, value in rules.external)
        self.external: Pairs = sorted((name, value) for name, value in named if name)

    def family(self, metric: Metric) -> Family | None:
        """The family of a metric; `None` where Prometheus has no series for it."""
        type_ = _type(metric)
        if type_ is None:
            return None
        name = self._metric(metric.name, metric.unit, type_)
        if not name:
            return None
        number = TYPES.index(_shown(metric, type_))
        return name, number, metric.description, self._unit(metric.unit)

    def labels(self, keys: Iterable[str]) -> dict[str, str]:
        """The labels of attributes, by their keys."""
        return {key: label for key in keys if (label := self._label(key))}

    def origin(self, source: Source) -> Origin:
        """What all series of a source have in common."""
        rules, resource = self._rules, source.resource
        promoted = [
            (key, label, value)
            for key, value in (resource if rules.promote else ())
            if (rules.promote_service or key not in _SERVICE) and (label := self._label(key))
        ]
        own = identity(dict(resource)) | (self._scope(source) if rules.scope else {})
        return promoted, [(name, value) for name, value in own.items() if value]

    def info(self, source: Source) -> Pairs | None:
        """The labels of a source's `target_info`; `None` where it would say nothing."""
        resource = dict(source.resource)
        own = identity(resource)
        others = {key: value for key, value in resource.items() if key not in _SERVICE and value}
        if not (self._rules.target_info and others and any(own.values())):
            return None
        labels: dict[str, str] = {}
        for key in sorted(others):
            if name := self._label(key):
                labels[name] = ";".join(filter(None, (labels.get(name), others[key])))
        prefix = f"{self._rules.namespace}_" if self._rules.namespace else ""
        named = {**dict(self.external), **labels, **own, "__name__": f"{prefix}target_info"}
        return sorted((name, value) for name, value in named.items() if value)

    def _scope(self, source: Source) -> dict[str, str]:
        name, version = source.scope
        labels = {"otel_scope_name": name, "otel_scope_version": version}
        for key, value in source.scope_attributes:
            if key not in _OF_SCOPE:
                labels[self._label(f"otel_scope_{key}")] = value
        return labels


class Infos:
    """What targets were told about and when: `target_info` must not go back in time, or all that
    is sent with it is refused."""

    def __init__(self) -> None:
        self._told: OrderedDict[tuple[tuple[str, str], ...], int] = OrderedDict()

    def due(self, naming: Naming, sources: Iterable[Source]) -> list[Info]:
        """What is new of the sources' targets."""
        latest: dict[tuple[tuple[str, str], ...], int] = {}
        for source in sources:
            if labels := naming.info(source):
                key = tuple(labels)
                latest[key] = max(latest.get(key, 0), source.time // NANOSECONDS)
        new = {key: time for key, time in latest.items() if time > self._told.get(key, 0)}
        return [(list(key), time) for key, time in new.items()]

    def told(self, infos: Iterable[Info]) -> None:
        """Note that they have arrived."""
        for labels, time in infos:
            key = tuple(labels)
            self._told[key] = max(time, self._told.pop(key, 0))
            if len(self._told) > MAX_TARGETS:
                self._told.popitem(last=False)


def identity(resource: Mapping[str, str]) -> dict[str, str]:
    """The labels that say of which target series are."""
    namespace, name, instance = (resource.get(key, "") for key in _SERVICE)
    job = f"{namespace}/{name}" if namespace and name else name
    return {"job": job, "instance": instance}


def _type(metric: Metric) -> MetricType | None:
    """What a metric is in Prometheus, which only knows totals since some start."""
    if metric.data in {"sum", "histogram", "exponential_histogram"}:
        if metric.temporality != CUMULATIVE:
            return None
        if metric.data != "sum":
            return MetricType.HISTOGRAM
        return MetricType.COUNTER if metric.monotonic else MetricType.GAUGE
    if metric.data == "gauge":
        return MetricType.UNKNOWN if metric.original == "unknown" else MetricType.GAUGE
    return MetricType.SUMMARY if metric.data == "summary" else None


def _shown(metric: Metric, type_: MetricType) -> str:
    """The type as metadata have it: of some gauges Prometheus knows more."""
    return metric.original if metric.original in {"info", "stateset"} else type_
