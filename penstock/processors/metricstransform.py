"""Rename metrics, change their labels and values, and put points or metrics together."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003  (options are read by their annotations)
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from penstock.pipeline import Batch, Column, Processor, ProcessorConfig, Signal, points
from penstock.pipeline.faults import FaultLog
from penstock.processors._attributes import path_to
from penstock.processors._combinable import combinable
from penstock.processors._metrics import Metrics, Names
from penstock.processors._operations import ATTRIBUTES, Operation, Subject, fit, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.pipeline import Context

_TAKES: Mapping[str, tuple[set[str], set[str]]] = {
    "update": (set(), {"new_name", "operations"}),
    "insert": ({"new_name"}, {"operations"}),
    "combine": ({"new_name", "aggregation_type"}, {"submatch_case", "operations"}),
    "group": ({"group_resource_labels"}, set()),
}
"""The options that an action needs, and those that it may have."""

_FILTER = {"include", "match_type", "experimental_match_labels"}


class Transform(Metrics):
    """What is done to some metrics."""

    action: Literal["update", "insert", "combine", "group"]
    """Whether the metrics are changed, a copy of them is, they become one metric, or they get a
    resource of their own."""
    new_name: str = ""
    """The name that they get; with `match_type: regexp`, `${1}` and `${name}` are groups."""
    group_resource_labels: Mapping[str, str] = Field(default={})
    """Attributes of the resource that they get."""
    aggregation_type: points.Combination | None = None
    """What the value of several points of `combine` is that do not differ in their labels."""
    submatch_case: Literal["lower", "upper"] | None = None
    """The case that groups of `include` get when `combine` makes labels of them."""
    operations: tuple[Operation, ...] = ()
    """What is done to their points, in this order."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        fit(self.action, self.model_fields_set - _FILTER, *_TAKES[self.action])
        return self


class Config(ProcessorConfig):
    """Options of the Collector's `metricstransform` processor."""

    signals: ClassVar[frozenset[Signal]] = frozenset({Signal.METRICS})

    transforms: tuple[Transform, ...] = ()
    """What is done, in this order."""

    def build(self, context: Context) -> MetricsTransform:
        """The processor."""
        return MetricsTransform(self, context)


class MetricsTransform(Processor):
    """Does one transform after the other, each to what the one before has left."""

    def __init__(self, config: Config, context: Context) -> None:
        faults = FaultLog(context.logger)
        self._steps = [_Step(transform, faults) for transform in config.transforms]

    def process(self, batch: Batch) -> Batch | None:
        """The batch with everything done; `None` when no point is left."""
        left: Batch | None = batch
        for step in self._steps:
            if left is None:
                break
            left = step.apply(left)
        return left


class _Step:
    """A transform that can be applied."""

    def __init__(self, transform: Transform, faults: FaultLog) -> None:
        self._transform = transform
        self._names = Names(transform, transform.new_name)
        self._faults = faults
        actions: dict[str, Callable[[Batch], Batch | None]] = {
            "update": self._update,
            "insert": self._insert,
            "combine": self._combine,
            "group": self._group,
        }
        self.apply = actions[transform.action]

    def _update(self, batch: Batch) -> Batch | None:
        where, whole = self._names.metrics(batch)
        if not where.any():
            return batch
        return self._changed(Subject(batch, where, whole, self._names.labelled))

    def _insert(self, batch: Batch) -> Batch:
        chosen = batch.keep(self._names.points(batch))
        return _joined(batch, chosen and self._changed(self._subject(chosen))) or batch

    def _combine(self, batch: Batch) -> Batch | None:
        where, _ = self._names.metrics(batch)
        combined = self._names.points(batch) & combinable(batch, where, self._faults)
        chosen = batch.keep(combined)
        if chosen is None:
            return batch
        made = self._as_one(chosen)
        changed = run(self._transform.operations, self._subject(made))
        return _joined(batch.keep(~combined), changed)

    def _group(self, batch: Batch) -> Batch | None:
        where = self._names.points(batch)
        chosen = batch.keep(where)
        if chosen is None:
            return batch
        edits = chosen.edit()
        for key, value in self._transform.group_resource_labels.items():
            edits.set(path_to("resource.attributes", key), value)
        return _joined(batch.keep(~where), edits.apply())

    def _subject(self, batch: Batch) -> Subject:
        return Subject.all_of(batch, self._names.labelled)

    def _changed(self, subject: Subject) -> Batch | None:
        if self._transform.new_name:
            renamed = subject.batch.column("metric.name").map(self._names.renamed)
            subject.batch = subject.batch.set("metric.name", renamed, subject.whole)
        return run(self._transform.operations, subject)

    def _as_one(self, batch: Batch) -> Batch:
        """One metric in each scope, with a point for each set of labels."""
        transform = self._transform
        assert transform.aggregation_type
        edits = batch.edit()
        names = batch.column("metric.name")
        for label, column in self._names.groups(names, transform.submatch_case).items():
            edits.set(path_to(ATTRIBUTES, label), column, column.where(bool))
        edits.set("metric.name", transform.new_name)
        edits.set("metric.description", _of_the_first(batch, "metric.description"))
        batch = edits.apply()
        every = np.ones(len(batch), dtype=np.bool_)
        return points.combine(batch, transform.aggregation_type, every)[0].compact()


def _of_the_first(batch: Batch, path: str) -> Column:
    """What the first item of each scope has, for all of it."""
    column = batch.column(path)
    _, first, scopes = np.unique(batch.parents("scope"), return_index=True, return_inverse=True)
    return Column(column.codes[first][scopes], column.values)


def _joined(one: Batch | None, other: Batch | None) -> Batch | None:
    if one is None or other is None:
        return one or other
    return Batch.concat([one, other])
