"""Converters between types, and questions about them."""

from __future__ import annotations

import math
import re
from typing import Any

from penstock.ottl.signature import Anything, Functions, Int, List, NumberLike, Text
from penstock.ottl.values import MAX_INT, MIN_INT, Duration, Fault, kind_of

_INT = re.compile(r"[-+]?[0-9]{1,19}", re.ASCII)
_DOUBLE = re.compile(
    r"[-+]?([0-9]+\.?[0-9]*([eE][-+]?[0-9]+)?|\.[0-9]+([eE][-+]?[0-9]+)?|inf|infinity|nan)",
    re.ASCII | re.IGNORECASE,
)
_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})
_BASES = range(2, 37)
_LONGEST = 1000
"""Characters of a number: reading one takes more time than its length, and none is longer."""


def as_int(value: Anything) -> int | None:
    """An int of a number, a bool or text; nil where there is none to make."""
    if type(value) is str:
        value = int(value) if _INT.fullmatch(value) else None
    elif type(value) in {float, bool}:
        value = int(value) if math.isfinite(value) else None
    elif type(value) is Duration:
        value = value.nanoseconds
    return value if type(value) is int and MIN_INT <= value <= MAX_INT else None


def as_double(value: Anything) -> float | None:
    """A double of a number, a bool or text; nil where there is none to make."""
    if type(value) in {int, float, bool}:
        return float(value)
    if type(value) is str and len(value) <= _LONGEST and _DOUBLE.fullmatch(value):
        return float(value)
    return None


def as_bool(value: Anything) -> bool | None:
    """A bool of a number or text; nil where there is none to make."""
    if type(value) is str:
        return True if value in _TRUE else False if value in _FALSE else None
    return bool(value) if type(value) in {int, float, bool} else None


def parse_int(target: Text, base: Int) -> int:
    """An int of digits in a base; base 0 goes by the prefix `0b`, `0o`, `0x`."""
    if base != 0 and base not in _BASES:
        raise Fault(f"expected a base of 0 or 2 to 36, found {base}")
    if len(target) > _LONGEST or (base and "_" in target) or target != target.strip():
        raise Fault("the text is no int")
    if base == 0 and re.fullmatch(r"[-+]?0[0-7_]+", target):
        base = 8
    try:
        value = int(target, base)
    except ValueError:
        raise Fault(f"the text is no int of base {base}") from None
    if not MIN_INT <= value <= MAX_INT:
        raise Fault("the text is no int of 64 bits")
    return value


def is_string(value: Anything) -> bool:
    """Whether it is text."""
    return type(value) is str


def is_int(value: Anything) -> bool:
    """Whether it is an int."""
    return type(value) is int


def is_double(value: Anything) -> bool:
    """Whether it is a double."""
    return type(value) is float


def is_bool(value: Anything) -> bool:
    """Whether it is true or false."""
    return type(value) is bool


def is_map(value: Anything) -> bool:
    """Whether it is a map."""
    return type(value) is dict


def is_list(value: Anything) -> bool:
    """Whether it is a list."""
    return type(value) is list


def is_empty(value: Anything) -> bool:
    """Whether it is nil, zero, false, or has nothing in it."""
    if type(value) is bytes:
        return not value.strip(b"\0")
    return not value


def length(target: Anything) -> int:
    """Bytes of text, or items of a list or map."""
    if type(target) is str:
        return len(target.encode())
    if type(target) in {list, dict, bytes}:
        return len(target)
    raise Fault(f"expected a string, a list or a map, found {kind_of(target)}")


def logarithm(value: NumberLike) -> float:
    """The natural logarithm."""
    if value <= 0:
        raise Fault(f"{value} has no logarithm")
    return math.log(value)


def coalesce(values: List) -> Any:
    """The first value that is not nil."""
    return next((value for value in values if value is not None), None)


CONVERTERS: Functions = {
    "Bool": as_bool,
    "Coalesce": coalesce,
    "Double": as_double,
    "Int": as_int,
    "IsBool": is_bool,
    "IsDouble": is_double,
    "IsEmpty": is_empty,
    "IsInt": is_int,
    "IsList": is_list,
    "IsMap": is_map,
    "IsString": is_string,
    "Len": length,
    "Log": logarithm,
    "ParseInt": parse_int,
}
