"""Attributes by which what is made of spans is told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from penstock.config.types import Section
from penstock.connectors._measuring import attribute_path
from penstock.ottl.globs import compiled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from penstock._kernel import Pattern
    from penstock.connectors._measuring import Items
    from penstock.pipeline import Column, Mask

SERVICE, SPAN_NAME, SPAN_KIND, STATUS = "service.name", "span.name", "span.kind", "status.code"

COMMON = (SERVICE, SPAN_NAME, SPAN_KIND, STATUS)
"""What all metrics of spans are told apart by, as the Collector calls it."""

OF_SPANS = ("span", "resource")
OF_EVENTS = ("span", "spanevent", "resource")
OF_RECORDS = ("log", "resource")
"""Where attributes are looked for, the first place first."""

_KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_STATUSES = ("UNSET", "OK", "ERROR")
_MOST_MATCHES = 100
"""Attributes that globs find in a batch: each is a column, and senders choose their keys."""


class Dimension(Section):
    """An attribute, by its name."""

    name: str = Field(min_length=1)
    """The attribute: the item's own, its event's, or its resource's, the first that there is."""
    default: str | None = None
    """Its value where it is missing; without it, it is left out there."""


def _pattern(glob: str) -> Pattern:
    return compiled(glob, separator=".")


def _readable(glob: str) -> str:
    _pattern(glob)
    return glob


class Selected(Section):
    """An attribute by its name, or all whose names match a glob."""

    name: str | None = Field(default=None, min_length=1)
    """The attribute: the item's own, its event's, or its resource's, the first that there is."""
    default: str | None = None
    """Its value where it is missing; without it, it is left out there."""
    glob: Annotated[str, AfterValidator(_readable)] | None = Field(default=None, min_length=1)
    """In place of a name: all attributes with such names. `*` and `?` stand for anything but a dot,
    `**` for dots too."""

    @model_validator(mode="after")
    def _either(self) -> Self:
        if (self.name is None) == (self.glob is None):
            msg = "expected either `name` or `glob`"
            raise ValueError(msg)
        if self.glob is not None and self.default is not None:
            msg = "a `default` goes with a `name` only"
            raise ValueError(msg)
        return self


def check_names(dimensions: Sequence[Dimension | Selected], taken: Iterable[str]) -> None:
    """Raises `ValueError` for a name that stands for two attributes; `taken` are there anyway."""
    names = set(taken)
    for name in filter(None, (dimension.name for dimension in dimensions)):
        if name in names:
            msg = f"the attribute {name!r} is there already"
            raise ValueError(msg)
        names.add(name)
    for pattern in _globs(dimensions):
        if hits := _matches(pattern, sorted(names)):
            msg = f"a glob matches {hits[0]!r}, which is there already"
            raise ValueError(msg)


def _globs(dimensions: Sequence[Dimension | Selected]) -> list[Pattern]:
    globs = [each.glob for each in dimensions if isinstance(each, Selected) and each.glob]
    return [_pattern(glob) for glob in globs]


def _matches(pattern: Pattern, names: list[str]) -> list[str]:
    return [name for name, hit in zip(names, pattern.found(names), strict=True) if hit]


class Dimensions:
    """Attributes to be read from items, each at the first level that has it."""

    def __init__(self, wanted: Sequence[Dimension | Selected], levels: Sequence[str]) -> None:
        self._named = {each.name: each.default for each in wanted if each.name}
        self._globs = _globs(wanted)
        self._levels = levels

    @property
    def paths(self) -> list[str]:
        """Where named attributes are looked for first."""
        return [attribute_path(self._levels[0], name) for name in self._named]

    def of(self, items: Items) -> dict[str, Column]:
        """The attributes of a batch, by their names."""
        found = {
            name: items.found(name, self._levels, default) for name, default in self._named.items()
        }
        for name in self._matching(items):
            if name not in found:
                found[name] = items.found(name, self._levels)
        return found

    def _matching(self, items: Items) -> list[str]:
        if not self._globs:
            return []
        keys = sorted({key for level in self._levels for key in items.keys(level)})
        found = {name for pattern in self._globs for name in _matches(pattern, keys)}
        return sorted(found)[:_MOST_MATCHES]


def of_spans(items: Items) -> dict[str, Column]:
    """What all metrics of spans are told apart by, of spans or the events in them."""
    return {
        SERVICE: of_services(items),
        SPAN_NAME: items.column("span.name"),
        SPAN_KIND: items.column("span.kind").map(_named("SPAN_KIND", _KINDS)),
        STATUS: items.column("span.status.code").map(_named("STATUS_CODE", _STATUSES)),
    }


def of_services(items: Items) -> Column:
    """The name of each item's service; `None` where its resource has none."""
    return items.resources.map(lambda attributes: attributes.get(SERVICE))


def has_name(services: Column) -> Mask:
    """The items whose service has a name: the Collector counts no others."""
    return services.where(lambda name: name is not None)


def _named(prefix: str, names: Sequence[str]) -> Callable[[Any], str]:
    """What OTLP calls a number of an enumeration; nothing for one that it does not have."""
    return lambda number: f"{prefix}_{names[number]}" if 0 <= number < len(names) else ""
