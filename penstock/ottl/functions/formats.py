"""`Format`: Go's `fmt.Sprintf`."""

from __future__ import annotations

import re
from typing import Any

from penstock.ottl.functions.strings import plain
from penstock.ottl.signature import Functions, List, Text
from penstock.ottl.values import Fault, number

_VERB = re.compile(r"%([-+# 0]*)([0-9]*)(?:\.([0-9]*))?(.?)", re.DOTALL)
_WIDEST = 1000
"""Characters to which a value may be padded: a format must not make a batch grow without end."""

_TYPES = {
    bool: "bool",
    int: "int64",
    float: "float64",
    str: "string",
    bytes: "[]uint8",
    list: "[]interface {}",
    dict: "map[string]interface {}",
    type(None): "<nil>",
}
_INTEGERS = frozenset("dxXo")
_DOUBLES = {"e": "e", "E": "E", "f": "f", "F": "f", "g": "g", "G": "G"}


def format_values(format_string: Text, format_arguments: List) -> str:
    """Text with values in the places of `%s`, `%05d` and so on. What does not fit is told in the
    text itself, as Go does."""
    rest = iter(format_arguments)
    used = 0

    def written(match: re.Match[str]) -> str:
        nonlocal used
        flags, width, precision, verb = match.groups()
        if verb == "%":
            return "%"
        if not verb:
            return "%!(NOVERB)"
        if used == len(format_arguments):
            return f"%!{verb}(MISSING)"
        used += 1
        return _one(flags, width, precision, verb, next(rest))

    text = _VERB.sub(written, format_string)
    extra = ", ".join(_typed(value) for value in rest)
    return f"{text}%!(EXTRA {extra})" if extra else text


def _one(flags: str, width: str, precision: str | None, verb: str, value: Any) -> str:
    if any(len(digits) > 4 or int(digits or 0) > _WIDEST for digits in (width, precision or "")):  # noqa: PLR2004
        raise Fault(f"a width or precision is over {_WIDEST}")
    spec = f"%{flags}{width}" + ("" if precision is None else f".{precision or 0}")
    kind = type(value)
    if verb == "v":
        return f"{spec}s" % ("<nil>" if value is None else plain(value))
    if verb == "T":
        return _TYPES.get(kind, "time.Time")
    if verb in _INTEGERS and kind is int:
        return str(f"{spec}{verb}" % value)
    if verb in _DOUBLES and kind is float:
        return str(f"{spec}{_DOUBLES[verb]}" % value)
    return _text(spec, verb, value)


def _text(spec: str, verb: str, value: Any) -> str:
    kind = type(value)
    if verb == "t" and kind is bool:
        return f"{spec}s" % str(value).lower()
    if verb == "b" and kind is int:
        return f"{value:b}"
    if verb in "xX" and kind in {str, bytes}:
        digits = str((value.encode() if kind is str else value).hex())
        return digits if verb == "x" else digits.upper()
    if verb == "q" and kind is str:
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if verb == "s" and kind not in {int, float, bool, type(None)}:
        return f"{spec}s" % plain(value)
    return f"%!{verb}({_typed(value)})"


def _typed(value: Any) -> str:
    if value is None:
        return "<nil>"
    told = number(value) if type(value) is float else plain(value)
    return f"{_TYPES.get(type(value), 'time')}={told}"


CONVERTERS: Functions = {"Format": format_values}
