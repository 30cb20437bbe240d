"""Editors: what statements do."""

from __future__ import annotations

from typing import Annotated, Any

from penstock.ottl.columns import constant, each
from penstock.ottl.editing import Edit
from penstock.ottl.paths import Target
from penstock.ottl.signature import (
    Fixed,
    FixedBool,
    FixedInt,
    FixedList,
    Functions,
    Regex,
    Size,
    one_of,
)
from penstock.ottl.values import Fault, kind_of, text
from penstock.pipeline import Column


def put(edit: Edit, target: Target, value: Column) -> None:
    """Set a field or an entry; nil changes nothing."""
    wanted = edit.narrowed(value.where(lambda found: found is not None))
    if wanted.any():
        edit.put(target, value, None if wanted.all() else wanted)


def delete_key(edit: Edit, target: Target, key: Fixed) -> None:
    """Delete an entry of a map."""
    if target.is_keyed:
        edit.put(target.below(key), constant(None, len(edit.draft)), edit.where)
    else:
        edit.change_map(target, lambda found: _without(found, {key}))


def delete_matching_keys(edit: Edit, target: Target, pattern: Regex) -> None:
    """Delete the entries of a map whose keys match."""
    _choose(edit, target, lambda keys: _chosen(keys, pattern, wanted=False))


def keep_matching_keys(edit: Edit, target: Target, pattern: Regex) -> None:
    """Delete the entries of a map whose keys do not match."""
    _choose(edit, target, lambda keys: _chosen(keys, pattern, wanted=True))


def keep_keys(edit: Edit, target: Target, keys: FixedList) -> None:
    """Delete the entries of a map but for those with these keys."""
    if target.is_attributes:
        edit.draft.keep_keys(target.place, keys, edit.where)
    else:
        edit.change_map(target, lambda found: _only(found, set(keys)))


def _choose(edit: Edit, target: Target, choose: Any) -> None:
    if target.is_attributes:
        edit.draft.keep_keys(target.place, choose(edit.draft.keys(target.place)), edit.where)
    else:
        edit.change_map(target, lambda found: _only(found, set(choose(list(found)))))


def _chosen(keys: list[str], pattern: Regex, *, wanted: bool) -> list[str]:
    return [key for key, hit in zip(keys, pattern.found(keys), strict=True) if hit is wanted]


def _only(found: dict[str, Any], keys: set[str]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if key in keys}


def _without(found: dict[str, Any], keys: set[str]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if key not in keys}


_STRATEGIES = {
    "insert": lambda old: old is None,
    "update": lambda old: old is not None,
    "upsert": lambda _: True,
}


def merge_maps(
    edit: Edit,
    target: Target,
    source: Column,
    strategy: Annotated[str, one_of("insert", "update", "upsert")],
) -> None:
    """Put the entries of another map into a map: `insert`, `update` or `upsert`."""
    wanted = _STRATEGIES[strategy]
    values = [value for value in source.values if type(value) is dict]
    keys = list(dict.fromkeys(key for value in values for key in value))
    if not target.is_attributes or len(values) < len(source.values) or len(keys) > 64:  # noqa: PLR2004
        _merge_whole(edit, target, source, strategy)
        return
    for key in keys:
        below = target.below(key)
        where = edit.narrowed(source.where(lambda value, key=key: key in value))  # type: ignore[misc]
        if strategy != "upsert":
            where &= below.column(edit.draft).where(wanted)
        if where.any():
            edit.put(below, source.map(lambda value, key=key: value.get(key)), where)  # type: ignore[misc]


def _merge_whole(edit: Edit, target: Target, source: Column, strategy: str) -> None:
    def merge(old: Any, new: Any) -> Any:
        for value in (old, new):
            if type(value) is not dict:
                raise Fault(f"expected a map, found {kind_of(value)}")
        if strategy == "insert":
            return new | old
        return old | (_only(new, set(old)) if strategy == "update" else new)

    merged = each(merge, [target.column(edit.draft, edit.where), source], edit.where)
    edit.put(target, merged, edit.where)


def limit(edit: Edit, target: Target, limit: Size, priority_keys: FixedList) -> None:
    """Leave at most so many entries in a map, those with priority before others."""
    keys = edit.few_keys(target)
    if keys is not None and len(keys) <= limit:
        return
    first = set(priority_keys)

    def limited(found: dict[str, Any]) -> dict[str, Any]:
        if len(found) <= limit:
            return found
        kept = [key for key in found if key in first]
        others = [key for key in found if key not in first]
        return _only(found, set((kept + others)[:limit]))

    edit.change_map(target, limited)


