"""Formats of times, in the directives that the Collector has: `%Y-%m-%dT%H:%M:%S.%L%z`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from penstock.ottl.values import SECOND, Fault, Time

if TYPE_CHECKING:
    from collections.abc import Callable

_MONTHS = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
]  # fmt: skip
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]

_WHOLE = {
    "D": "%m/%d/%Y",
    "x": "%m/%d/%Y",
    "F": "%Y-%m-%d",
    "T": "%H:%M:%S",
    "X": "%H:%M:%S",
    "r": "%I:%M:%S %P",
    "R": "%H:%M",
    "c": "%a %b %d %H:%M:%S %Y",
    "n": "\n",
    "t": "\t",
    "h": "%b",
}
"""Directives that stand for several."""

_FRACTIONS = {"L": 3, "f": 6, "s": 9}
"""Digits of a second's fraction."""

_PATTERNS = {
    "Y": r"[0-9]{4}",
    "y": r"[0-9]{2}",
    "m": r"[0-9]{2}",
    "o": r"[ 0-9][0-9]",
    "q": r"[0-9]{1,2}",
    "b": r"[A-Za-z]{3}",
    "B": r"[A-Za-z]{3,9}",
    "d": r"[0-9]{2}",
    "e": r"[ 0-9]?[0-9]",
    "g": r"[0-9]{1,2}",
    "a": r"[A-Za-z]{3}",
    "A": r"[A-Za-z]{6,9}",
    "H": r"[0-9]{2}",
    "I": r"[0-9]{2}",
    "l": r"[0-9]{1,2}",
    "p": r"[AP]M",
    "P": r"[ap]m",
    "M": r"[0-9]{2}",
    "S": r"[0-9]{2}",
    "L": r"[0-9]{1,9}",
    "f": r"[0-9]{1,9}",
    "s": r"[0-9]{1,9}",
    "z": r"Z|[-+][0-9]{4}",
    "Z": r"[A-Za-z0-9+-]{1,6}",
    "i": r"[-+][0-9]{2}",
    "j": r"Z|[-+][0-9]{2}:[0-9]{2}",
    "k": r"[-+][0-9]{2}:[0-9]{2}:[0-9]{2}",
    "w": r"[-+][0-9]{6}",
}
_DIRECTIVE = re.compile(r"%(.)", re.DOTALL)
_NEXT_CENTURY = 69
"""Two digits of a year from here on are of the last century, as in Go."""


@cache
def pieces(layout: str) -> tuple[str, ...]:
    """Text and directives of a layout, in turns. Raises `Fault` for a directive that there is not,
    and for a layout without any."""
    whole = _DIRECTIVE.sub(lambda match: _WHOLE.get(match[1], match[0]), layout)
    found = tuple(_DIRECTIVE.split(whole))
    for directive in found[1::2]:
        if directive not in _PATTERNS and directive != "%":
            raise Fault(f"`%{directive}` is no directive of a time's format")
    if len(found) == 1:
        raise Fault(f"{layout!r} has no directive; expected a format such as %Y-%m-%d")
    return found


@cache
def _regex(layout: str) -> re.Pattern[str]:
    parts = []
    for place, piece in enumerate(pieces(layout)):
        directive = place % 2 == 1 and piece != "%"
        parts.append(f"({_PATTERNS[piece]})" if directive else re.escape(piece))
    return re.compile("".join(parts), re.ASCII)


@cache
def zone(name: str) -> tzinfo:
    """A time zone by its name; UTC without one. Raises `Fault`."""
    if name in {"", "UTC", "Z", "GMT"}:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Fault(f"there is no time zone {name!r}") from None


def parse_time(text: str, layout: str, location: str) -> Time:
    """The time that `text` says. Raises `Fault`."""
    match = _regex(layout).fullmatch(text)
    if not match:
        raise Fault(f"the text is no time in the format {layout!r}")
    directives = [piece for piece in pieces(layout)[1::2] if piece != "%"]
    found = dict(zip(directives, match.groups(), strict=True))
    moment = _moment(found, _zone_of(found) or zone(location))
    elapsed = moment - datetime(1970, 1, 1, tzinfo=UTC)
    nanoseconds = (elapsed.days * 86_400 + elapsed.seconds) * SECOND + _fraction(found)
    return Time(nanoseconds, moment.tzinfo or UTC)


def _moment(found: dict[str, str], of: tzinfo) -> datetime:
    return datetime(
        _year(found),
        _month(found),
        int(_first(found, "deg") or 1),
        _hour(found),
        int(found.get("M", 0)),
        int(found.get("S", 0)),
        tzinfo=of,
    )


