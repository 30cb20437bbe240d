"""Options of the `spanmetrics` connector that are sections of their own."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from penstock.config.types import Duration, Section
from penstock.connectors._dimensions import COMMON, Selected, check_names

INSTANCE = "collector.instance.id"
DEFAULTS = (*COMMON, INSTANCE)
"""What data points say unless it is excluded."""

_BUCKETS = (2, 4, 6, 8, 10, 50, 100, 200, 400, 800, 1000, 1400, 2000, 5000, 10_000, 15_000)
"""Milliseconds, as in the Collector."""


def _distinct(dimensions: tuple[Selected, ...]) -> tuple[Selected, ...]:
    check_names(dimensions, DEFAULTS)
    return dimensions


def _ascending(buckets: tuple[float, ...]) -> tuple[float, ...]:
    if any(low >= high for low, high in pairwise(buckets)):
        msg = "expected each bucket to end later than the one before"
        raise ValueError(msg)
    return buckets


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


Attributes = Annotated[tuple[Selected, ...], AfterValidator(_distinct)]
Unit = Annotated[Literal["ms", "s"], BeforeValidator(_lower)]


class Explicit(Section):
    """Buckets between given durations."""

    buckets: Annotated[tuple[Duration, ...], AfterValidator(_ascending)] = Field(
        default=tuple(bucket / 1000 for bucket in _BUCKETS), max_length=1000
    )
    """The greatest durations of the buckets."""


class Exponential(Section):
    """Buckets that become wider, as durations need."""

    max_size: int = Field(default=160, ge=2, le=1024)
    """How many there may be."""


class Histogram(Section):
    """The histogram of durations."""

    disable: bool = False
    """Whether to have none."""
    unit: Unit = "ms"
    """In what durations are told: `ms` or `s`."""
    explicit: Explicit | None = None
    """Buckets between given durations; so it is without `exponential`."""
    exponential: Exponential | None = None
    """Buckets that become wider, as durations need."""
    dimensions: Attributes = ()
    """Attributes of the durations, besides those of all metrics."""

    @model_validator(mode="before")
    @classmethod
    def _named_is_meant(cls, value: Any) -> Any:
        """`exponential:` with nothing after it means its defaults."""
        if not isinstance(value, dict):
            return value
        named = ("explicit", "exponential")
        return value | {name: {} for name in named if name in value and value[name] is None}

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.explicit and self.exponential:
            msg = "expected either `explicit` or `exponential`"
            raise ValueError(msg)
        return self

    @property
    def nanos(self) -> int:
        """Nanoseconds in the unit."""
        return {"ms": 1_000_000, "s": 1_000_000_000}[self.unit]

    @property
    def shape(self) -> dict[str, Any]:
        """The same as `Panes` takes it."""
        if self.exponential:
            return {"exponential": {"max_size": self.exponential.max_size}}
        ends = (self.explicit or Explicit()).buckets
        return {"histogram": [round(end * 1e9) / self.nanos for end in ends]}


class Events(Section):
    """The metric that counts span events."""

    enabled: bool = False
    """Whether to have it."""
    dimensions: Attributes = ()
    """Its attributes, besides those of all metrics; there must be some if it is enabled."""

    @model_validator(mode="after")
    def _split(self) -> Self:
        if self.enabled and not self.dimensions:
            msg = "expected `dimensions`, such as `[{name: exception.type}]`"
            raise ValueError(msg)
        return self
