"""Values of attributes as texts and numbers, the way that the Collector makes them."""

from __future__ import annotations

import json
import math
import re
from base64 import b64encode
from decimal import Decimal
from typing import Any

_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_INT64 = range(-(2**63), 2**63)
_LEAST, _MOST = 1e-6, 1e21
"""Between these a number is written without an exponent, as in ECMAScript."""


def as_string(value: Any) -> str:
    """Any value as text: numbers as ECMAScript has them, maps and lists as JSON, bytes in base64,
    nothing for `None`."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bytes):
        return b64encode(value).decode()
    return _json(value)


def _json(value: Any) -> str:
    if isinstance(value, dict):
        pairs = (
            f"{json.dumps(key, ensure_ascii=False)}:{_json(value[key])}" for key in sorted(value)
        )
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_json, value)) + "]"
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, bytes):
        return json.dumps(as_string(value))
    return json.dumps(value, ensure_ascii=False)


def _float(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value and not _LEAST <= abs(value) < _MOST:
        return repr(value).replace("e-0", "e-")
    return f"{Decimal(repr(value)):f}".removesuffix(".0")


def to_int(value: Any) -> Any:
    """`value` as an integer of 64 bits, or as it is where it cannot be one."""
    if isinstance(value, str):
        number = int(value) if _INTEGER.fullmatch(value) else None
    elif isinstance(value, float):
        number = int(value) if math.isfinite(value) else None
    else:
        number = int(value) if isinstance(value, bool) else None
    return number if number is not None and number in _INT64 else value


def to_float(value: Any) -> Any:
    """`value` as a floating-point number, or as it is where it cannot be one."""
    if isinstance(value, str) and (value != value.strip() or "_" in value):
        return value
    try:
        return float(value) if isinstance(value, str | int) else value
    except ValueError:
        return value
