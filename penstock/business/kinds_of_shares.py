"""Kinds of indicator that are shares of items or of time, and times from one event to another."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from penstock.business.kinds_of_numbers import Bounds, Valued, not_overlapping
from penstock.business.lengths import nanoseconds, written
from penstock.business.options import (
    CalendarWindow,
    ConditionText,
    Judged,
    Measured,
    PositiveLength,
    ValueText,
    WindowOption,
)


class Ratio(Measured, Judged):
    """The share of items for which something is true."""

    kind: Literal["ratio"]
    """The kind."""
    good: ConditionText
    """What must be true."""
    window: WindowOption
    """The time over which it is taken."""
    unit: str = "1"
    """Its unit."""


class DurationBetween(Measured, Judged):
    """How long it takes from one event to another of the same key."""

    kind: Literal["duration_between"]
    """The kind."""
    key: ValueText
    """What both events have in common, an expression."""
    begins: ConditionText
    """What is true for the first event."""
    ends: ConditionText
    """What is true for the last event."""
    aggregate: Literal["average", "min", "max", "quantile", "histogram"] = "average"
    """What becomes of the durations that end in a window."""
    quantile: float | None = Field(default=None, ge=0, le=1)
    """For the aggregate `quantile`: the share that is not over it."""
    relative_error: float = Field(default=0.01, ge=0.0001, le=0.3)
    """For the aggregate `quantile`: how far it may be off."""
    bounds: Bounds | None = None
    """For the aggregate `histogram`: upper bounds; without any, it is an exponential one."""
    timeout: PositiveLength = 86_400.0
    """How long to wait for the other event."""
    max_pending: int = Field(default=10_000, ge=1, le=10_000_000)
    """Keys that wait for their other event."""
    window: WindowOption
    """The time in which durations end."""
    unit: str = "s"
    """Its unit."""

    @model_validator(mode="after")
    def _fits_its_aggregate(self) -> Self:
        if (self.aggregate == "quantile") != (self.quantile is not None):
            msg = "`quantile` and `aggregate: quantile` go together"
            raise ValueError(msg)
        if self.aggregate != "histogram":
            if self.bounds is not None:
                msg = "`bounds` are for `aggregate: histogram`"
                raise ValueError(msg)
            return self
        not_overlapping(self.window)
        if self.is_judged or self.target is not None:
            msg = "a histogram is neither good nor bad: remove target, warning and critical"
            raise ValueError(msg)
        return self


class Utilisation(Measured, Judged):
    """The share of time in which something is going on: spans that overlap count once."""

    kind: Literal["utilisation"]
    """The kind."""
    source: Literal["spans"] = Field(alias="from")
    """What it is made of."""
    window: WindowOption
    """The time that is shared."""
    unit: str = "1"
    """Its unit."""

    @model_validator(mode="after")
    def _has_panes_of_one_length(self) -> Self:
        if isinstance(self.window, CalendarWindow):
            msg = "utilisation is over windows of one length, such as 24h"
            raise ValueError(msg)  # noqa: TRY004  (what pydantic takes)
        return self


class Apdex(Valued, Judged):
    """The share of satisfied users, of whom those that tolerate it count half."""

    kind: Literal["apdex"]
    """The kind."""
    satisfied: float = Field(gt=0, allow_inf_nan=False)
    """The number up to which users are satisfied."""
    tolerating: float = Field(gt=0, allow_inf_nan=False)
    """The number up to which they tolerate it."""
    window: WindowOption
    """The time over which it is taken."""
    unit: str = "1"
    """Its unit."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.satisfied >= self.tolerating:
            msg = "`satisfied` must be less than `tolerating`"
            raise ValueError(msg)
        return self


class Slo(Measured):
    """A service level objective: what is left of its error budget, and how fast it burns."""

    kind: Literal["slo"]
    """The kind."""
    good: ConditionText
    """What must be true."""
    objective: float = Field(gt=0, lt=1)
    """The share of items for which it must be."""
    period: PositiveLength = 30 * 86_400.0
    """The time over which it must be."""
    burn_windows: tuple[PositiveLength, ...] = Field(default=(300.0, 3600.0, 21_600.0, 259_200.0))
    """The times over which the burn rate is told."""
    unit: str = "1"
    """Its unit."""

    @model_validator(mode="after")
    def _burns_within_the_period(self) -> Self:
        for length in self.burn_windows:
            if not 1 <= length <= self.period:
                shown = f"{written(length)} of {written(self.period)}"
                msg = f"`burn_windows` last from a second to the period, found {shown}"
                raise ValueError(msg)
        if len(self.burn_windows) != len({nanoseconds(it) for it in self.burn_windows}):
            msg = "`burn_windows` has one twice"
            raise ValueError(msg)
        return self
