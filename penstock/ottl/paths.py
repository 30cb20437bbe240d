"""Paths of a statement, resolved: what they read and what they write."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.ottl.columns import Faulty, each, failures
from penstock.ottl.contexts import ALIASES, EVENTS, FIELDS, NOT_HERE, Scope
from penstock.ottl.draft import Draft, Place
from penstock.ottl.errors import StatementError, hint
from penstock.ottl.fields import PLAIN, Field, attributes, entry, unchanged, with_entry
from penstock.ottl.syntax import Literal, Path
from penstock.ottl.values import Failure, storable
from penstock.pipeline import Column

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock.ottl.columns import Truth
    from penstock.ottl.evaluate import Expression
    from penstock.pipeline.batch import Mask

_SHARED = ("resource", "scope", "metric")
_ANY = Field("", write=storable, as_is=PLAIN, keyed=True)
_MAP = Field("cache", write=attributes()["attributes"].write, entry=entry)


@dataclass(frozen=True, slots=True)
class Target:
    """A path that a statement reads or writes, with the keys that the kernel does not follow."""

    text: str
    place: Place
    field: Field
    keys: tuple[Expression, ...]

    def column(self, draft: Draft, where: Mask | None = None) -> Column:
        """The value of every item."""
        base = self._base(draft)
        if not self.keys:
            return base
        return each(self._entry, [base, *self._key_columns(draft, where)], where)

    def numbers(self, draft: Draft) -> NDArray[Any] | None:
        """As `column`, as an array, where all values are integers and none was written."""
        return draft.numbers(self.place) if self.field.numeric else None

    def put(self, draft: Draft, values: Column, where: Mask | None) -> Truth | None:
        """Write values where the mask is true. The outcome has the items whose value the field
        cannot hold: they stay as they are."""
        if self.keys:
            columns = [self._base(draft), values, *self._key_columns(draft, where)]
            values = each(self._with_entry, columns, where)
        written = values
        if isinstance(values, Faulty) or not self._as_they_are(values.values):
            written = each(self._checked, [values], where)
        wrong = failures(written, where)
        if wrong is not None:
            where = wrong.hits if where is None else where & wrong.hits
            written = written.map(lambda value: None if type(value) is Failure else value)
        self._write(draft, written, where)
        return wrong

    def _as_they_are(self, values: list[Any]) -> bool:
        return all(value is None or type(value) in self.field.as_is for value in values)

    def _checked(self, value: Any) -> Any:
        assert self.field.write
        return None if value is None else self.field.write(value)

    @property
    def writable(self) -> bool:
        """Whether the field can be set."""
        return self.field.write is not None

    @property
    def is_attributes(self) -> bool:
        """Whether the kernel knows the keys of what is here: attributes as a whole."""
        return not self.keys and self.place.path.endswith((".attributes", ".metadata"))

    @property
    def is_keyed(self) -> bool:
        """Whether the kernel finds entries of what is here."""
        return not self.keys and self.field.keyed

    def below(self, key: str) -> Target:
        """The entry with that key, of what is keyed."""
        place = self.place
        path, slot = (f"{one}[{json.dumps(key)}]" for one in (place.path, place.slot))
        return Target(f"{self.text}[{json.dumps(key)}]", Place(path, slot, place.shared), _ANY, ())

    def _base(self, draft: Draft) -> Column:
        column = draft.column(self.place)
        return column if self.field.read is unchanged else column.map(self.field.read)

    def _write(self, draft: Draft, column: Column, where: Mask | None) -> None:
        draft.set(self.place, column, where)

    def _key_columns(self, draft: Draft, where: Mask | None) -> list[Column]:
        return [key.column(draft, where) for key in self.keys]

    def _entry(self, value: Any, *keys: Any) -> Any:
        for key in keys:
            value = (self.field.entry or entry)(value, key)
        return value

    def _with_entry(self, value: Any, new: Any, key: Any, *keys: Any) -> Any:
        if keys:
            new = self._with_entry((self.field.entry or entry)(value, key), new, *keys)
        return (self.field.with_entry or with_entry)(value, key, new)


@dataclass(frozen=True, slots=True)
class CacheTarget(Target):
    """`span.cache["key"]`: what is kept for later statements of a list."""

    def _base(self, draft: Draft) -> Column:
        return draft.cache(self.place.path)

    def _write(self, draft: Draft, column: Column, where: Mask | None) -> None:
        draft.set_cache(self.place.path, column, where)


def resolve(path: Path, keys: tuple[tuple[Expression, ...], ...], scope: Scope) -> Target:
    """What a path leads to; `keys` has the compiled keys of each segment. Raises
    `StatementError`."""
    context, names = _context(path, scope)
    *parents, last = path.segments
    if any(parent.keys for parent in parents):
        raise StatementError(path.at, f"`{path}` can be indexed at its end only")
    if names == ["cache"]:
        place = Place(f"{context}.cache", f"{context}.cache", shared=False)
        return CacheTarget(f"{context}.cache", place, _MAP, keys[-1])
    field = _field(path, context, names, scope)
    return _target(f"{context}.{'.'.join(names)}", context, field, last.keys, keys[-1])


def _target(
    text: str, context: str, field: Field, nodes: tuple[Any, ...], keys: tuple[Expression, ...]
) -> Target:
    """The kernel follows the keys that are strings, as far as they come first."""
    known = 0
    if field.keyed:
        while known < len(nodes) and _is_key(nodes[known]):
            known += 1
    steps = "".join(f"[{json.dumps(node.value)}]" for node in nodes[:known])
    within = "span.events" if context == EVENTS else context
    slot = f"{within}.{field.slot or field.name}{steps}"
    place = Place(f"{context}.{field.name}{steps}", slot, context in _SHARED)
    inner = Field(field.name, write=storable, as_is=PLAIN, keyed=True) if known else field
    return Target(text + steps, place, inner, keys[known:])


def _is_key(node: Any) -> bool:
    return isinstance(node, Literal) and isinstance(node.value, str)


def _context(path: Path, scope: Scope) -> tuple[str, list[str]]:
    """The context of a path, and the names behind it."""
    first, *rest = (segment.name for segment in path.segments)
    named = ALIASES.get(first, first)
    if named in scope.known and rest:
        return named, rest
    if first in NOT_HERE and not scope.context:
        problem = f"the context {first} is not supported; {NOT_HERE[first]}"
        raise StatementError(path.at, problem)
    if named in FIELDS and rest:
        known = ", ".join(scope.known)
        raise StatementError(path.at, f"`{path}` cannot be used here: expected one of {known}")
    if not scope.context:
        raise StatementError(path.at, _without_context(path, scope))
    return scope.context, [first, *rest]


def _without_context(path: Path, scope: Scope) -> str:
    names = str(path)
    for context in (*scope.known[2:], *scope.known[:2]):
        if names in FIELDS[context] or names == "cache":
            return f"a path begins with its context; did you mean `{context}.{names}`?"
    return f"`{names}` is not a path; one begins with {', '.join(scope.known)}"


def _field(path: Path, context: str, names: list[str], scope: Scope) -> Field:
    known = FIELDS[context]
    field = known.get(".".join(names))
    if field is None:
        prefix = "" if scope.context == context and path.segments[0].name == names[0] else context
        others = [f"{prefix}.{name}".lstrip(".") for name in known]
        raise StatementError(
            path.at, f"`{path}` is not a path of {context}{hint(str(path), others)}"
        )
    keys = path.segments[-1].keys
    if keys and not (field.keyed or field.entry):
        raise StatementError(path.at, f"`{path}` cannot be indexed")
    return field
