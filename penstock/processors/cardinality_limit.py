"""Bound how many series there are, and keep their totals right."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
from pydantic import Field, model_validator

from penstock.config.regexps import Regexp, compiled
from penstock.config.types import Duration, Section
from penstock.pipeline import Batch, Processor, ProcessorConfig, Signal
from penstock.pipeline.series import Admission, Fold, GaugeFold
from penstock.pipeline.steps import dropped
from penstock.processors._attributes import path_to
from penstock.processors._budgets import REASONS, TOO_FAST, Budgets
from penstock.processors._explained import Explained
from penstock.processors._temporality import Losses

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from penstock.pipeline import Context
    from penstock.pipeline.batch import Mask

OVERFLOW = "otel.metric.overflow"
"""The attribute of series that others are folded into, as the OpenTelemetry SDKs have it."""

_ATTRIBUTES = "datapoint.attributes"

Action = Literal["overflow", "strip", "drop"]


class Override(Section):
    """Other limits for some metrics."""

    metric: Regexp
    """Which metrics: a regular expression for all of the name."""
    per_metric: int | None = Field(default=None, ge=0)
    """Series of each of these metrics; 0 for no limit of their own."""
    action: Action | None = None
    """What happens to what is too much."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.per_metric is None and self.action is None:
            msg = "an override says `per_metric`, `action` or both"
            raise ValueError(msg)
        return self


class Config(ProcessorConfig):
    """Options of `cardinality_limit`, which the Collector does not have."""

    signals: ClassVar[frozenset[Signal]] = frozenset({Signal.METRICS})

    max_series: int = Field(default=100_000, ge=1, le=50_000_000)
    """Series in all."""
    per_metric: int = Field(default=0, ge=0)
    """Series of each metric; 0 for no limit of their own."""
    per_resource: int = Field(default=0, ge=0)
    """Series of everything whose `resource_keys` are the same; 0 for no limit of their own."""
    resource_keys: tuple[str, ...] = ("service.name",)
    """The attributes of resources that tell teams or services apart. They are all that is left of
    the resource of an overflow series."""
    overrides: tuple[Override, ...] = ()
    """Other limits for some metrics; the first that matches counts."""
    labels: dict[str, int] = Field(default_factory=dict)
    """Distinct values that an attribute of data points may have. From points with more values, the
    attribute is removed."""
    max_new_series: int = Field(default=0, ge=0)
    """New series in `new_series_interval`; 0 for no limit."""
    new_series_interval: Duration = Field(default=60.0, gt=0)
    """The time that `max_new_series` is for."""
    action: Action = "overflow"
    """What happens to points of series that are too many. `overflow` folds them into one series of
    the metric and the `resource_keys`, which has `otel.metric.overflow` and the right total;
    `strip` removes the labels with most values first; `drop` drops them."""
    strip: tuple[str, ...] = ()
    """The attributes that `strip` removes; by default the one with the most values."""
    gauge: GaugeFold = "last"
    """What an overflow series of gauges shows: the newest value, the `sum` of what each says last,
    or the `min` or `max` of a batch."""
    ttl: Duration = Field(default=3600.0, ge=0)
    """How long a series without points keeps its place; 0 is forever."""
    max_folded_series: int = Field(default=1_000_000, ge=1)
    """Series that are folded, of which each takes about 100 bytes while it is cumulative or a
    gauge that is summed up. Points of more are dropped."""
    warn_senders: bool = True
    """Whether senders are told, along with "taken", that there are too many series."""
    dry_run: bool = False
    """Whether to count and tell what would happen, and let everything pass."""

    def override_for(self, metric: str, option: Literal["per_metric", "action"]) -> Any:
        """What the first override that is about the metric says; `None` where none does."""
        for override in self.overrides:
            said = getattr(override, option)
            if said is not None and compiled(f"^(?:{override.metric})$").found([metric])[0]:
                return said
        return None

    def action_for(self, metric: str) -> Action:
        """What happens to the metric's series that are too many."""
        action: Action = self.override_for(metric, "action") or self.action
        return action

    def build(self, context: Context) -> CardinalityLimit:
        """The processor."""
        return CardinalityLimit(self, context)


class _Points(NamedTuple):
    """Points, the series that they came as, and what `Admission` said of each."""

    batch: Batch
    series: NDArray[np.void]
    entries: NDArray[np.uint8]

    def only(self, where: Mask) -> _Points | None:
        kept = self.batch.keep(where)
        if kept is None:
            return None
        return _Points(kept, self.series[where], self.entries[where])

    def as_batch(self, batch: Batch) -> _Points:
        return self._replace(batch=batch)


