"""What operators do besides parsing, by themselves or within a parser: time, severity, trace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, JsonValue, model_validator

from penstock.config.types import Section
from penstock.receivers._operators_fields import FieldPath, Place
from penstock.receivers._operators_time import layout_data

LEVELS = ("trace", "debug", "info", "warn", "error", "fatal")
SEVERITIES = {
    f"{level}{step if step > 1 else ''}": 4 * place + step
    for place, level in enumerate(LEVELS)
    for step in range(1, 5)
}
"""Numbers of severities by their names: `trace` is 1, `fatal4` is 24."""

_OTHER_NAMES = {
    f"{other}{step if step > 1 else ''}": SEVERITIES[level] + step - 1
    for other, level in (("warning", "warn"), ("err", "error"))
    for step in range(1, 5)
}
_NUMBERS = {str(number): number for number in SEVERITIES.values()}
_PRESETS = {
    "default": SEVERITIES | _NUMBERS | _OTHER_NAMES,
    "otel": SEVERITIES | _NUMBERS,
    "aliases": SEVERITIES | _NUMBERS,
    "none": {},
}
_HTTP = {f"{hundred}xx": (100 * hundred, 100 * hundred + 99) for hundred in range(2, 6)}


class Timestamp(Section):
    """When an entry was."""

    not_here: ClassVar[Mapping[str, str]] = {
        "time_zone_locations": "set `location`, or have the offset from UTC written",
    }

    parse_from: Place
    """Where the time is."""
    layout_type: Literal["strptime", "gotime", "epoch"] = "strptime"
    """How the layout is written."""
    layout: str
    """What the time looks like."""
    location: str = ""
    """The zone of times that name none; that of the machine, if it is empty."""

    @model_validator(mode="after")
    def _has_a_layout(self) -> Self:
        layout_data(self.layout_type, self.layout, self.location)
        return self

    def data(self) -> dict[str, Any]:
        """For the kernel."""
        layout = layout_data(self.layout_type, self.layout, self.location)
        return {"parse_from": self.parse_from.data(), "layout": layout}


class Severity(Section):
    """How severe an entry is."""

    parse_from: Place
    """Where the severity is."""
    preset: Literal["default", "otel", "aliases", "none", ""] = "default"
    """What is known of names of severities already."""
    mapping: dict[str, JsonValue] = Field(default_factory=dict)
    """What else stands for a severity: a text, a number, `5xx`, `min` and `max`, or a list."""
    overwrite_text: bool = False
    """Whether the severity's text becomes the name of the severity."""

    @model_validator(mode="after")
    def _is_a_mapping(self) -> Self:
        self.data()
        return self

    def data(self) -> dict[str, Any]:
        """For the kernel."""
        names = dict(_PRESETS[self.preset or "default"])
        ranges = []
        for severity, meanings in self.mapping.items():
            number = (SEVERITIES | _NUMBERS | {"default": 0}).get(severity.lower())
            if number is None:
                msg = f"{severity!r} is no severity; expected one such as info, warn2 or error"
                raise ValueError(msg)
            for meaning in meanings if isinstance(meanings, list) else [meanings]:
                span = _span(meaning)
                if span is None:
                    names[str(meaning).lower()] = number
                else:
                    ranges.append((*span, number))
        return {
            "parse_from": self.parse_from.data(),
            "mapping": names,
            "ranges": ranges,
            "overwrite_text": self.overwrite_text,
        }


def _span(meaning: Any) -> tuple[int, int] | None:
    """The whole numbers that are meant, if they are several."""
    if isinstance(meaning, dict):
        ends = [end for end in (meaning.get("min"), meaning.get("max")) if type(end) is int]
        if len(meaning) == len(ends) == len(("min", "max")):
            return min(ends), max(ends)
    elif type(meaning) in {int, str}:
        return _HTTP.get(str(meaning))
    msg = f"expected a text, a number, or `min` and `max`, found {meaning!r}"
    raise ValueError(msg)


class From(Section):
    """Where something is."""

    parse_from: Place
    """Where it is."""


class Trace(Section):
    """Which trace an entry belongs to."""

    trace_id: From = From(parse_from=FieldPath("body", ("trace_id",)))
    """Where the trace's id is, 32 hex digits."""
    span_id: From = From(parse_from=FieldPath("body", ("span_id",)))
    """Where the span's id is, 16 hex digits."""
    trace_flags: From = From(parse_from=FieldPath("body", ("trace_flags",)))
    """Where the flags are, 2 hex digits."""

    def data(self) -> dict[str, Any]:
        """For the kernel."""
        fields = ("trace_id", "span_id", "trace_flags")
        return {name: getattr(self, name).parse_from.data() for name in fields}
