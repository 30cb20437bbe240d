"""From what a target exposes to data points: rules, limits, resources and scopes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from penstock._kernel import MalformedPayload, Samples
from penstock.pipeline import Batch, Column
from penstock.prometheus.labels import NAME, LabelSets
from penstock.prometheus.relabel import relabel
from penstock.prometheus.units import UCUM
from penstock.receivers._scrape_fetch import Outcome, ScrapeError
from penstock.receivers._scrape_resource import resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.receivers._scrape_options import Global, Limits, ScrapeConfig
    from penstock.receivers._scrape_target import Target

    Parent = tuple[dict[str, Any], str, str, str, dict[str, Any]]

_BYTES_PER_SAMPLE = 64
"""As a sample usually takes, or fewer: an exposition of the largest size has no more samples than
these make, since the shortest ones become fifty times as large."""

_SCOPE = "otel_scope_"
_KNOWN_SCOPE = (f"{_SCOPE}name", f"{_SCOPE}version", f"{_SCOPE}schema_url")
_OF_TARGETS = ("job", "instance")
_TARGET_INFO, _SCOPE_INFO = "target_info", "otel_scope_info"

_OUR_SCOPE = "penstock/receivers/prometheus"


class Scraped(NamedTuple):
    """What became of an exposition."""

    batch: Batch | None
    exposed: int
    """Samples that the target exposed."""
    left: int
    """Samples that relabelling left."""
    dropped: Mapping[str, int]
    """Samples that came to nothing, by reason."""
    about: Mapping[str, str]
    """What the target told of itself, besides where it is."""


NOTHING = Scraped(None, 0, 0, {}, {})


class Reader:
    """Reads what the targets of a job expose."""

    def __init__(self, job: ScrapeConfig, common: Global) -> None:
        self._job = job
        self._external = common.external_labels

    def read(self, body: bytes, format_: str, target: Target, now: int) -> Scraped:
        """Data points of an exposition; `now` is in Unix nanoseconds. Raises `ScrapeError`."""
        job = self._job
        samples = self._parse(body, format_)
        exposed = len(samples)
        if not job.honor_timestamps:
            samples.forget_times()
        samples.attach(list(target.labels), job.honor_labels)
        self._relabel(samples)
        _check(samples, job)
        for name, value in self._external.items():
            samples.set(name, np.zeros(len(samples), dtype=np.uint32).data, [value])
        left = len(samples)
        told = _told(samples)
        batch, dropped = _points(samples, target, told, now)
        return Scraped(batch, exposed, left, dropped, told.get(_name(target), {}))

    def report(
        self, values: Mapping[str, float], target: Target, about: Mapping[str, str], now: int
    ) -> Batch:
        """Data points about the scrape itself, which no rule changes."""
        samples = Samples.parse(_report(values), "text", max_samples=len(values))
        labels = {**dict(target.labels), **self._external}
        samples.attach(list(labels.items()), honor=False)
        batch, _ = _points(samples, target, {_name(target): about}, now)
        assert batch is not None, "it has points"
        return batch

    def _parse(self, body: bytes, format_: str) -> Samples:
        job = self._job
        try:
            return Samples.parse(
                body,
                format_,
                max_samples=max(job.body_size_limit // _BYTES_PER_SAMPLE, 1),
                native=job.scrape_native_histograms,
                classic=job.always_scrape_classic_histograms,
            )
        except MalformedPayload as error:
            raise ScrapeError(Outcome.MALFORMED, f"the exposition is malformed: {error}") from error

    def _relabel(self, samples: Samples) -> None:
        rules = self._job.metric_relabel_configs
        if not rules:
            return
        sets = relabel(rules, LabelSets(len(samples), _Columns(samples)))
        for name in sorted(sets.written):
            column = sets.get(name)
            samples.set(name, np.ascontiguousarray(column.codes).data, column.values)
        if not sets.kept.all():
            samples.keep(sets.kept.view(np.uint8).data)
        if "" in _column(samples, NAME).values:
            msg = "metric_relabel_configs leave a sample without a name"
            raise ScrapeError(Outcome.RELABEL, msg)


class _Columns(Mapping[str, Column]):
    """The labels of samples as columns, made when they are asked for."""

    def __init__(self, samples: Samples) -> None:
        self._names = dict.fromkeys(samples.labels())
        self._column = cache(partial(_column, samples))

    def __getitem__(self, name: str) -> Column:
        if name not in self._names:
            raise KeyError(name)
        return self._column(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _column(samples: Samples, name: str) -> Column:
    codes, values = samples.column(name)
    return Column(np.frombuffer(codes, dtype=np.uint32), values)


def _check(samples: Samples, limits: Limits) -> None:
    labels, name, value = samples.extremes()
    for outcome, found, what in (
        (Outcome.SAMPLE_LIMIT, len(samples), "samples are left"),
        (Outcome.LABEL_LIMIT, labels, "labels are those of one sample"),
        (Outcome.LABEL_NAME_LENGTH_LIMIT, name, "bytes are the name of one label"),
        (Outcome.LABEL_VALUE_LENGTH_LIMIT, value, "bytes are the value of one label"),
    ):
        limit = getattr(limits, outcome)
        if limit and found > limit:
            raise ScrapeError(outcome, f"{found} {what}, and {outcome} is {limit}")


def _name(target: Target) -> tuple[str, str]:
    own = dict(target.labels)
    return own.get("job", ""), own["instance"]


def _told(samples: Samples) -> dict[tuple[str, str], dict[str, str]]:
    """What targets tell of themselves, by job and instance."""
    return {
        (info.pop("job", ""), info.pop("instance", "")): {
            name: text for name, text in info.items() if text and name != NAME
        }
        for info in samples.series(_TARGET_INFO)
    }


def _points(
    samples: Samples, target: Target, told: Mapping[tuple[str, str], Mapping[str, str]], now: int
) -> tuple[Batch | None, dict[str, int]]:
    """The points under their resources and scopes."""
    labels = samples.labels()
    names = [*_OF_TARGETS, *(name for name in labels if name.startswith(_SCOPE))]
    owners, distinct = _combinations([_column(samples, name) for name in names], len(samples))
    parents = [_parent(dict(zip(names, row, strict=True)), told, target) for row in distinct]
    about = _column(samples, NAME)
    ordinary = ~about.isin([_TARGET_INFO, _SCOPE_INFO])
    if not ordinary.all():
        owners = owners[ordinary]
        samples.keep(ordinary.view(np.uint8).data)
    batch, dropped = samples.to_otlp(
        owners=np.ascontiguousarray(owners).data,
        parents=parents,
        without=names,
        now=now,
        units=UCUM,
    )
    return (None if batch is None else Batch(batch)), dropped


def _combinations(columns: list[Column], count: int) -> tuple[Any, list[list[str]]]:
    """A code for each sample, and the values of each code."""
    codes = np.zeros(count, dtype=np.int64)
    for column in columns:
        codes = np.unique(codes * len(column.values) + column.codes, return_inverse=True)[1]
    _, first, codes = np.unique(codes, return_index=True, return_inverse=True)
    rows = [[column.values[column.codes[item]] for column in columns] for item in first.tolist()]
    return codes.astype(np.uint32), rows


def _parent(
    labels: Mapping[str, str],
    told: Mapping[tuple[str, str], Mapping[str, str]],
    target: Target,
) -> Parent:
    named = labels["job"], labels["instance"]
    job, instance = (found or own for found, own in zip(named, _name(target), strict=True))
    scope = {name: text for name, text in labels.items() if name.startswith(_SCOPE) and text}
    name, number, schema = (scope.pop(known, "") for known in _KNOWN_SCOPE)
    if not (name or number or schema or scope):
        name, number = _OUR_SCOPE, version("penstock")
    attributes = {key.removeprefix(_SCOPE): text for key, text in scope.items()}
    return (
        {**resource(job, instance, target), **told.get(named, {})},
        name,
        number,
        schema,
        attributes,
    )


_HELP = {
    "up": "The scraping was successful",
    "scrape_duration_seconds": "Duration of the scrape",
    "scrape_samples_scraped": "The number of samples the target exposed",
    "scrape_samples_post_metric_relabeling": (
        "The number of samples remaining after metric relabeling was applied"
    ),
    "scrape_series_added": "The approximate number of new series in this scrape",
}


def _report(values: Mapping[str, float]) -> bytes:
    lines = (
        f"# HELP {name} {_HELP[name]}\n# TYPE {name} gauge\n{name} {value!r}\n"
        for name, value in values.items()
    )
    return "".join(lines).encode()
