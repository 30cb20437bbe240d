"""Options that several kinds of indicator share."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, ValidationInfo, model_validator

from penstock.business.lengths import LONGEST, SHORTEST, Length, nanoseconds, written
from penstock.business.sources import SOURCES, SourceName
from penstock.business.windows import Calendar, Sliding, Tumbling, Unit
from penstock.config.types import Section

if TYPE_CHECKING:
    from datetime import tzinfo

    from penstock.business.windows import Window

MOST_STEPS = 10_000
"""Steps in a sliding window, each of which has its own pane for each key."""


def _condition(text: str, info: ValidationInfo) -> str:
    if text and "source" in info.data:
        SOURCES[info.data["source"]].condition(text)
    return text


def _value(text: str, info: ValidationInfo) -> str:
    if text and "source" in info.data:
        SOURCES[info.data["source"]].value(text)
    return text


ConditionText = Annotated[str, Field(min_length=1), AfterValidator(_condition)]
"""A condition in OTTL, in the context of what the indicator is made of."""
ValueText = Annotated[str, Field(min_length=1), AfterValidator(_value)]
"""An expression in OTTL, likewise."""
PositiveLength = Annotated[Length, Field(ge=SHORTEST, le=LONGEST)]


class SlidingWindow(Section):
    """A window that moves on by steps."""

    length: PositiveLength
    """How long it is."""
    every: PositiveLength
    """How far it moves at a time."""

    @model_validator(mode="after")
    def _of_whole_steps(self) -> Self:
        length, step = nanoseconds(self.length), nanoseconds(self.every)
        if length % step or not 1 <= length // step <= MOST_STEPS:
            shown = f"{written(self.every)} in {written(self.length)}"
            msg = f"`length` must be 1 to {MOST_STEPS} times `every`, a whole number: found {shown}"
            raise ValueError(msg)
        return self


class CalendarWindow(Section):
    """A window that begins as the calendar says, in the time zone of `time_zone`."""

    calendar: Unit
    """A day, a week from Monday on, or a month."""


def _form(value: Any) -> str:
    if isinstance(value, CalendarWindow) or (isinstance(value, dict) and "calendar" in value):
        return "calendar"
    return "sliding" if isinstance(value, dict | SlidingWindow) else "length"


WindowOption = Annotated[
    Annotated[PositiveLength, Tag("length")]
    | Annotated[SlidingWindow, Tag("sliding")]
    | Annotated[CalendarWindow, Tag("calendar")],
    Discriminator(_form),
]
"""`5m`, `{length: 1h, every: 1m}` or `{calendar: month}`."""


def window_of(option: float | SlidingWindow | CalendarWindow, zone: tzinfo) -> Window:
    """The window that an option describes."""
    if isinstance(option, CalendarWindow):
        return Calendar(option.calendar, zone)
    if isinstance(option, SlidingWindow):
        return Sliding(nanoseconds(option.length), nanoseconds(option.every))
    return Tumbling(nanoseconds(option))


def moving(indicator: Any, every: Any) -> Any:
    """An indicator as settings have it; a window of a length moves by `every`."""
    window = indicator.get("window") if isinstance(indicator, dict) else None
    if isinstance(window, dict):
        window = window.get("length")
    return (
        indicator if window is None else indicator | {"window": {"length": window, "every": every}}
    )


class Dimension(Section):
    """By what an indicator is split."""

    value: str = Field(min_length=1)
    """Its value, an expression in OTTL."""
    limit: int = Field(default=100, ge=1, le=1_000_000)
    """Values that it may have; what has others goes under `other`."""
    default: str | int | float | bool | None = None
    """Its value for items that have none; without it, those do not count."""


def _dimension_form(value: Any) -> str:
    return "text" if isinstance(value, str) else "dimension"


DimensionOption = Annotated[
    Annotated[str, Tag("text")] | Annotated[Dimension, Tag("dimension")],
    Discriminator(_dimension_form),
]
"""A dimension, or only its expression."""


class Indicator(Section):
    """What every indicator has."""

    unit: str = ""
    """Its unit, as UCUM writes it."""
    description: str = ""
    """What it says."""


class Measured(Indicator):
    """An indicator that is made of items."""

    source: SourceName = Field(alias="from")
    """What it is made of."""
    where: ConditionText | None = None
    """Only items for which this condition is true count."""
    by: Mapping[Annotated[str, Field(min_length=1)], DimensionOption] = Field(default={})
    """By what it is split: attributes by name, each with the expression of its value."""
    limit: int = Field(default=10_000, ge=1, le=10_000_000)
    """Combinations of the values of `by`; more are put together under `otel.metric.overflow`."""

    @property
    def dimensions(self) -> dict[str, Dimension]:
        """What it is split by."""
        return {
            name: Dimension(value=each) if isinstance(each, str) else each
            for name, each in self.by.items()
        }

    @model_validator(mode="after")
    def _dimensions_can_be_read(self) -> Self:
        for name, each in self.dimensions.items():
            try:
                SOURCES[self.source].value(each.value)
            except ValueError as error:
                msg = f"by.{name}: {error}"
                raise ValueError(msg) from None
        return self


class Judged(Indicator):
    """An indicator that can be good or bad."""

    target: float | None = Field(default=None, allow_inf_nan=False)
    """What it should be; told as a metric of its own, `…_target`."""
    warning: float | None = Field(default=None, allow_inf_nan=False)
    """Beyond this, its state `…_state` is 1."""
    critical: float | None = Field(default=None, allow_inf_nan=False)
    """Beyond this, its state is 2."""
    worse: Literal["above", "below"] | None = None
    """Which side of the thresholds is worse, where they do not say so by their order."""

    @property
    def is_judged(self) -> bool:
        """Whether it has a state."""
        return self.warning is not None or self.critical is not None

    @property
    def worse_above(self) -> bool:
        """Whether greater numbers are worse: by the order of target, warning and critical."""
        return self.worse == "above" or (self.worse is None and self._ascends)

    @property
    def _steps(self) -> list[tuple[float, float]]:
        """From target to warning and from there to critical, as far as there are any."""
        given = [it for it in (self.target, self.warning, self.critical) if it is not None]
        return list(itertools.pairwise(given))

    @property
    def _ascends(self) -> bool:
        return any(good < bad for good, bad in self._steps)

    @property
    def _descends(self) -> bool:
        return any(good > bad for good, bad in self._steps)

    @model_validator(mode="after")
    def _thresholds_in_order(self) -> Self:
        problem = None
        if not self.is_judged:
            problem = "is about `warning` and `critical`; give one, or remove it"
            problem = f"`worse` {problem}" if self.worse else None
        elif self._ascends and self._descends:
            problem = "`warning` must lie between `target` and `critical`"
        elif self.worse is None and not self._ascends and not self._descends:
            problem = "`worse: above` or `worse: below` must say on which side of it is worse"
        elif self.worse == ("above" if self._descends else "below" if self._ascends else ""):
            order = "descend" if self._descends else "ascend"
            problem = f"`target`, `warning` and `critical` {order}, against `worse: {self.worse}`"
        if problem:
            raise ValueError(problem)
        return self
