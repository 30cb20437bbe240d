"""Name spans by their attributes, take attributes out of their names, set their status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import model_validator

from penstock._kernel import Pattern
from penstock.config.regexps import Regexp
from penstock.config.types import Section
from penstock.pipeline import Batch, Column, Processor, ProcessorConfig, Signal
from penstock.processors._attributes import Attributes, both, combined, overlaid, present
from penstock.processors._match import MatchProperties, Selection, misfit
from penstock.processors._patterns import group_names
from penstock.processors._values import as_string

if TYPE_CHECKING:
    from penstock.pipeline import Context
    from penstock.pipeline.batch import Mask

_CODES = {"Unset": 0, "Ok": 1, "Error": 2}

_Places = list[tuple[int, int] | None]


class ToAttributes(Section):
    """Attributes that are taken out of names."""

    rules: tuple[Regexp, ...] = ()
    """Patterns; each named group becomes an attribute, and `{name}` takes its place in the span's
    name. Each works on what the one before has left."""
    break_after_match: bool = False
    """Whether the first rule that matches is the last."""
    keep_original_name: bool = False
    """Whether the name stays as it is."""

    @model_validator(mode="after")
    def _named(self) -> Self:
        for rule in self.rules:
            if any(name.isdigit() for name in group_names(rule)):
                msg = f"{rule!r}: every group needs a name: (?P<name>…)"
                raise ValueError(msg)
        return self


class Name(Section):
    """What becomes of names."""

    from_attributes: tuple[str, ...] = ()
    """The attributes whose values make up the name. Where one is absent, the name stays."""
    separator: str = ""
    """What stands between the values."""
    to_attributes: ToAttributes | None = None
    """Attributes that are taken out of the name, after that."""


class Status(Section):
    """The status that spans get."""

    code: Literal["Unset", "Ok", "Error"]
    """The code."""
    description: str = ""
    """With `Error`: the message."""

    @model_validator(mode="after")
    def _described(self) -> Self:
        if self.description and self.code != "Error":
            msg = "`description` goes with `code: Error` only"
            raise ValueError(msg)
        return self


class Config(ProcessorConfig):
    """Options of the Collector's `span` processor."""

    signals: ClassVar[frozenset[Signal]] = frozenset({Signal.TRACES})

    name: Name = Name()
    """What becomes of names."""
    status: Status | None = None
    """The status that spans get."""
    include: MatchProperties | None = None
    """The spans that are worked on; all, if left out."""
    exclude: MatchProperties | None = None
    """The spans, of those included, that are left as they are."""

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        rules = self.name.to_attributes and self.name.to_attributes.rules
        if not (self.name.from_attributes or rules or self.status):
            msg = "expected name.from_attributes, name.to_attributes.rules or status"
            raise ValueError(msg)
        return self

    def misfit(self, signal: Signal) -> str | None:
        """Why these settings make no sense for `signal`, if so."""
        return misfit(signal, include=self.include, exclude=self.exclude)

    def build(self, context: Context) -> SpanProcessor:
        """The processor."""
        del context
        return SpanProcessor(self)


class SpanProcessor(Processor):
    """Changes names, attributes and status of spans."""

    def __init__(self, config: Config) -> None:
        self._name = config.name
        self._to = config.name.to_attributes or ToAttributes()
        self._rules = [Pattern(rule) for rule in self._to.rules]
        self._status = config.status
        self._selection = Selection(config.include, config.exclude)

    def process(self, batch: Batch) -> Batch:
        """The batch with everything done."""
        where = self._selection.mask(batch)
        if where is not None and not where.any():
            return batch
        attributes = Attributes(batch, "span.attributes")
        before = batch.column("span.name")
        named = self._named(attributes, before, where)
        left = self._taken_out(attributes, named, where)
        names = named if self._to.keep_original_name else left
        edits = attributes.edits()
        if names is not before:
            edits.set("span.name", names, where)
        if self._status:
            status = {"code": _CODES[self._status.code], "message": self._status.description}
            edits.set("span.status", status, where)
        return edits.apply()

    def _named(self, attributes: Attributes, names: Column, where: Mask | None) -> Column:
        """The names after `from_attributes`."""
        if not self._name.from_attributes:
            return names
        columns = [attributes.get(key) for key in self._name.from_attributes]
        for column in columns:
            where = both(where, present(column))
        made = combined(columns, lambda values: self._name.separator.join(map(_text, values)))
        return overlaid(names, made, where)

    def _taken_out(self, attributes: Attributes, names: Column, where: Mask | None) -> Column:
        """The names after `to_attributes`, whose groups become attributes."""
        for pattern in self._rules:
            texts = [name or "" for name in names.values]
            places = [
                each if text else None
                for text, each in zip(texts, pattern.places(texts), strict=True)
            ]
            hit = np.array([bool(each) for each in places], dtype=np.bool_)[names.codes]
            hit = hit if where is None else hit & where
            for number, key in enumerate(pattern.names, start=1):
                values = [
                    each and _part(text, each[number])
                    for text, each in zip(texts, places, strict=True)
                ]
                attributes.set(key, Column(names.codes, values), hit)
            left = [
                each and _replaced(text, each, pattern.names)
                for text, each in zip(texts, places, strict=True)
            ]
            names = overlaid(names, Column(names.codes, left), hit)
            if self._to.break_after_match:
                where = ~hit if where is None else where & ~hit
        return names


def _part(text: str, place: tuple[int, int] | None) -> str:
    return text[slice(*place)] if place else ""


def _replaced(text: str, places: _Places, names: list[str]) -> str:
    """The text with each group's name in braces in its place; groups within groups have none."""
    left, at = "", 0
    for name, place in zip(names, places[1:], strict=True):
        if place and place[0] >= at:
            left += f"{text[at : place[0]]}{{{name}}}"
            at = place[1]
    return left + text[at:]


def _text(value: Any) -> str:
    return as_string(value) if isinstance(value, str | int | float) else "<unknown-attribute-type>"
