"""Operations of `metricstransform`: what is done to the points of metrics, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from penstock.config.types import Section
from penstock.pipeline import Batch, points
from penstock.pipeline.points import Combination
from penstock.processors._attributes import path_to, present

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from penstock.pipeline.batch import Mask

Action = Literal[
    "add_label",
    "update_label",
    "delete_label_value",
    "toggle_scalar_data_type",
    "experimental_scale_value",
    "aggregate_labels",
    "aggregate_label_values",
]

ATTRIBUTES = "datapoint.attributes"

_TAKES: Mapping[str, tuple[set[str], set[str]]] = {
    "add_label": ({"new_label", "new_value"}, set()),
    "update_label": ({"label"}, {"new_label", "value_actions"}),
    "delete_label_value": ({"label", "label_value"}, set()),
    "toggle_scalar_data_type": (set(), set()),
    "experimental_scale_value": ({"experimental_scale"}, set()),
    "aggregate_labels": ({"aggregation_type"}, {"label_set"}),
    "aggregate_label_values": (
        {"label", "aggregated_values", "new_value", "aggregation_type"},
        set(),
    ),
}
"""The options that an action needs, and those that it may have."""


def fit(action: str, given: Iterable[str], needed: set[str], others: set[str]) -> None:
    """Raise `ValueError` unless an action has the options that it needs, and no useless ones."""
    given = set(given) - {"action"}
    if missing := sorted(needed - given):
        msg = f"the action {action} needs `{missing[0]}`"
        raise ValueError(msg)
    if useless := sorted(given - needed - others):
        msg = f"the action {action} makes no use of `{useless[0]}`; remove it"
        raise ValueError(msg)


class ValueAction(Section):
    """Another value for one of a label."""

    value: str
    """The value that is replaced."""
    new_value: str
    """What it becomes; `{{version}}` in it is Penstock's version."""


class Operation(Section):
    """Something that is done to points."""

    action: Action
    """What is done."""
    label: str | None = Field(default=None, min_length=1)
    """The label, an attribute of data points, that it is done to."""
    new_label: str | None = Field(default=None, min_length=1)
    """The label that is added, or the name that `label` gets."""
    new_value: str = ""
    """The value of the label that is added, or of what is aggregated; `{{version}}` in it is
    Penstock's version."""
    label_value: str = ""
    """The value whose points are deleted."""
    label_set: tuple[str, ...] = ()
    """The labels that are left; points that do not differ in them are aggregated."""
    aggregated_values: tuple[str, ...] = ()
    """The values that become one, whose points are aggregated."""
    aggregation_type: Combination | None = None
    """What the value of several points is; histograms and summaries are added up whatever it is."""
    experimental_scale: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """What values are multiplied by."""
    value_actions: tuple[ValueAction, ...] = ()
    """Other values for some of the label."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        given = self.model_fields_set
        fit(self.action, given, *_TAKES[self.action])
        if self.action == "update_label" and not given & {"new_label", "value_actions"}:
            msg = "the action update_label needs `new_label` or `value_actions`"
            raise ValueError(msg)
        return self


@dataclass(slots=True)
class Subject:
    """A batch of which some points are worked on.

    `where` are the points of the metrics that are meant, `whole` those of metrics all whose points
    match; `matching` finds those that match by themselves.
    """

    batch: Batch
    where: Mask
    whole: Mask
    matching: Callable[[Batch], Mask]

    @classmethod
    def all_of(cls, batch: Batch, matching: Callable[[Batch], Mask]) -> Subject:
        """Every point of a batch."""
        every = np.ones(len(batch), dtype=np.bool_)
        return cls(batch, every, every, matching)

    def each(self) -> Mask:
        """The points that match by themselves."""
        return self.where & self.matching(self.batch)

    def become(self, batch: Batch, kept: Mask) -> None:
        """Go on with another batch, in which those points of this one are."""
        self.batch, self.where, self.whole = batch, self.where[kept], self.whole[kept]


def run(operations: Iterable[Operation], subject: Subject) -> Batch | None:
    """The batch after all operations; `None` when no point is left."""
    for operation in operations:
        if not _ACTIONS[operation.action](operation, subject):
            return None
    return subject.batch


@cache
def _version() -> str:
    return version("penstock")


def with_version(text: str) -> str:
    """The text with Penstock's version where it asks for it."""
    return text.replace("{{version}}", _version()) if "{{version}}" in text else text


def _add_label(operation: Operation, subject: Subject) -> bool:
    path = path_to(ATTRIBUTES, str(operation.new_label))
    absent = ~present(subject.batch.column(path))
    value = with_version(operation.new_value)
    subject.batch = subject.batch.set(path, value, subject.whole & absent)
    return True


def _update_label(operation: Operation, subject: Subject) -> bool:
    path = path_to(ATTRIBUTES, str(operation.label))
    column = subject.batch.column(path)
    where = subject.each() & present(column)
    others = {each.value: with_version(each.new_value) for each in operation.value_actions}
    column = column.map(lambda value: others.get(value, value) if isinstance(value, str) else value)
    edits = subject.batch.edit()
    if operation.new_label and operation.new_label != operation.label:
        edits.delete(path, where)
        path = path_to(ATTRIBUTES, operation.new_label)
    subject.batch = edits.set(path, column, where).apply()
    return True


def _delete_label_value(operation: Operation, subject: Subject) -> bool:
    column = subject.batch.column(path_to(ATTRIBUTES, str(operation.label)))
    kept = ~(subject.whole & column.equals(operation.label_value))
    batch = subject.batch.keep(kept)
    if batch is not None:
        subject.become(batch, kept)
    return batch is not None


def _toggle(_: Operation, subject: Subject) -> bool:
    subject.batch = points.toggle(subject.batch, subject.each())
    return True


def _scale(operation: Operation, subject: Subject) -> bool:
    subject.batch = points.scale(subject.batch, operation.experimental_scale, subject.each())
    return True


def _aggregate_labels(operation: Operation, subject: Subject) -> bool:
    edits = subject.batch.edit()
    subject.batch = edits.keep_keys(ATTRIBUTES, operation.label_set, subject.whole).apply()
    return _combine(operation, subject)


def _aggregate_label_values(operation: Operation, subject: Subject) -> bool:
    path = path_to(ATTRIBUTES, str(operation.label))
    where = subject.whole & subject.batch.column(path).isin(operation.aggregated_values)
    subject.batch = subject.batch.set(path, with_version(operation.new_value), where)
    return _combine(operation, subject)


def _combine(operation: Operation, subject: Subject) -> bool:
    assert operation.aggregation_type
    batch, kept = points.combine(subject.batch, operation.aggregation_type, subject.whole)
    subject.become(batch, kept)
    return True


_ACTIONS: Mapping[str, Callable[[Any, Subject], bool]] = {
    "add_label": _add_label,
    "update_label": _update_label,
    "delete_label_value": _delete_label_value,
    "toggle_scalar_data_type": _toggle,
    "experimental_scale_value": _scale,
    "aggregate_labels": _aggregate_labels,
    "aggregate_label_values": _aggregate_label_values,
}
"""What an action does; whether any point is left."""
