"""Converters of lists and maps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from penstock.ottl.fields import unchanged
from penstock.ottl.signature import Anything, Fixed, FixedList, Functions, List, Map
from penstock.ottl.values import Fault, equal, text


def contains_value(target: List, item: Anything) -> bool:
    """Whether an item is in a list."""
    return any(equal(value, item) for value in target)


def keys(target: Map) -> list[str]:
    """The keys of a map."""
    return list(target)


def values(target: Map) -> list[Any]:
    """The values of a map."""
    return list(target.values())


_SORTABLE = {str, int, float, bool}


def sort(target: List, order: Fixed = "asc") -> list[Any]:
    """In order: numbers as numbers, a mixture as text."""
    kinds = set(map(type, target))
    if order not in {"asc", "desc"}:
        raise Fault(f"expected asc or desc, found {order!r}")
    if not kinds <= _SORTABLE:
        raise Fault("expected a list of strings, numbers and bools")
    is_plain = kinds <= {int, float} or kinds == {str}
    key: Callable[[Any], Any] = unchanged if is_plain else text
    return sorted(target, key=key, reverse=order == "desc")


def slice_to_map(
    target: List, key_path: FixedList | None = None, value_path: FixedList | None = None
) -> dict[str, Any]:
    """A map of the maps in a list, by what lies at a path in each."""
    found = {}
    for place, item in enumerate(target):
        if type(item) is not dict:
            raise Fault("expected a list of maps")
        key = str(place) if key_path is None else _at(item, key_path)
        if type(key) is not str:
            raise Fault("expected a string at key_path")
        found[key] = item if value_path is None else _at(item, value_path)
    return found


def _at(value: Any, path: list[str]) -> Any:
    for key in path:
        if type(value) is not dict or key not in value:
            raise Fault(f"nothing is at {'.'.join(path)}")
        value = value[key]
    return value


CONVERTERS: Functions = {
    "ContainsValue": contains_value,
    "Keys": keys,
    "SliceToMap": slice_to_map,
    "Sort": sort,
    "Values": values,
}
