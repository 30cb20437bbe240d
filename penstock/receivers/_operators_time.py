"""Layouts of times as operators name them: directives of strptime, Go's reference time, epochs."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, tzinfo
from functools import cache
from typing import Any

from penstock.ottl.functions.layouts import pieces, zone
from penstock.ottl.values import Fault

_EPOCHS = {
    "s": [10**9, None],
    "ms": [10**6, None],
    "us": [10**3, None],
    "ns": [1, None],
    "s.ms": [10**9, 10**6],
    "s.us": [10**9, 10**3],
    "s.ns": [10**9, 1],
}
"""Nanoseconds of the unit, and those of the unit of the fraction."""

_GO = {
    "January": "B", "Jan": "b", "Monday": "A", "Mon": "a", "MST": "Z", "2006": "Y", "06": "y",
    "01": "m", "_1": "o", "1": "q", "02": "d", "_2": "e", "2": "g", "15": "H", "03": "I", "3": "l",
    "04": "M", "05": "S", "PM": "p", "pm": "P", "Z07:00:00": "k", "-07:00:00": "k", "Z07:00": "j",
    "-07:00": "j", "Z070000": "w", "-070000": "w", "Z0700": "z", "-0700": "z", "-07": "i",
}  # fmt: skip
_GO_PIECE = re.compile(
    "|".join(map(re.escape, sorted(_GO, key=len, reverse=True))) + r"|(?<=[.,])(?:0+|9+)(?!\d)"
)
_ABBREVIATIONS = ("EST", "MST", "HST", "CET", "EET", "WET", "MET")
"""Names of zones that say how far they are from UTC wherever one is."""

_FROM, _UNTIL = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_STEP = 7 * 86_400
"""Seconds within which a zone changes once at most."""


def layout_data(kind: str, layout: str, location: str) -> Any:
    """How the kernel is to read times. Raises `ValueError`."""
    if kind == "epoch":
        if layout not in _EPOCHS:
            msg = f"expected an epoch layout, one of {', '.join(_EPOCHS)}; found {layout!r}"
            raise ValueError(msg)
        return {"epoch": _EPOCHS[layout]}
    strptime = _from_go(layout) if kind == "gotime" else layout
    try:
        found = pieces(strptime)
        place = _location(layout, location)
    except Fault as fault:
        raise ValueError(str(fault)) from fault
    return {
        "pieces": {
            "pieces": [part for part in map(_piece, range(len(found)), found) if part],
            "zone": _offsets(place),
            "names": _names(place),
        }
    }


def _from_go(layout: str) -> str:
    def directive(match: re.Match[str]) -> str:
        return "%" + _GO.get(match[0], "s")

    return _GO_PIECE.sub(directive, layout.replace("%", "%%"))


def _piece(place: int, piece: str) -> dict[str, str] | None:
    if place % 2 == 0 or piece == "%":
        return {"text": piece} if piece else None
    return {"part": piece}


def _location(layout: str, location: str) -> tzinfo | None:
    """The zone of times that name none; without one, that of the machine."""
    if location in {"", "Local"}:
        return UTC if layout.endswith("Z") else None
    return zone(location)


@cache
def _offsets(place: tzinfo | None) -> list[tuple[int, int]]:
    """Since when, in Unix seconds, it is how many seconds later than UTC there."""
    begin, end = int(_FROM.timestamp()), int(_UNTIL.timestamp())
    found = [(-(2**62), _offset(place, begin))]
    for moment in range(begin, end, _STEP):
        after = _offset(place, moment + _STEP)
        if after != found[-1][1]:
            found.append((_change(place, moment, moment + _STEP), after))
    return found


def _change(place: tzinfo | None, before: int, after: int) -> int:
    old = _offset(place, before)
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (middle, after) if _offset(place, middle) == old else (before, middle)
    return after


def _offset(place: tzinfo | None, moment: int) -> int:
    if place is None:
        return time.localtime(moment).tm_gmtoff
    offset = datetime.fromtimestamp(moment, place).utcoffset()
    return int(offset.total_seconds()) if offset else 0


@cache
def _names(place: tzinfo | None) -> dict[str, int]:
    """How far from UTC zones are, by their names: those of the place, and those known anywhere."""
    names = {"UTC": 0, "GMT": 0, "Z": 0}
    winter = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
    for name in _ABBREVIATIONS:
        try:
            names[name] = _offset(zone(name), winter)
        except Fault:
            continue
    for moment in range(winter, winter + 366 * 86_400, _STEP):
        names[_name(place, moment)] = _offset(place, moment)
    return names


def _name(place: tzinfo | None, moment: int) -> str:
    if place is None:
        return time.localtime(moment).tm_zone
    return datetime.fromtimestamp(moment, place).tzname() or ""
