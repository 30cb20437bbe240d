"""Places in an entry as operators name them: `body.user["first.name"]`, `attributes`."""

from __future__ import annotations

import re
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

ROOTS = ("body", "attributes", "resource")

MAX_KEYS = 8
"""Keys of a path: so much deeper can an operator put what it finds."""

_KEY = re.compile(r"\.([^.\[\]\"']+)|\[\s*(?:\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)')\s*\]")


class FieldPath(NamedTuple):
    """A part of an entry, and keys that lead into it."""

    root: str
    keys: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.root + "".join(f'["{key}"]' for key in self.keys)

    def data(self) -> dict[str, Any]:
        """For the kernel."""
        return {"root": self.root, "keys": list(self.keys)}


def parse_field(value: Any) -> FieldPath:
    """A path from its text. Raises `ValueError`."""
    if isinstance(value, FieldPath):
        return value
    text = value if isinstance(value, str) else ""
    root = re.match(r"\$?(\w+)", text)
    if root is None or root[1] not in ROOTS:
        remedy = f"; write body.{value}" if root else ""
        msg = f"expected a field of body, attributes or resource, found {value!r}{remedy}"
        raise ValueError(msg)
    keys, at = [], root.end()
    while at < len(text):
        key = _KEY.match(text, at)
        if key is None:
            msg = f'expected .key or ["key"] in {value!r}, at its character {at + 1}'
            raise ValueError(msg)
        keys.append(next(part for part in key.groups() if part is not None))
        at = key.end()
    if len(keys) > MAX_KEYS:
        msg = f"expected at most {MAX_KEYS} keys, found {len(keys)} in {value!r}"
        raise ValueError(msg)
    return FieldPath(root[1], tuple(keys))


Place = Annotated[
    FieldPath,
    BeforeValidator(parse_field),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["body", "attributes.level", 'body["a.b"]']}),
]
"""A place in an entry."""

BODY, ATTRIBUTES = FieldPath("body"), FieldPath("attributes")
