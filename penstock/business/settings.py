"""The settings of a set of indicators, whoever computes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, model_validator

from penstock.business import formula, presets
from penstock.business.kinds import AnyIndicator, Count, Formula, Histogram, Slo, Sum
from penstock.business.lengths import LONGEST
from penstock.business.options import Measured, moving
from penstock.config.types import Duration, TimeZone, zone_of
from penstock.ottl.errors import hint
from penstock.pipeline.component import ComponentConfig
from penstock.pipeline.storage import STORAGE

if TYPE_CHECKING:
    from datetime import tzinfo

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_./-]{0,199}$")]
"""What an indicator is called: a name that a metric can have."""


class Settings(ComponentConfig):
    """Options of whatever computes indicators."""

    interval: Duration = Field(default=15.0, gt=0)
    """How often numbers are passed on."""
    time_zone: TimeZone = "UTC"
    """The time zone of calendar windows, such as `Europe/Berlin`."""
    allowed_lateness: Duration = Field(default=60.0, ge=0, le=LONGEST)
    """How long after a window's end events still count. Its numbers come when that is over."""
    max_clock_skew: Duration = Field(default=600.0, ge=0, le=LONGEST)
    """Events further in the future do not count."""
    storage: Annotated[str, STORAGE] = ""
    """The id of an extension that keeps what is added up, such as `file_storage`: nothing is lost
    by a restart or a crash. Without one, what is open is passed on when Penstock stops."""
    every: Duration | None = None
    """How far all windows but those by the calendar move at a time, whatever they say themselves:
    with `15s` numbers of the last 5 minutes come every 15 s, also those of a preset."""
    preset: str = ""
    """A ready-made set of indicators; `indicators` adds to it, and replaces by name."""
    indicators: Mapping[Name, AnyIndicator] = Field(default={})
    """The indicators by name, which is that of their metric."""

    @property
    def zone(self) -> tzinfo:
        """The time zone of calendar windows."""
        return zone_of(self.time_zone)

    @property
    def measured(self) -> dict[str, Measured]:
        """The indicators that are made of items."""
        found = self.indicators.items()
        return {name: it for name, it in found if isinstance(it, Measured)}

    @model_validator(mode="before")
    @classmethod
    def _moving(cls, given: Any) -> Any:
        if not isinstance(given, dict) or not isinstance(given.get("indicators"), dict):
            return given
        every = given.get("every")
        if every is None:
            return given
        indicators = {name: moving(it, every) for name, it in given["indicators"].items()}
        return {**given, "indicators": indicators}

    @model_validator(mode="before")
    @classmethod
    def _with_preset(cls, given: Any) -> Any:
        if not isinstance(given, dict) or not isinstance(given.get("preset", ""), str):
            return given
        own, name = given.get("indicators") or {}, given.get("preset", "")
        if not name or not isinstance(own, dict):
            return given
        if name not in presets.names():
            known = presets.names()
            msg = f"there is no preset {name}{hint(name, known)}; there are {', '.join(known)}"
            raise ValueError(msg)
        return {**given, "indicators": {**presets.load(name), **own}}

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if not self.indicators:
            msg = "`indicators` must define at least one, or `preset` name a ready-made set"
            raise ValueError(msg)
        for name, indicator in self.indicators.items():
            problem = _overflow(indicator) or self._formula_problem(name, indicator)
            if problem:
                msg = f"indicators.{name}: {problem}"
                raise ValueError(msg)
        return self

    def _formula_problem(self, name: str, indicator: Any) -> str | None:
        """What is wrong with a formula and what it names, if anything."""
        if not isinstance(indicator, Formula):
            return None
        for part in formula.names(indicator.expression):
            if part not in self.indicators:
                return f"there is no indicator `{part}`{hint(part, self.indicators)}"
            found = self.indicators[part]
            if isinstance(found, Histogram | Slo) or getattr(found, "aggregate", "") == "histogram":
                return f"`{part}` has not one number: it is of the kind {found.kind}"
        cycle = self._cycle(name, ())
        if cycle:
            return f"it is made of itself: {' → '.join(cycle)}"
        return self._mismatch(name)

    def _cycle(self, name: str, path: tuple[str, ...]) -> tuple[str, ...]:
        if name in path:
            return (*path[path.index(name) :], name)
        indicator = self.indicators.get(name)
        if isinstance(indicator, Formula):
            for part in formula.names(indicator.expression):
                cycle = self._cycle(part, (*path, name))
                if cycle:
                    return cycle
        return ()

    def parts(self, name: str) -> list[str]:
        """The indicators made of items that an indicator is made of in the end: itself, if it is
        no formula."""
        indicator = self.indicators[name]
        if not isinstance(indicator, Formula):
            return [name]
        found = (self.parts(part) for part in formula.names(indicator.expression))
        return list(dict.fromkeys(part for parts in found for part in parts))

    def _mismatch(self, name: str) -> str | None:
        """Why the parts of a formula cannot be put together, if so."""
        parts = {part: self.measured[part] for part in self.parts(name) if part in self.measured}
        (first, one), *others = parts.items()
        for part, other in others:
            if getattr(one, "window") != getattr(other, "window"):  # noqa: B009  (of most kinds)
                return f"`{first}` and `{part}` have different windows, which must be the same"
        split = {frozenset(it.by): part for part, it in parts.items() if it.by}
        if len(split) > 1:
            one_, other_ = list(split.values())[:2]
            return f"`{one_}` and `{other_}` have different dimensions `by` which they are split"
        return None


def _overflow(indicator: Any) -> str | None:
    """Why thresholds make no sense, if so: what grows for ever is neither good nor bad."""
    grows = isinstance(indicator, Count | Sum) and indicator.window is None
    if grows and (indicator.is_judged or indicator.target is not None):
        return "`target`, `warning` and `critical` need a `window`"
    return None
