"""Kinds of indicator that are counts, or made of the numbers that items have."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from penstock.business.options import (
    Judged,
    Measured,
    PositiveLength,
    SlidingWindow,
    ValueText,
    WindowOption,
)


class Count(Measured, Judged):
    """How many items there are."""

    kind: Literal["count"]
    """The kind."""
    window: WindowOption | None = None
    """The time that is counted; without one, the count grows as long as Penstock runs."""


class Valued(Measured):
    """What is made of the numbers that items have."""

    value: ValueText | None = None
    """The number, an expression; that of a data point if it is left out."""

    @model_validator(mode="after")
    def _has_a_value(self) -> Self:
        if self.value is None and self.source != "datapoints":
            msg = f"`value` must say which number of {self.source} is meant"
            raise ValueError(msg)
        return self


class Sum(Valued, Judged):
    """What numbers come to."""

    kind: Literal["sum"]
    """The kind."""
    window: WindowOption | None = None
    """The time that is added up; without one, the sum grows as long as Penstock runs."""
    monotonic: bool = True
    """Without a window: whether it only grows, so that negative numbers do not count."""


class Rate(Measured, Judged):
    """How many items there are in a unit of time, or what their numbers come to in it."""

    kind: Literal["rate"]
    """The kind."""
    value: ValueText | None = None
    """The number that is added up; without one, items are counted."""
    window: WindowOption
    """The time over which it is taken."""
    per: PositiveLength = 1.0
    """The unit of time."""


class Average(Valued, Judged):
    """The mean of numbers."""

    kind: Literal["average"]
    """The kind."""
    window: WindowOption
    """The time over which it is taken."""


class Extreme(Valued, Judged):
    """The least or the greatest number, or the one of the newest item."""

    kind: Literal["min", "max", "last"]
    """The kind."""
    window: WindowOption | None = None
    """The time over which it is taken; without one, as long as Penstock runs."""


class Quantile(Valued, Judged):
    """The number that a share of all numbers is not over."""

    kind: Literal["quantile"]
    """The kind."""
    quantile: float = Field(ge=0, le=1)
    """The share."""
    relative_error: float = Field(default=0.01, ge=0.0001, le=0.3)
    """How far it may be off, as a share of the number."""
    window: WindowOption
    """The time over which it is taken."""


def _ascending(bounds: tuple[float, ...]) -> tuple[float, ...]:
    if list(bounds) != sorted(set(bounds)):
        msg = f"expected bounds in ascending order, each once, found {list(bounds)}"
        raise ValueError(msg)
    return bounds


Bounds = Annotated[
    tuple[Annotated[float, Field(allow_inf_nan=False)], ...],
    Field(min_length=1, max_length=1000),
    AfterValidator(_ascending),
]


def not_overlapping(window: Any) -> Any:
    """A window of which nothing is in another one too. Raises `ValueError`."""
    if isinstance(window, SlidingWindow):
        msg = "windows of histograms must not overlap: give a length instead of steps"
        raise ValueError(msg)  # noqa: TRY004  (what pydantic takes)
    return window


class Histogram(Valued):
    """How numbers are distributed."""

    kind: Literal["histogram"]
    """The kind."""
    bounds: Bounds | None = None
    """The upper bounds of its buckets; without any, it is an exponential histogram."""
    max_size: int = Field(default=160, ge=2, le=1024)
    """The most buckets that an exponential histogram has of each sign."""
    window: WindowOption | None = None
    """The time that a histogram has; without one, it grows as long as Penstock runs."""

    @field_validator("window")
    @classmethod
    def _has_everything_once(cls, window: Any) -> Any:
        return not_overlapping(window)


class Distinct(Valued, Judged):
    """How many different values there are, estimated."""

    kind: Literal["distinct"]
    """The kind."""
    precision: int = Field(default=12, ge=4, le=16)
    """Its error is about 1.04 / √2^precision: 1.6 % for 12, with 4 KiB for each key."""
    window: WindowOption
    """The time over which it is taken."""
