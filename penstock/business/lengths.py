"""Lengths of time up to months: Go's notation, and days."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from penstock.config.types import parse_duration

NANOS = 1_000_000_000
"""Nanoseconds of a second."""

SHORTEST, LONGEST = 0.001, 100 * 365 * 86_400.0
"""Seconds. Times are nanoseconds in 64 bits, which hold some hundred years more."""

_DAYS = re.compile(r"(\d+(?:\.\d*)?|\.\d+)d")


def parse_length(value: Any) -> float:
    """Seconds from Go's notation, in which days are `d`: `30d`, `1d12h`. Raises `ValueError`."""
    if not isinstance(value, str):
        return parse_duration(value)
    try:
        return parse_duration(_DAYS.sub(lambda days: f"{float(days[1]) * 24}h", value))
    except ValueError:
        msg = f"expected a duration such as 30s, 5m, 1h30m or 7d, found {value!r}"
        raise ValueError(msg) from None


def written(seconds: float) -> str:
    """A length in the largest unit of which it is a whole number: `5m`, `3d`."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"


def nanoseconds(seconds: float) -> int:
    """A length as the kernel has it."""
    return round(seconds * NANOS)


Length = Annotated[
    float,
    BeforeValidator(parse_length),
    PlainSerializer(written, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^((\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h|d))+$",
            "examples": ["30s", "5m", "7d"],
        }
    ),
]
"""Seconds, written in Go's notation or in days: `30s`, `5m`, `7d`."""
