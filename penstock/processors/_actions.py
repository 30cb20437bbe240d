"""What can be done to attributes, one after the other."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import BeforeValidator, model_validator

from penstock._kernel import Pattern
from penstock.config.regexps import Regexp
from penstock.config.types import Section
from penstock.pipeline import Column
from penstock.processors._attributes import both, everywhere, present
from penstock.processors._patterns import group_names
from penstock.processors._values import as_string, to_float, to_int

if TYPE_CHECKING:
    from penstock.pipeline.batch import Mask
    from penstock.processors._attributes import Attributes

_TAKES = {
    "insert": {"value", "from_attribute", "default_value"},
    "update": {"value", "from_attribute", "default_value"},
    "upsert": {"value", "from_attribute", "default_value"},
    "delete": {"pattern"},
    "hash": {"pattern"},
    "extract": {"pattern"},
    "convert": {"converted_type"},
}
"""The options of each action, beside `key`."""

_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "string": as_string,
    "int": to_int,
    "double": to_float,
}

_ANY_CASE = BeforeValidator(lambda text: text.lower() if isinstance(text, str) else text)


class Action(Section):
    """One thing to do to attributes, with the Collector's options."""

    key: str = ""
    """The attribute. `delete` and `hash` can do with a `pattern` instead, or have both."""
    action: Annotated[
        Literal["insert", "update", "upsert", "delete", "hash", "extract", "convert"], _ANY_CASE
    ]
    """What to do; capitals will do too."""
    value: Any = None
    """insert, update, upsert: what the attribute gets, of any type."""
    from_attribute: str = ""
    """insert, update, upsert: the attribute whose value it gets. Where that is absent, nothing
    happens."""
    default_value: Any = None
    """insert, update, upsert: what it gets where `from_attribute` is absent."""
    pattern: Regexp = ""
    """delete, hash: every attribute whose name it is found in. extract: what to find in the value;
    each named group becomes an attribute."""
    converted_type: Literal["int", "double", "string"] | None = None
    """convert: the type. What cannot be converted stays as it is."""

    not_here: ClassVar[Mapping[str, str]] = {
        "from_context": (
            "headers and credentials of a request are not kept with its items; set `value`, or "
            "have the sender set an attribute"
        )
    }

    @model_validator(mode="after")
    def _complete(self) -> Self:
        problem = self._missing() or self._strange()
        if problem:
            raise ValueError(problem)
        return self

    def _missing(self) -> str | None:
        takes = _TAKES[self.action]
        if not self.key and not (self.action in {"delete", "hash"} and self.pattern):
            return f"`{self.action}` needs `key`"
        if "value" in takes and not takes & self._given():
            return f"`{self.action}` needs `value`, `from_attribute` or `default_value`"
        if self.action in {"extract", "convert"} and not takes & self._given():
            return f"`{self.action}` needs `{takes.copy().pop()}`"
        return None

    def _strange(self) -> str | None:
        if strange := sorted(self._given() - _TAKES[self.action]):
            return f"`{self.action}` takes no `{strange[0]}`"
        if self.value is not None and self.from_attribute:
            return "`value` and `from_attribute` exclude each other"
        names = group_names(self.pattern) if self.action == "extract" else ["all"]
        if not names or any(name.isdigit() for name in names):
            return "`pattern` needs groups, all with names: (?P<name>…)"
        return None

    def _given(self) -> set[str]:
        texts = {"from_attribute", "pattern", "converted_type"}
        given = {name for name in texts if getattr(self, name)}
        values = {"value", "default_value"}
        return given | {name for name in values if getattr(self, name) is not None}


Perform = Callable[["Attributes", "Mask | None"], None]
"""Do something to attributes, where the mask is true; `None` is everywhere."""


def performs(action: Action) -> Perform:
    """The function that does what `action` says."""
    if action.action in {"insert", "update", "upsert"}:
        return Put(action)
    kinds: dict[str, type[Delete | Change | Extract]] = {"delete": Delete, "extract": Extract}
    return kinds.get(action.action, Change)(action)


class Put:
    """insert, update and upsert."""

    def __init__(self, action: Action) -> None:
        self._action = action

    def __call__(self, attributes: Attributes, where: Mask | None) -> None:
        action = self._action
        value = self._value(attributes)
        if action.from_attribute:
            where = both(where, present(value))
        if action.action != "upsert":
            there = present(attributes.get(action.key))
            where = both(where, there if action.action == "update" else ~there)
        attributes.set(action.key, value, where)

    def _value(self, attributes: Attributes) -> Column:
        action = self._action
        if not action.from_attribute:
            value = action.default_value if action.value is None else action.value
            return everywhere(len(attributes), value)
        column = attributes.get(action.from_attribute)
        return column.map(lambda found: action.default_value if found is None else found)


class Delete:
    """delete, by name and by pattern."""

    def __init__(self, action: Action) -> None:
        self._key = action.key
        self._pattern = Pattern(action.pattern) if action.pattern else None

    def __call__(self, attributes: Attributes, where: Mask | None) -> None:
        if self._key:
            attributes.set(self._key, None, where)
        if self._pattern:
            keys = attributes.keys()
            found = self._pattern.found(keys)
            if any(found):
                kept = (key for key, hit in zip(keys, found, strict=True) if not hit)
                attributes.keep_keys(kept, where)


class Change:
    """hash and convert: a function of the value."""

    def __init__(self, action: Action) -> None:
        self._key = action.key
        self._pattern = Pattern(action.pattern) if action.pattern else None
        self._function = _CONVERSIONS.get(action.converted_type or "", hashed)

    def __call__(self, attributes: Attributes, where: Mask | None) -> None:
        attributes.change(self._keys(attributes), self._function, where)

    def _keys(self, attributes: Attributes) -> list[str]:
        named = [self._key] if self._key else []
        if not self._pattern:
            return named
        keys = attributes.keys()
        found = zip(keys, self._pattern.found(keys), strict=True)
        return list(dict.fromkeys(named + [key for key, hit in found if hit]))


class Extract:
    """extract: the named groups of a pattern become attributes."""

    def __init__(self, action: Action) -> None:
        self._key = action.key
        self._pattern = Pattern(action.pattern)

    def __call__(self, attributes: Attributes, where: Mask | None) -> None:
        column = attributes.get(self._key)
        texts = [value for value in column.values if isinstance(value, str)]
        found = dict(zip(texts, self._pattern.groups(texts), strict=True))
        groups = [found.get(value) if isinstance(value, str) else None for value in column.values]
        where = both(where, np.array([bool(each) for each in groups], dtype=np.bool_)[column.codes])
        for name in self._pattern.names:
            values = [each and (each[name] or "") for each in groups]
            attributes.set(name, Column(column.codes, values), where)


def hashed(value: Any) -> str:
    """SHA-256 in hex, of a number's bytes in little-endian order; nothing for maps and lists."""
    if isinstance(value, str):
        data = value.encode()
    elif isinstance(value, bool):
        data = bytes([value])
    elif isinstance(value, int):
        data = struct.pack("<q", value)
    elif isinstance(value, float):
        data = struct.pack("<d", value)
    else:
        return ""
    return hashlib.sha256(data).hexdigest()
