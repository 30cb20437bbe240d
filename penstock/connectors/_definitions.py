"""Options that define metrics: their names, what is taken into account, and by what it is split."""

from __future__ import annotations

from functools import partial
from typing import Annotated, ClassVar, Generic, NamedTuple, TypeVar

from pydantic import AfterValidator, Field

from penstock.config.types import Section
from penstock.ottl import Condition
from penstock.pipeline import Signal


class Kind(NamedTuple):
    """What can be counted: its signal, its context in OTTL, and the paths of its times."""

    signal: Signal
    context: str
    times: tuple[str, ...]


KINDS = {
    "spans": Kind(Signal.TRACES, "span", ("span.start_time_unix_nano", "span.end_time_unix_nano")),
    "spanevents": Kind(Signal.TRACES, "spanevent", ("spanevent.time_unix_nano",)),
    "metrics": Kind(Signal.METRICS, "metric", ("datapoint.time_unix_nano",)),
    "datapoints": Kind(Signal.METRICS, "datapoint", ("datapoint.time_unix_nano",)),
    "logs": Kind(Signal.LOGS, "log", ("log.time_unix_nano",)),
}
"""By the option under which its metrics are defined."""


def _readable(kind: str, text: str) -> str:
    Condition.compile(text, KINDS[kind].signal, KINDS[kind].context)
    return text


SpanCondition = Annotated[str, AfterValidator(partial(_readable, "spans"))]
EventCondition = Annotated[str, AfterValidator(partial(_readable, "spanevents"))]
MetricCondition = Annotated[str, AfterValidator(partial(_readable, "metrics"))]
PointCondition = Annotated[str, AfterValidator(partial(_readable, "datapoints"))]
RecordCondition = Annotated[str, AfterValidator(partial(_readable, "logs"))]
ConditionText = TypeVar("ConditionText")
MetricName = Annotated[str, Field(min_length=1)]


class Attribute(Section):
    """An attribute by whose values a metric is split."""

    key: str = Field(min_length=1)
    """The attribute, which data points get as well."""
    default_value: str | int | float | None = None
    """Its value for items that do not have it; without it, those do not count."""


class Plain(Section, Generic[ConditionText]):
    """A metric that is one number for each resource."""

    description: str = ""
    """Its description."""
    conditions: tuple[ConditionText, ...] = ()
    """Only what any of these is true for counts; all, if left out."""

    not_here: ClassVar[dict[str, str]] = {
        "attributes": "metrics have no attributes of their own; count `datapoints`",
    }


class Split(Plain[ConditionText], Generic[ConditionText]):
    """A metric that may have a data point for each set of attribute values."""

    attributes: tuple[Attribute, ...] = ()
    """The attributes by whose values it is split."""

    not_here: ClassVar[dict[str, str]] = {}


class Summed(Split[ConditionText], Generic[ConditionText]):
    """A metric that adds up the values of an attribute."""

    source_attribute: str = Field(min_length=1)
    """The attribute whose values are added up: numbers, and texts that are some."""