def truncate_all(
    edit: Edit,
    target: Target,
    limit: Size,
    utf8_safe: FixedBool = True,  # noqa: FBT002
    truncation_marker: Fixed = "",
) -> None:
    """Cut the strings of a map to so many bytes. Characters are never cut: OTLP is UTF-8."""
    del utf8_safe
    marker = truncation_marker.encode()

    def cut(value: Any) -> Any:
        if type(value) is not str or len(value) * 4 <= limit:
            return value
        data = value.encode()
        if len(data) <= limit:
            return value
        return (data[: limit - len(marker)]).decode(errors="ignore") + truncation_marker

    edit.change_values(target, cut)


def stringify_all(edit: Edit, target: Target) -> None:
    """Make every value of a map text."""

    def stringified(value: Any) -> Any:
        return value if type(value) is str or value is None else text(value)

    edit.change_values(target, stringified)


def flatten(
    edit: Edit,
    target: Target,
    prefix: Fixed = "",
    depth: FixedInt = -1,
    resolve_conflicts: FixedBool = False,  # noqa: FBT002
) -> None:
    """Move what lies in maps within a map up, under keys such as `a.b.0`."""

    def flattened(found: dict[str, Any]) -> dict[str, Any]:
        flat: dict[str, Any] = {}
        for key, value in found.items():
            _flatten(flat, f"{prefix}.{key}" if prefix else key, value, depth, resolve_conflicts)
        return flat

    edit.change_map(target, flattened)


def _flatten(flat: dict[str, Any], key: str, value: Any, depth: int, resolve: bool) -> None:  # noqa: FBT001
    """Recurses as deep as values are nested, which receivers bound."""
    if type(value) is dict and depth:
        for inner, item in value.items():
            _flatten(flat, f"{key}.{inner}", item, depth - 1, resolve)
    elif type(value) is list and depth:
        for place, item in enumerate(value):
            _flatten(flat, key if resolve else f"{key}.{place}", item, depth - 1, resolve)
    else:
        flat[_free(flat, key) if resolve else key] = value


def _free(flat: dict[str, Any], key: str) -> str:
    if key not in flat:
        return key
    number = 0
    while f"{key}.{number}" in flat:
        number += 1
    return f"{key}.{number}"


def append(
    edit: Edit, target: Target, value: Column | None = None, values: Column | None = None
) -> None:
    """Add a value, or several, to a list; what is no list becomes the first of one."""

    def extended(old: Any, *new: Any) -> list[Any]:
        found = old if type(old) is list else [] if old is None else [old]
        for item in new:
            found = [*found, *(item if type(item) is list else [item])]
        return found

    added = [column for column in (value, values) if column is not None]
    columns = [target.column(edit.draft, edit.where), *added]
    edit.put(target, each(extended, columns, edit.where), edit.where)


def delete_index(
    edit: Edit, target: Target, start_index: Column, end_index: Column | None = None
) -> None:
    """Delete items of a list, from one index up to another, or the one."""

    def shortened(old: Any, start: Any, *end: Any) -> list[Any]:
        if type(old) is not list:
            raise Fault(f"expected a list, found {kind_of(old)}")
        stop = end[0] if end else start + 1
        if not 0 <= start <= stop <= len(old):
            raise Fault(f"{start} to {stop} is out of the list of {len(old)}")
        return [*old[:start], *old[stop:]]

    columns = [target.column(edit.draft, edit.where), start_index]
    if end_index is not None:
        columns.append(end_index)
    edit.put(target, each(shortened, columns, edit.where), edit.where)


def check_limit(given: dict[str, Any]) -> None:
    """Raise `Fault` for more keys with priority than entries."""
    if len(given["priority_keys"]) > given["limit"]:
        raise Fault(f"{len(given['priority_keys'])} keys with priority exceed the limit")


def check_truncation(given: dict[str, Any]) -> None:
    """Raise `Fault` for a marker that leaves no room."""
    if len(given.get("truncation_marker", "").encode()) > given["limit"]:
        raise Fault("the truncation_marker is longer than the limit")


CHECKS: Functions = {"limit": check_limit, "truncate_all": check_truncation}
"""What must hold between the literals that an editor is given."""

EDITORS: Functions = {
    "append": append,
    "delete_index": delete_index,
    "delete_key": delete_key,
    "delete_matching_keys": delete_matching_keys,
    "flatten": flatten,
    "keep_keys": keep_keys,
    "keep_matching_keys": keep_matching_keys,
    "limit": limit,
    "merge_maps": merge_maps,
    "set": put,
    "stringify_all": stringify_all,
    "truncate_all": truncate_all,
}
