"""Keep, drop and rewrite by Prometheus' rules, and put series together that become the same."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

import numpy as np
from pydantic import Field, model_validator

from penstock.config.types import Duration
from penstock.pipeline import Batch, Processor, ProcessorConfig, Signal
from penstock.pipeline.series import Fold, GaugeFold
from penstock.processors._attributes import MANY
from penstock.processors._labels import Labels, changed, changes
from penstock.processors._temporality import CUMULATIVE, DELTA, Losses
from penstock.prometheus.labels import NAME, LabelSets
from penstock.prometheus.relabel import Action, Rule, relabel

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from penstock.pipeline import Context
    from penstock.pipeline.batch import Mask

_ONLY_FILTER = {Action.KEEP, Action.DROP, Action.KEEP_EQUAL, Action.DROP_EQUAL}

_GAUGE = 1
"""The number of gauges in `metric.type`."""

_NO_VALUE = 1
"""The flag of points that say that their series has no value any more."""

_MOST_VALUES = 50_000
"""Labels times items from which a batch with unusually many labels is halved: rules about names may
look at every label of every item, and others make a label of every value."""

_OF_METRICS = {"merge", "gauge", "max_merged_series", "ttl"}


class Config(ProcessorConfig):
    """Options of `relabel`, which the Collector does not have."""

    relabel_configs: tuple[Rule, ...]
    """Prometheus' rules, one after the other."""
    merge: bool = True
    """Metrics: whether points of series that become the same are put together. Without, they stand
    side by side, which is right where rules keep apart what was apart."""
    gauge: GaugeFold = "last"
    """What gauges that are put together show: the newest value, the `sum` of what each says last,
    or the `min` or `max` of a batch."""
    max_merged_series: int = Field(default=1_000_000, ge=1)
    """Cumulative series that are remembered in order to add them up right, each some 100 bytes.
    Points of more are dropped."""
    ttl: Duration = Field(default=3600.0, ge=0)
    """How long a series without points is remembered; 0 is forever."""

    @model_validator(mode="after")
    def _has_rules(self) -> Self:
        if not self.relabel_configs:
            msg = "expected at least one rule in `relabel_configs`"
            raise ValueError(msg)
        return self

    def misfit(self, signal: Signal) -> str | None:
        """The option that makes no sense for `signal`, if one does not."""
        strange = sorted(self.model_fields_set & _OF_METRICS)
        if signal is Signal.METRICS or not strange:
            return None
        return f"`{strange[0]}` applies to metrics only; remove it"

    def build(self, context: Context) -> Relabel:
        """The processor."""
        return Relabel(self, context)


class Relabel(Processor):
    """Applies rules to the labels of items."""

    remembers = True

    def __init__(
        self, config: Config, context: Context, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rules = config.relabel_configs
        self._makes_names = any("$" in rule.target_label for rule in self._rules)
        self._gauge = config.gauge
        self._losses = Losses(context)
        self._fold: Fold | None = None
        if config.merge and not all(rule.action in _ONLY_FILTER for rule in self._rules):
            self._fold = Fold(
                config.max_merged_series, gauge=config.gauge, ttl=config.ttl, clock=clock
            )

    def process(self, batch: Batch) -> Batch | None:
        """The batch after all rules; `None` when nothing is left."""
        labels = Labels(batch)
        names = max(len(labels), len(batch) if self._makes_names else 0)
        if names > MANY and names * len(batch) > _MOST_VALUES and len(batch) > 1:
            halves = batch.split(max_items=(len(batch) + 1) // 2)
            left = [done for half in halves if (done := self.process(half))]
            return Batch.concat(left) if left else None
        return self._relabelled(batch, labels)

    def _relabelled(self, batch: Batch, labels: Labels) -> Batch | None:
        sets = relabel(self._rules, LabelSets(len(batch), labels))
        if batch.signal is Signal.METRICS:
            sets.kept &= sets.get(NAME) != ""
        left = batch.keep(sets.kept)
        if left is None:
            return None
        found = [each.only(sets.kept) for each in changes(batch, labels, sets)]
        done, places = changed(left, found)
        if left.signal is not Signal.METRICS or self._fold is None:
            return done
        sources = left.series_ids()
        return self._merged(done, sources if places is None else sources[places])

    def _merged(self, batch: Batch, sources: NDArray[np.void]) -> Batch | None:
        assert self._fold is not None
        where = self._foldable(batch, sources)
        if not where.any():
            return batch
        merged, report = self._fold.apply(batch, sources, where)
        self._losses.count(report)
        return merged

    def _foldable(self, batch: Batch, sources: NDArray[np.void]) -> Mask:
        """Points that others may have to be put together with, in this batch or with what comes."""
        temporality = batch.column("metric.aggregation_temporality")
        gauges = batch.column("metric.type") == _GAUGE
        total = (temporality == CUMULATIVE) | (gauges & (self._gauge == "sum"))
        total &= (batch.numbers("datapoint.flags") & _NO_VALUE) == 0
        others = ~total & (gauges | temporality.isin([DELTA, CUMULATIVE]))
        if others.any():
            others &= _of_several(batch.series_ids(), sources)
        return total | others


def _of_several(series: NDArray[np.void], sources: NDArray[np.void]) -> Mask:
    """The points of series that have several sources."""
    _, groups = np.unique(_one(series), return_inverse=True)
    _, origins = np.unique(_one(sources), return_inverse=True)
    count = int(origins.max()) + 1
    distinct = np.unique(groups * count + origins) // count
    several: Mask = np.bincount(distinct)[groups] > 1
    return several


def _one(series: NDArray[np.void]) -> NDArray[np.uint64]:
    """Both halves of identities in one number, of which the second is a secret."""
    mixed: NDArray[np.uint64] = series["id"] * np.uint64(0x9E3779B97F4A7C15) ^ series["check"]
    return mixed
