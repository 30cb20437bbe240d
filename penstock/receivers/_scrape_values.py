"""Durations and sizes as Prometheus' own files write them."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_SECONDS = {"y": 31_536_000, "w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1, "ms": 0.001}
_DURATION = re.compile(
    r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?"
)
_SIZE = re.compile(r"(\d+)([KMGT]?i?)B")
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


def parse_interval(value: Any) -> float:
    """Seconds from Prometheus' notation: `15s`, `1m30s`, `1d`. Raises `ValueError`."""
    if isinstance(value, float | int) and not isinstance(value, bool):
        value = str(value)
    found = _DURATION.fullmatch(value) if isinstance(value, str) and value else None
    if found is None and value != "0":
        msg = f"expected a duration such as 15s, 1m or 1h30m, found {value!r}"
        raise ValueError(msg)
    numbers = found.groups() if found else ()
    return sum(int(n) * unit for n, unit in zip(numbers, _SECONDS.values(), strict=False) if n)


def parse_size(value: Any) -> int:
    """Bytes from Prometheus' notation: `10MB`, `512KB`, in powers of 1024. Raises `ValueError`."""
    found = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        msg = f"expected a size such as 10MB, found {value!r}"
        raise ValueError(msg)
    return int(found[1]) << 10 * _POWERS[found[2].removesuffix("i")]


def write_interval(seconds: float) -> str:
    """A duration in Prometheus' notation, to the millisecond."""
    return f"{seconds:.0f}s" if seconds == int(seconds) else f"{round(seconds * 1000)}ms"


def _write_size(size: int) -> str:
    power = max(p for p in _POWERS.values() if not size % 1024**p)
    return f"{size >> 10 * power}{' KMGT'[power].strip()}B"


Interval = Annotated[
    float,
    BeforeValidator(parse_interval),
    PlainSerializer(write_interval, return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{_DURATION.pattern}$", "examples": ["15s"]}),
]
"""Seconds, written as in Prometheus: `15s`, `1m30s`, `1d`."""

Size = Annotated[
    int,
    BeforeValidator(parse_size),
    PlainSerializer(_write_size, return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{_SIZE.pattern}$", "examples": ["10MB"]}),
]
"""Bytes, written as in Prometheus: `10MB`."""
