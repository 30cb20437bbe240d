"""What an editor works with: a draft, the items that its statement is for, and what failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.ottl.columns import Truth, each
from penstock.ottl.draft import Draft
from penstock.ottl.paths import Target
from penstock.ottl.values import Fault, kind_of
from penstock.pipeline import Column

if TYPE_CHECKING:
    from penstock.pipeline.batch import Mask

MANY_KEYS = 64
"""Distinct keys of attributes, up to which a column for each is faster than maps of all."""


class Edit:
    """One run of a statement. `where` is true for the items that it is for."""

    def __init__(self, draft: Draft, where: Mask | None) -> None:
        self.draft = draft
        self.where = where
        self.failed: list[Truth] = []

    def narrowed(self, mask: Mask) -> Mask:
        """Of the statement's items those where a mask is true."""
        return mask if self.where is None else mask & self.where

    def put(self, target: Target, column: Column, where: Mask | None) -> None:
        """Write to a target; items whose value it cannot hold fail."""
        failed = target.put(self.draft, column, where)
        if failed is not None:
            self.failed.append(failed)

    def change(self, target: Target, function: Callable[[Any], Any]) -> None:
        """Put what `function` makes of a target's value, where that is another."""
        old = target.column(self.draft, self.where)
        self.replace(target, old, each(function, [old], self.where))

    def replace(self, target: Target, old: Column, new: Column) -> None:
        """Put `new` in the place of `old`, where it is another value."""
        if old.codes is not new.codes:
            self.put(target, new, self.where)
            return
        differs = _differing(old.values, new.values)
        if differs.any():
            self.put(target, new, self.narrowed(differs[old.codes]))

    def change_map(self, target: Target, function: Callable[[dict[str, Any]], Any]) -> None:
        """As `change` of a map; anything else fails."""

        def changed(value: Any) -> Any:
            if type(value) is not dict:
                msg = f"expected a map, found {kind_of(value)}"
                raise Fault(msg)
            return function(value)

        self.change(target, changed)

    def change_values(self, target: Target, function: Callable[[Any], Any]) -> None:
        """Put what `function` makes of every value in a map, by columns where that is faster."""
        keys = self.few_keys(target)
        if keys is None:
            self.change_map(
                target, lambda found: {key: function(value) for key, value in found.items()}
            )
            return
        for key in keys:
            below = target.below(key)
            old = below.column(self.draft)
            self.replace(below, old, Column(old.codes, [function(value) for value in old.values]))

    def few_keys(self, target: Target) -> list[str] | None:
        """The keys of attributes, if they are few."""
        if not target.is_attributes:
            return None
        keys = self.draft.keys(target.place)
        return keys if len(keys) <= MANY_KEYS else None


def _differing(old: list[Any], new: list[Any]) -> Any:
    pairs = zip(old, new, strict=True)
    return np.fromiter((one is not other for one, other in pairs), np.bool_, len(old))


def failure_of(failed: list[Truth]) -> Truth | None:
    """The items of several failures, and the first reason."""
    masks = [one.failed for one in failed if one.failed is not None]
    if not masks:
        return None
    return Truth(~np.any(masks, axis=0), np.any(masks, axis=0), failed[0].reason)