def _first(found: dict[str, str], directives: str) -> str | None:
    return next((found[directive] for directive in directives if directive in found), None)


def _year(found: dict[str, str]) -> int:
    if "y" in found:
        year = int(found["y"])
        return year + (1900 if year >= _NEXT_CENTURY else 2000)
    # Without a year it is this one: log lines leave it out.
    return int(found.get("Y") or datetime.now(UTC).year)


def _month(found: dict[str, str]) -> int:
    name = _first(found, "Bb")
    if name is None:
        return int(_first(found, "moq") or 1)
    for number, month in enumerate(_MONTHS, 1):
        if name.lower() in {month.lower(), month[:3].lower()}:
            return number
    raise Fault("the text has no month's name")


def _hour(found: dict[str, str]) -> int:
    half: str | None = _first(found, "pP")
    hour = int(_first(found, "HIl") or "0")
    if half is None:
        return hour
    return hour % 12 + (12 if half in {"pm", "PM"} else 0)


def _fraction(found: dict[str, str]) -> int:
    for directive in _FRACTIONS:
        if directive in found:
            return int(found[directive].ljust(9, "0"))
    return 0


def _zone_of(found: dict[str, str]) -> tzinfo | None:
    offset = _first(found, "zijkw")
    if offset is None:
        return _abbreviated(found["Z"]) if "Z" in found else None
    if offset == "Z":
        return UTC
    digits = offset[1:].replace(":", "").ljust(6, "0")
    length = timedelta(hours=int(digits[:2]), minutes=int(digits[2:4]), seconds=int(digits[4:]))
    return timezone(-length if offset[0] == "-" else length)


def _abbreviated(name: str) -> tzinfo:
    try:
        return zone(name)
    except Fault:
        return timezone(timedelta(0), name)  # as Go: a name it does not know has no offset


def _offset(moment: datetime, form: str) -> str:
    digits = moment.strftime("%z").ljust(7, "0")
    hours, minutes, seconds = digits[:3], digits[3:5], digits[5:7]
    return form.format(hours=hours, minutes=minutes, seconds=seconds)


_WRITTEN: dict[str, Callable[[datetime], str]] = {
    "Y": lambda moment: f"{moment.year:04}",
    "y": lambda moment: f"{moment.year % 100:02}",
    "m": lambda moment: f"{moment.month:02}",
    "o": lambda moment: f"{moment.month:2}",
    "q": lambda moment: str(moment.month),
    "b": lambda moment: _MONTHS[moment.month - 1][:3],
    "B": lambda moment: _MONTHS[moment.month - 1],
    "d": lambda moment: f"{moment.day:02}",
    "e": lambda moment: f"{moment.day:2}",
    "g": lambda moment: str(moment.day),
    "a": lambda moment: _DAYS[moment.weekday()][:3],
    "A": lambda moment: _DAYS[moment.weekday()],
    "H": lambda moment: f"{moment.hour:02}",
    "I": lambda moment: f"{moment.hour % 12 or 12:02}",
    "l": lambda moment: str(moment.hour % 12 or 12),
    "p": lambda moment: "AM" if moment.hour < 12 else "PM",  # noqa: PLR2004
    "P": lambda moment: "am" if moment.hour < 12 else "pm",  # noqa: PLR2004
    "M": lambda moment: f"{moment.minute:02}",
    "S": lambda moment: f"{moment.second:02}",
    "z": lambda moment: _offset(moment, "{hours}{minutes}"),
    "Z": lambda moment: moment.tzname() or "",
    "i": lambda moment: _offset(moment, "{hours}"),
    "j": lambda moment: _offset(moment, "{hours}:{minutes}"),
    "k": lambda moment: _offset(moment, "{hours}:{minutes}:{seconds}"),
    "w": lambda moment: _offset(moment, "{hours}{minutes}{seconds}"),
    "%": lambda _: "%",
}


def format_time(time: Time, layout: str) -> str:
    """A time as text. Raises `Fault` as `pieces` does."""
    moment, nanoseconds = time.parts, time.nanoseconds % SECOND
    parts = []
    for place, piece in enumerate(pieces(layout)):
        if place % 2 == 0:
            parts.append(piece)
        elif piece in _FRACTIONS:
            fraction = f"{nanoseconds:09}"[: _FRACTIONS[piece]].rstrip("0")
            # As in Go, a fraction has no zeros at its end, and none at all has no point either.
            parts[-1] = parts[-1] if fraction else parts[-1].rstrip(".,")
            parts.append(fraction)
        else:
            parts.append(_WRITTEN[piece](moment))
    return "".join(parts)
