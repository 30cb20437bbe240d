"""Converters of text."""

from __future__ import annotations

import re
from typing import Annotated, Any

from penstock.ottl.signature import (
    Anything,
    FixedBool,
    Functions,
    Int,
    List,
    Regex,
    Text,
    Values,
    one_of,
)
from penstock.ottl.values import Fault, equal, text

_FIRST_CONTINUED, _AFTER_CONTINUED = 0x80, 0xC0
"""Bytes of UTF-8 between these continue a character."""


def is_match(targets: Values, pattern: Regex) -> list[bool]:
    """Whether a pattern is found in each value; false for nil."""
    if set(map(type, targets)) == {str}:
        return pattern.found(targets)
    texts = [text(value) for value in targets]
    found = iter(pattern.found([value for value in texts if value is not None]))
    return [value is not None and next(found) for value in texts]


def concat(values: List, delimiter: Text) -> str:
    """The values as text, with a delimiter between; nil is `<nil>`."""
    if all(type(value) is str for value in values):
        return delimiter.join(values)
    return delimiter.join("<nil>" if value is None else plain(value) for value in values)


def plain(value: Any) -> str:
    """As `text`, but hex for bytes: ids read like that."""
    return value.hex() if type(value) is bytes else text(value) or ""


def split(target: Text, delimiter: Text) -> list[str]:
    """The parts between delimiters; without one, the characters."""
    return target.split(delimiter) if delimiter else list(target)


def substring(target: Text, start: Int, length: Int, utf8_safe: FixedBool = False) -> str:  # noqa: FBT002
    """So many bytes from a start, counted from 0."""
    data = target.encode()
    end = start + length
    if start < 0 or length <= 0 or end > len(data):
        raise Fault(f"{start} and {length} are no part of {len(data)} bytes")
    while utf8_safe and start < end and _continues(data[start]):
        start += 1
    while utf8_safe and start < end < len(data) and _continues(data[end]):
        end -= 1
    return data[start:end].decode(errors="replace")


def _continues(byte: int) -> bool:
    return _FIRST_CONTINUED <= byte < _AFTER_CONTINUED


def trim(target: Text, replacement: Text = " ") -> str:
    """Without these characters at either end."""
    return target.strip(replacement) if replacement else target


def trim_prefix(value: Text, prefix: Text) -> str:
    """Without that beginning."""
    return value.removeprefix(prefix)


def trim_suffix(value: Text, suffix: Text) -> str:
    """Without that end."""
    return value.removesuffix(suffix)


def has_prefix(value: Text, prefix: Text) -> bool:
    """Whether it begins like that."""
    return value.startswith(prefix)


def has_suffix(value: Text, suffix: Text) -> bool:
    """Whether it ends like that."""
    return value.endswith(suffix)


def index(target: Anything, value: Anything) -> int:
    """Where a value is first, in bytes of text or in items of a list; -1 for nowhere."""
    if type(target) is str and type(value) is str:
        before, found, _ = target.partition(value)
        return len(before.encode()) if found or not value else -1
    if type(target) is list:
        return next((place for place, item in enumerate(target) if equal(item, value)), -1)
    raise Fault("expected a list, or two strings")


def lower(target: Text) -> str:
    """In lower case."""
    return target.lower()


def upper(target: Text) -> str:
    """In upper case."""
    return target.upper()


_BORDER = re.compile(
    r"(?<=[a-z])(?=[A-Z0-9])|(?<=[0-9])(?=[A-Za-z])|(?<=[A-Z])(?=[A-Z][a-z]|[0-9])"
)
_SEPARATOR = re.compile(r"[ ._-]")


def snake(target: Text) -> str:
    """`my_metric` for `myMetric`."""
    return _SEPARATOR.sub("_", _BORDER.sub("_", target.strip())).lower()


def camel(target: Text) -> str:
    """`MyMetric` for `my_metric`."""
    words = re.split(r"[ ._-]+|(?<=[0-9])(?=[a-z])", target.strip())
    return "".join(word[:1].upper() + word[1:] for word in words)


_CASES = {"lower": lower, "upper": upper, "snake": snake, "camel": camel}


def convert_case(
    target: Text, to_case: Annotated[str, one_of("lower", "upper", "snake", "camel")]
) -> str:
    """In `lower`, `upper`, `snake` or `camel` case."""
    return _CASES[to_case](target)


def as_text(value: Anything) -> str | None:
    """As text; nil stays nil."""
    return None if value is None else plain(value)


CONVERTERS: Functions = {
    "Concat": concat,
    "ConvertCase": convert_case,
    "HasPrefix": has_prefix,
    "HasSuffix": has_suffix,
    "Index": index,
    "IsMatch": is_match,
    "Split": split,
    "String": as_text,
    "Substring": substring,
    "ToCamelCase": camel,
    "ToLowerCase": lower,
    "ToSnakeCase": snake,
    "ToUpperCase": upper,
    "Trim": trim,
    "TrimPrefix": trim_prefix,
    "TrimSuffix": trim_suffix,
}
