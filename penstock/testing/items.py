"""Items in short, as a test writes them.

A word that an item leaves out is not there; one that an expectation leaves out may be anything.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, StrictFloat, StrictInt, model_validator

from penstock.config.types import parse_duration
from penstock.pipeline import Signal

_SECOND = 1_000_000_000


KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
STATUSES = ("UNSET", "OK", "ERROR")
TEMPORALITIES = ("UNSPECIFIED", "DELTA", "CUMULATIVE")
"""OTLP's names, each at the place of its number."""

SEVERITIES = {
    f"{name}{step or ''}": first + max(step - 1, 0)
    for first, name in zip(
        range(1, 25, 4), ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"), strict=True
    )
    for step in (0, 2, 3, 4)
}
"""OTLP's numbers of severities by name: `WARN` is 13, `WARN2` 14."""


def _time(value: Any) -> Any:
    """Nanoseconds since 1970 of `2026-01-31T12:00:00Z`; a number is that already."""
    if not isinstance(value, str):
        return value
    found = datetime.fromisoformat(value)
    if found.tzinfo is None:
        msg = f"expected a time with its zone, such as 2026-01-31T12:00:00Z, found {value!r}"
        raise ValueError(msg)
    whole = int(found.replace(microsecond=0).astimezone(UTC).timestamp())
    return whole * _SECOND + found.microsecond * 1_000


def _nanoseconds(value: Any) -> Any:
    return value if value is None else round(parse_duration(value) * _SECOND)


Attributes = dict[str, Any]
Time = Annotated[int, BeforeValidator(_time, json_schema_input_type=str | int)]
Nanoseconds = Annotated[int, BeforeValidator(_nanoseconds, json_schema_input_type=str | Literal[0])]
Value = StrictInt | StrictFloat


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Scope(_Part):
    """The library that an item is from."""

    name: str | None = None
    version: str | None = None
    attributes: Attributes | None = None


class Event(_Part):
    """Something that happened during a span."""

    name: str | None = None
    time: Time | None = None
    attributes: Attributes | None = None


class Link(_Part):
    """Another span that a span has to do with."""

    trace_id: str | None = None
    span_id: str | None = None
    attributes: Attributes | None = None


class Item(_Part):
    """What items of every signal have. `resource` has its attributes."""

    attributes: Attributes | None = None
    resource: Attributes | None = None
    scope: Scope | None = None


class SpanItem(Item):
    """A span."""

    name: str | None = None
    kind: Literal[KINDS] | None = None  # type: ignore[valid-type]
    status: Literal[STATUSES] | None = None  # type: ignore[valid-type]
    status_message: str | None = None
    start: Time | None = None
    end: Time | None = None
    duration: Nanoseconds | None = None
    trace_id: str | None = None
    span_id: str | None = None
    parent_span_id: str | None = None
    trace_state: str | None = None
    events: list[Event] | None = None
    links: list[Link] | None = None


class LogItem(Item):
    """A log record."""

    body: Any = None
    severity: Literal[tuple(SEVERITIES)] | None = None  # type: ignore[valid-type]
    severity_text: str | None = None
    event_name: str | None = None
    time: Time | None = None
    observed_time: Time | None = None
    trace_id: str | None = None
    span_id: str | None = None


class PointItem(Item):
    """A data point of a metric."""

    metric: str | None = None
    unit: str | None = None
    description: str | None = None
    type: Literal["gauge", "sum", "histogram"] | None = None
    temporality: Literal[TEMPORALITIES] | None = None  # type: ignore[valid-type]
    monotonic: bool | None = None
    value: Value | None = None
    count: int | None = None
    sum: Value | None = None
    min: Value | None = None
    max: Value | None = None
    bounds: list[float] | None = None
    bucket_counts: list[int] | None = None
    time: Time | None = None
    start: Time | None = None

    @model_validator(mode="after")
    def _gauges_add_nothing(self) -> Self:
        if self.type == "gauge" and (self.temporality or self.monotonic):
            msg = "a gauge has no temporality and is not monotonic; expected the type sum"
            raise ValueError(msg)
        return self


MODELS: dict[Signal, type[Item]] = {
    Signal.TRACES: SpanItem,
    Signal.METRICS: PointItem,
    Signal.LOGS: LogItem,
}
"""How an item of each signal is written."""
