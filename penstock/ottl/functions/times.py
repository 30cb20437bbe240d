"""Converters of times and durations."""

from __future__ import annotations

import re
import time as clock
from decimal import Decimal
from typing import Annotated, Any

from penstock.ottl.functions.layouts import format_time, parse_time, pieces, zone
from penstock.ottl.signature import Functions, Int, Kind, Length, Moment, Text
from penstock.ottl.values import MAX_INT, SECOND, Duration, Fault, Time


def _layout(value: Any) -> Any:
    if type(value) is not str:
        raise Fault("expected a format such as %Y-%m-%d")
    pieces(value)
    return value


def _zone(value: Any) -> Any:
    zone(str(value))
    return value


Layout = Annotated[str, Kind("a format", literal=True, convert=_layout)]
Zone = Annotated[str, Kind("a time zone", literal=True, convert=_zone)]

_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3600 * SECOND,
}
_PART = re.compile(r"([0-9]*\.?[0-9]*)(ns|us|µs|μs|ms|s|m|h)")
_DURATION = re.compile(rf"[-+]?(?:0|(?:{_PART.pattern})+)")


def duration(duration: Text) -> Duration:
    """`1h30m` and the like, as Go writes durations."""
    if len(duration) > 100 or not _DURATION.fullmatch(duration):  # noqa: PLR2004  (a hundred is plenty)
        raise Fault("the text is no duration; expected one such as 1h30m")
    parts = _PART.findall(duration)
    if any(digits in {"", "."} for digits, _ in parts):
        raise Fault("the text is no duration: a number is missing")
    total = int(sum(Decimal(digits) * _UNITS[unit] for digits, unit in parts))
    if total > MAX_INT:
        raise Fault("the duration is over 292 years")
    return Duration(-total if duration[0] == "-" else total)


def now() -> Time:
    """The present time."""
    return Time(clock.time_ns())


def unix(seconds: Int, nanoseconds: Int = 0) -> Time:
    """The time so long after 1970 UTC."""
    return Time(seconds * SECOND + nanoseconds)


def unix_nano(value: Moment) -> int:
    """Nanoseconds since 1970 UTC."""
    return value.nanoseconds


def unix_micro(value: Moment) -> int:
    """Microseconds since 1970 UTC."""
    return value.nanoseconds // 1_000


def unix_milli(value: Moment) -> int:
    """Milliseconds since 1970 UTC."""
    return value.nanoseconds // 1_000_000


def unix_seconds(value: Moment) -> int:
    """Seconds since 1970 UTC."""
    return value.nanoseconds // SECOND


def truncate_time(time: Moment, duration: Length) -> Time:
    """The time down to a multiple of a duration, counted from year 1 as Go does."""
    if duration.nanoseconds <= 0:
        return time
    past = (time.nanoseconds + _FROM_YEAR_1) % duration.nanoseconds
    return Time(time.nanoseconds - past, time.zone)


_FROM_YEAR_1 = 62_135_596_800 * SECOND


def year(value: Moment) -> int:
    """Its year."""
    return value.parts.year


def month(value: Moment) -> int:
    """Its month, from 1."""
    return value.parts.month


def day(value: Moment) -> int:
    """Its day of the month."""
    return value.parts.day


def weekday(value: Moment) -> int:
    """Its day of the week; Sunday is 0."""
    return value.parts.isoweekday() % 7


def hour(value: Moment) -> int:
    """Its hour."""
    return value.parts.hour


def minute(value: Moment) -> int:
    """Its minute."""
    return value.parts.minute


def second(value: Moment) -> int:
    """Its second."""
    return value.parts.second


def nanosecond(value: Moment) -> int:
    """Its nanoseconds within the second."""
    return value.nanoseconds % SECOND


def nanoseconds(value: Length) -> int:
    """All of it in nanoseconds."""
    return value.nanoseconds


def _whole(value: Duration, unit: int) -> int:
    # Go drops the fraction, also of what is negative.
    return int(Decimal(value.nanoseconds) / unit)


def microseconds(value: Length) -> int:
    """All of it in whole microseconds."""
    return _whole(value, 1_000)


def milliseconds(value: Length) -> int:
    """All of it in whole milliseconds."""
    return _whole(value, 1_000_000)


def seconds(value: Length) -> float:
    """All of it in seconds."""
    return value.nanoseconds / SECOND


def minutes(value: Length) -> float:
    """All of it in minutes."""
    return value.nanoseconds / (60 * SECOND)


def hours(value: Length) -> float:
    """All of it in hours."""
    return value.nanoseconds / (3600 * SECOND)


def parse(target: Text, format: Layout, location: Zone = "") -> Time:  # noqa: A002  (its name in OTTL)
    """The time that text says, in a format such as `%Y-%m-%d`."""
    return parse_time(target, format, location)


def written(time: Moment, format: Layout) -> str:  # noqa: A002
    """The time as text, in a format such as `%Y-%m-%d`."""
    return format_time(time, format)


CONVERTERS: Functions = {
    "Day": day,
    "Duration": duration,
    "FormatTime": written,
    "Hour": hour,
    "Hours": hours,
    "Microseconds": microseconds,
    "Milliseconds": milliseconds,
    "Minute": minute,
    "Minutes": minutes,
    "Month": month,
    "Nanosecond": nanosecond,
    "Nanoseconds": nanoseconds,
    "Now": now,
    "Second": second,
    "Seconds": seconds,
    "Time": parse,
    "TruncateTime": truncate_time,
    "Unix": unix,
    "UnixMicro": unix_micro,
    "UnixMilli": unix_milli,
    "UnixNano": unix_nano,
    "UnixSeconds": unix_seconds,
    "Weekday": weekday,
    "Year": year,
}
