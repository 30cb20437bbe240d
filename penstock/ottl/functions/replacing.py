"""Editors that replace text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any

from penstock._kernel import Pattern
from penstock.ottl.columns import each, whole
from penstock.ottl.editing import Edit
from penstock.ottl.globs import compiled
from penstock.ottl.paths import Target
from penstock.ottl.signature import Function, Functions, Kind, Regex, one_of
from penstock.ottl.values import Fault, kind_of
from penstock.pipeline import Column


def _one_place(value: Any) -> Any:
    if type(value) is not str or value.count("%s") != 1 or value.count("%") != 1:
        raise Fault(f"expected a format with one %s and no other %, found {value!r}")
    return value


Format = Annotated[str, Kind("a format", literal=True, convert=_one_place)]
"""Text around what is put in the place of `%s`."""


def glob_pattern(glob: Any) -> Pattern:
    """A glob as a pattern of whole texts."""
    if type(glob) is not str:
        raise Fault(f"expected a glob, found {kind_of(glob)}")
    return compiled(glob)


Glob = Annotated[Pattern, Kind("a glob", literal=True, convert=glob_pattern)]
"""A pattern of whole texts, as of files."""

Replace = Callable[[list[str], str], list[str]]
"""Texts, and what replaces what is found in each."""


def replace_pattern(
    edit: Edit,
    target: Target,
    regex: Regex,
    replacement: Column,
    function: Function = None,
    replacement_format: Format = "%s",
) -> None:
    """Replace what a pattern finds; `$1` in the replacement is a group."""
    _replace(edit, target, replacement, _by_pattern(regex, function, replacement_format))


def replace_match(
    edit: Edit,
    target: Target,
    pattern: Glob,
    replacement: Column,
    function: Function = None,
    replacement_format: Format = "%s",
) -> None:
    """Replace a whole text that a glob matches."""
    _replace(edit, target, replacement, _by_glob(pattern, function, replacement_format))


def replace_all_patterns(
    edit: Edit,
    target: Target,
    mode: Annotated[str, one_of("key", "value")],
    regex: Regex,
    replacement: Column,
    function: Function = None,
    replacement_format: Format = "%s",
) -> None:
    """Replace what a pattern finds in the values of a map, or in its keys."""
    replace = _by_pattern(regex, function, replacement_format)
    if mode == "value":
        _replace_values(edit, target, replacement, replace)
    else:
        _replace_keys(edit, target, replacement, replace)


def replace_all_matches(
    edit: Edit,
    target: Target,
    pattern: Glob,
    replacement: Column,
    function: Function = None,
    replacement_format: Format = "%s",
) -> None:
    """Replace the values of a map that a glob matches."""
    replace = _by_glob(pattern, function, replacement_format)
    _replace_values(edit, target, replacement, replace)


_BEGIN, _END = "\ufdd0", "\ufdd1"
"""Characters of Unicode that no text has: what is between them was replaced."""

_REPLACED = re.compile(f"{_BEGIN}(.*?){_END}", re.DOTALL)


def _by_pattern(pattern: Pattern, function: Function, form: str) -> Replace:
    if function is None:
        return lambda texts, replacement: (
            pattern.replaced(texts, replacement) if any(pattern.found(texts)) else texts
        )

    def replace(texts: list[str], replacement: str) -> list[str]:
        marked = pattern.replaced(texts, f"{_BEGIN}{replacement}{_END}")
        return [
            _REPLACED.sub(lambda match: form.replace("%s", _text(function(match[1]))), text)
            for text in marked
        ]

    return replace


def _by_glob(pattern: Pattern, function: Function, form: str) -> Replace:
    def replace(texts: list[str], replacement: str) -> list[str]:
        new = replacement if function is None else form.replace("%s", _text(function(replacement)))
        found = pattern.found(texts)
        return [new if hit else text for text, hit in zip(texts, found, strict=True)]

    return replace


def _text(value: Any) -> str:
    if type(value) is not str:
        raise Fault(f"the function gave {kind_of(value)}, not a string")
    return value


def _replace(edit: Edit, target: Target, replacement: Column, replace: Replace) -> None:
    """Replace in one column of text; what is no text stays as it is."""
    old = target.column(edit.draft, edit.where)
    edit.replace(target, old, _replaced(edit, old, replacement, replace))


def _replaced(edit: Edit, old: Column, replacement: Column, replace: Replace) -> Column:
    if len(replacement.values) == 1 and type(replacement.values[0]) is str:
        return whole(
            lambda values: _in_texts(values, replacement.values[0], replace), old, edit.where
        )
    return each(
        lambda value, new: _in_texts([value], new, replace)[0], [old, replacement], edit.where
    )


def _in_texts(values: list[Any], replacement: Any, replace: Replace) -> list[Any]:
    """The values, with the texts among them replaced; a text that stays is the same object."""
    if type(replacement) is not str:
        raise Fault(f"expected a string as replacement, found {kind_of(replacement)}")
    texts = [value for value in values if type(value) is str]
    if not texts:
        return values
    new = iter(replace(texts, replacement))
    found = [next(new) if type(value) is str else value for value in values]
    return [old if old == value else value for old, value in zip(values, found, strict=True)]


def _replace_values(edit: Edit, target: Target, replacement: Column, replace: Replace) -> None:
    keys = edit.few_keys(target)
    if keys is not None:
        for key in keys:
            _replace(edit, target.below(key), replacement, replace)
        return

    def replaced(found: Any, new: Any) -> dict[str, Any]:
        if type(found) is not dict:
            raise Fault(f"expected a map, found {kind_of(found)}")
        return dict(zip(found, _in_texts(list(found.values()), new, replace), strict=True))

    _change_maps(edit, target, replacement, replaced)


def _replace_keys(edit: Edit, target: Target, replacement: Column, replace: Replace) -> None:
    def replaced(found: Any, new: Any) -> dict[str, Any]:
        if type(found) is not dict:
            raise Fault(f"expected a map, found {kind_of(found)}")
        return dict(zip(_in_texts(list(found), new, replace), found.values(), strict=True))

    _change_maps(edit, target, replacement, replaced)


def _change_maps(
    edit: Edit, target: Target, replacement: Column, function: Callable[[Any, Any], Any]
) -> None:
    old = target.column(edit.draft, edit.where)
    edit.put(target, each(function, [old, replacement], edit.where), edit.where)


EDITORS: Functions = {
    "replace_all_matches": replace_all_matches,
    "replace_all_patterns": replace_all_patterns,
    "replace_match": replace_match,
    "replace_pattern": replace_pattern,
}
