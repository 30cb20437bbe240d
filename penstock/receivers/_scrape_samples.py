"""From what a target exposes to data points: rules, limits, resources and scopes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from penstock._kernel import MalformedPayload, Samples
from penstock.pipeline import Column
from penstock.prometheus.labels import NAME, LabelSets
from penstock.prometheus.relabel import relabel
from penstock.receivers._samples import BYTES_PER_SAMPLE, column, points, told
from penstock.receivers._scrape_fetch import Outcome, ScrapeError
from penstock.receivers._scrape_resource import resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.pipeline import Batch
    from penstock.receivers._samples import Told
    from penstock.receivers._scrape_options import Global, Limits, ScrapeConfig
    from penstock.receivers._scrape_target import Target

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
        about = told(samples)
        batch, dropped = _points(samples, target, about, now)
        return Scraped(batch, exposed, left, dropped, about.get(_name(target), {}))

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
                max_samples=max(job.body_size_limit // BYTES_PER_SAMPLE, 1),
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
            found = sets.get(name)
            samples.set(name, np.ascontiguousarray(found.codes).data, found.values)
        if not sets.kept.all():
            samples.keep(sets.kept.view(np.uint8).data)
        if "" in column(samples, NAME).values:
            msg = "metric_relabel_configs leave a sample without a name"
            raise ScrapeError(Outcome.RELABEL, msg)


class _Columns(Mapping[str, Column]):
    """The labels of samples as columns, made when they are asked for."""

    def __init__(self, samples: Samples) -> None:
        self._names = dict.fromkeys(samples.labels())
        self._column = cache(partial(column, samples))

    def __getitem__(self, name: str) -> Column:
        if name not in self._names:
            raise KeyError(name)
        return self._column(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


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


def _points(
    samples: Samples, target: Target, about: Told, now: int
) -> tuple[Batch | None, dict[str, int]]:
    own_job, own_instance = _name(target)

    def describe(job: str, instance: str) -> dict[str, str]:
        return resource(job or own_job, instance or own_instance, target)

    return points(samples, about, describe, _OUR_SCOPE, now)


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