class CardinalityLimit(Processor):
    """Lets points of known series pass, and of new ones as long as there is room.

    A cumulative series that was folded once stays folded until it is idle: what it counted is in
    the total of another, and must not be anywhere else.
    """

    remembers = True

    def __init__(
        self, config: Config, context: Context, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._config = config
        self._budgets = Budgets(config, clock)
        self._fold = Fold(config.max_folded_series, gauge=config.gauge, ttl=config.ttl, clock=clock)
        self._explained = Explained(config, context, self._budgets)
        self._values: dict[str, set[object]] = {key: set() for key in config.labels}
        self._dropped = [dropped(context, reason) for reason in (TOO_FAST, *REASONS)]
        self._losses = Losses(context)

    def process(self, batch: Batch) -> Batch | None:
        """The batch with no more series than the limits allow."""
        series = batch.series_ids()
        reduced, is_reduced = self._without_labels(batch)
        entries = self._budgets.admit(reduced, reduced.series_ids() if is_reduced.any() else series)
        is_over = entries >= Admission.TOO_FAST
        is_over |= self._fold.counts(series) & ~is_reduced
        self._explained.note(batch, entries, is_over, is_reduced)
        if self._config.dry_run or not (is_over.any() or is_reduced.any()):
            return batch
        points = _Points(batch, series, entries)
        parts = [batch.keep(~is_over & ~is_reduced)]
        if fitting := points.as_batch(reduced).only(is_reduced & ~is_over):
            parts.append(self._folded(fitting)[0])
        if over := points.only(is_over):
            parts += self._limited(over)
        left = [part for part in parts if part]
        return Batch.concat(left) if left else None

    def _without_labels(self, batch: Batch) -> tuple[Batch, Mask]:
        """The batch without labels of too many values, and where one had to go."""
        is_reduced = np.zeros(len(batch), dtype=np.bool_)
        edits = batch.edit()
        for key, limit in self._config.labels.items():
            path = path_to(_ATTRIBUTES, key)
            where = batch.column(path).where(partial(self._is_too_much, key, limit))
            if where.any():
                edits.delete(path, where)
                is_reduced |= where
        return edits.apply(), is_reduced

    def _is_too_much(self, key: str, limit: int, value: object) -> bool:
        known = self._values[key]
        value = repr(value) if isinstance(value, dict | list) else value
        if value is None or value in known:
            return False
        if len(known) >= limit:
            return True
        known.add(value)
        return False

    def _limited(self, over: _Points) -> list[Batch | None]:
        """What becomes of points that there is no room for."""
        actions = over.batch.column("metric.name").map(self._config.action_for)
        results = []
        too_many = [over.only(actions == "overflow")]
        if strip := over.only(actions == "strip"):
            result, entries = self._folded(strip.as_batch(self._stripped(strip.batch)))
            results.append(result)
            too_many.append(strip.only(entries >= Admission.TOO_FAST))
        for points in filter(None, too_many):
            result, entries = self._folded(points.as_batch(self._overflow(points.batch)), last=True)
            results.append(result)
            self._drop(entries[entries >= Admission.TOO_FAST])
        self._drop(over.entries[actions == "drop"])
        return results

    def _folded(
        self, points: _Points, *, last: bool = False
    ) -> tuple[Batch | None, NDArray[np.uint8]]:
        """Points folded into the series that they are of now, as far as those find room, and what
        became of each; in the `last` places of budgets or not."""
        entries = self._budgets.admit(points.batch, points.batch.series_ids(), last=last)
        fitting = points.only(entries < Admission.TOO_FAST)
        if fitting is None:
            return None, entries
        every = np.ones(len(fitting.batch), dtype=np.bool_)
        result, report = self._fold.apply(fitting.batch, fitting.series, every)
        self._losses.count(report)
        return result, entries

    def _stripped(self, batch: Batch) -> Batch:
        """The batch without the labels that make it too many."""
        if self._config.strip:
            edits = batch.edit()
            for key in self._config.strip:
                edits.delete(path_to(_ATTRIBUTES, key))
            return edits.apply()
        worst = batch.column("metric.name").map(self._explained.worst_label)
        edits = batch.edit()
        for key in filter(None, worst.values):
            edits.delete(path_to(_ATTRIBUTES, key), worst == key)
        return edits.apply()

    def _overflow(self, batch: Batch) -> Batch:
        """The batch with every point in the overflow series of its metric."""
        edits = batch.edit().set(_ATTRIBUTES, {OVERFLOW: True})
        return edits.keep_keys("resource.attributes", self._config.resource_keys).apply()

    def _drop(self, entries: NDArray[np.uint8]) -> None:
        """Count what is dropped, by what there was too much of."""
        kinds = np.bincount(np.maximum(entries, Admission.TOO_FAST) - Admission.TOO_FAST)
        for counter, count in zip(self._dropped, kinds.tolist(), strict=False):
            counter.add(count)
