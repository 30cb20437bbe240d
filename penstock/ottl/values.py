"""The values of statements: what Python has for them, and times, durations and failures."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import orjson

SECOND = 1_000_000_000
"""Nanoseconds."""

MIN_INT, MAX_INT = -(2**63), 2**63 - 1
"""What an integer can be: 64 bits, signed."""

MAX_NESTED = 28
"""How deeply lists and maps in an attribute may be nested for receivers to take them."""


class Fault(Exception):  # noqa: N818
    """A value that a function or a field cannot work with. Costs its item the statement."""


@dataclass(frozen=True, slots=True)
class Failure:
    """In a column, the value of items for which it could not be told."""

    reason: str


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A length of time."""

    nanoseconds: int


@dataclass(frozen=True, slots=True, order=True)
class Time:
    """A moment, in nanoseconds since 1970 UTC, and the zone in which its parts are told."""

    nanoseconds: int
    zone: tzinfo = field(default=UTC, compare=False)

    @property
    def parts(self) -> datetime:
        """Year, month and so on down to seconds. Raises `Fault` for years that Python lacks."""
        try:
            moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
                seconds=self.nanoseconds // SECOND
            )
            return moment.astimezone(self.zone)
        except (OverflowError, ValueError):
            msg = f"the time {self.nanoseconds} ns is beyond year 9999"
            raise Fault(msg) from None


_NAMES = {
    type(None): "nil",
    bool: "a bool",
    int: "an int",
    float: "a double",
    str: "a string",
    bytes: "bytes",
    list: "a list",
    dict: "a map",
    Time: "a time",
    Duration: "a duration",
}


def kind_of(value: Any) -> str:
    """What a value is, in the words of messages."""
    return _NAMES[type(value)]


def amount(value: Any) -> float:
    """The number that a value is or that its text says, of durations seconds; NaN for any other."""
    if type(value) is Duration:
        return value.nanoseconds / SECOND
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return math.nan
    try:
        found = float(value)
    except (OverflowError, ValueError):
        return math.nan
    return found if math.isfinite(found) else math.nan


def is_number(value: Any) -> bool:
    """Whether it is an int or a double; a bool is none."""
    return type(value) is int or type(value) is float


def wrapped(number: int) -> int:
    """An integer as 64 bits hold it: what is too large goes around, as in Go."""
    return (number + 2**63) % 2**64 - 2**63


def equal(one: Any, other: Any) -> bool:
    """OTTL's `==`: an int and a double are compared as doubles, other types are unequal."""
    if type(one) is type(other):
        return same(one, other) if type(one) in {list, dict} else bool(one == other)
    return is_number(one) and is_number(other) and float(one) == float(other)


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal down to the types of all that is in them.

    Recurses as deep as values are nested, which receivers and `storable` bound.
    """
    if type(one) is not type(other):
        return False
    if type(one) is dict:
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if type(one) is list:
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


_ORDERED = {bool, int, float, str, bytes, Time, Duration}


def less(one: Any, other: Any) -> bool:
    """OTTL's `<`: false for types that have no order, and between types but for numbers."""
    if type(one) is type(other):
        return type(one) in _ORDERED and bool(one < other)
    return is_number(one) and is_number(other) and float(one) < float(other)


def text(value: Any) -> str | None:  # noqa: PLR0911  (a kind of value each)
    """As the Collector writes a value where a string is wanted: base64 for bytes, JSON for all but
    strings and numbers; nothing for nil."""
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return number(value)
        case bytes():
            return base64.b64encode(value).decode()
        case list() | dict():
            return json(value)
        case Time():
            return f'"{rfc3339(value)}"'
        case Duration():
            return str(value.nanoseconds)
    raise Fault(f"{kind_of(value)} has no text")


def json(value: Any) -> str:
    """The JSON text of a map or list, with keys in order, as the Collector writes it."""
    options = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
    return orjson.dumps(value, default=text, option=options).decode()


def number(value: float) -> str:
    """A double as Go and JSON write it: the shortest text that reads as the same number."""
    if math.isnan(value) or math.isinf(value):
        return "NaN" if math.isnan(value) else ("+Inf" if value > 0 else "-Inf")
    if value.is_integer() and abs(value) < 1e21:  # noqa: PLR2004  (from there on Go uses e+21)
        return "-0" if value == 0 and math.copysign(1, value) < 0 else str(int(value))
    digits = repr(value)
    return digits.replace("e-0", "e-") if "e-0" in digits else digits


def rfc3339(time: Time) -> str:
    """`2024-01-31T10:20:30.5Z`, without zeros at the end."""
    moment = time.parts
    fraction = f".{time.nanoseconds % SECOND:09}".rstrip("0").rstrip(".")
    offset = moment.strftime("%z")
    zone = "Z" if offset in {"", "+0000"} else f"{offset[:3]}:{offset[3:5]}"
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}{zone}"


def storable(value: Any, room: int = MAX_NESTED) -> Any:
    """`value` if an attribute can hold it. Raises `Fault`."""
    if type(value) in {str, bool, float, bytes, type(None)}:
        return value
    if type(value) is int:
        if MIN_INT <= value <= MAX_INT:
            return value
        raise Fault(f"{value} is no 64-bit integer")
    if type(value) in {list, dict} and room == 0:
        raise Fault(f"the value is nested over {MAX_NESTED} deep")
    if type(value) is list:
        for item in value:
            storable(item, room - 1)
    elif type(value) is dict:
        for item in value.values():
            storable(item, room - 1)
    else:
        raise Fault(f"an attribute cannot hold {kind_of(value)}; convert it, as with String")
    return value
