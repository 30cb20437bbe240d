"""`include` and `exclude`: which items a processor works on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeAlias

import numpy as np
from pydantic import Field, model_validator

from penstock.config.regexps import compiled
from penstock.config.types import Section
from penstock.pipeline import Batch, Signal
from penstock.processors._attributes import ITEM, both, path_to
from penstock.processors._patterns import AnyOf
from penstock.processors._values import as_string

if TYPE_CHECKING:
    from penstock.pipeline import Column
    from penstock.pipeline.batch import Mask

SPAN_KINDS = tuple(
    f"SPAN_KIND_{kind}"
    for kind in ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
)
"""The names of spans' kinds, by number."""

_MOST_SEVERE = 24

_COMMON = ("resources",)
_FITTING = {
    Signal.TRACES: {"services", "span_names", "span_kinds", "attributes", "libraries", *_COMMON},
    Signal.LOGS: {
        "log_bodies",
        "log_severity_texts",
        "log_severity_number",
        "attributes",
        "libraries",
        *_COMMON,
    },
    Signal.METRICS: {"metric_names", *_COMMON},
}
"""The properties that items of a signal have, as in the Collector."""


class Attribute(Section):
    """An attribute that must be there."""

    key: str = Field(min_length=1)
    """The attribute."""
    value: Any = None
    """What it must be, or with `regexp` match; left out, any value will do."""


class Library(Section):
    """An instrumentation scope."""

    name: str
    """The scope's name."""
    version: str | None = None
    """Its version; left out, any will do."""


class SeverityNumber(Section):
    """How severe a log record must be."""

    min: int = Field(default=0, ge=0, le=_MOST_SEVERE)
    """The least severity number, such as 9 for INFO."""
    match_undefined: bool = False
    """Whether records without severity match."""


class MatchProperties(Section):
    """What an item must be like. It must match each of the properties that are given, and of a
    list of names one; of `attributes` and `resources` it must have all."""

    match_type: Literal["strict", "regexp"]
    """How texts are compared: as a whole, or by regular expressions found anywhere in them."""
    services: tuple[str, ...] = ()
    """Spans: names of services, the resource attribute `service.name`."""
    span_names: tuple[str, ...] = ()
    """Spans: their names."""
    span_kinds: tuple[str, ...] = ()
    """Spans: their kinds, such as `SPAN_KIND_SERVER`."""
    log_bodies: tuple[str, ...] = ()
    """Log records: their bodies, as text."""
    log_severity_texts: tuple[str, ...] = ()
    """Log records: their severity texts."""
    log_severity_number: SeverityNumber | None = None
    """Log records: their severity."""
    metric_names: tuple[str, ...] = ()
    """Metrics: their names."""
    attributes: tuple[Attribute, ...] = ()
    """Spans and log records: attributes that they have."""
    resources: tuple[Attribute, ...] = ()
    """Attributes that their resource has."""
    libraries: tuple[Library, ...] = ()
    """Spans and log records: their instrumentation scopes."""

    not_here: ClassVar[Mapping[str, str]] = {
        "regexp": "a batch's distinct values are matched once each, without a cache; remove it",
        "expressions": "use the `filter` or `transform` processor with OTTL conditions",
        "resource_attributes": "its name here is `resources`",
    }

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if not self.model_fields_set - {"match_type"}:
            msg = "expected at least one property to match"
            raise ValueError(msg)
        if self.match_type == "regexp":
            self._check_patterns()
        elif unknown := set(self.span_kinds) - set(SPAN_KINDS[1:]):
            msg = f"span_kinds: expected {', '.join(SPAN_KINDS[1:])}, found {unknown.pop()!r}"
            raise ValueError(msg)
        return self

    def _check_patterns(self) -> None:
        for attribute in (*self.attributes, *self.resources):
            if not isinstance(attribute.value, str | None):
                msg = f"{attribute.key}: with `match_type: regexp` a value is a text"
                raise ValueError(msg)  # noqa: TRY004  (pydantic reports only these)
        texts = [*self.services, *self.span_names, *self.span_kinds, *self.log_bodies]
        texts += [*self.log_severity_texts, *self.metric_names]
        texts += [a.value for a in (*self.attributes, *self.resources) if a.value is not None]
        texts += [text for one in self.libraries for text in (one.name, one.version) if text]
        for text in texts:
            compiled(text)

    def misfit(self, signal: Signal) -> str | None:
        """The property that items of `signal` do not have, or that none is given that they have."""
        given = {name for name in self.model_fields_set - {"match_type"} if getattr(self, name)}
        fitting = sorted(_FITTING[signal])
        if strange := sorted(given - _FITTING[signal]):
            return f"`{strange[0]}` does not apply to {signal}, only {', '.join(fitting)}"
        return None if given else f"expected one of {', '.join(fitting)}"


_Texts: TypeAlias = Callable[[list[str]], list[bool]]


class Matcher:
    """Finds the items that match."""

    def __init__(self, properties: MatchProperties) -> None:
        self._properties = properties
        self._strict = properties.match_type == "strict"
        given = properties
        self._by_text: list[tuple[str, Callable[[Any], str], _Texts]] = [
            (path, text, self._texts(wanted))
            for path, text, wanted in (
                ('resource.attributes["service.name"]', _service, given.services),
                ("span.name", as_string, given.span_names),
                ("span.kind", _kind, given.span_kinds),
                ("log.body", as_string, given.log_bodies),
                ("log.severity_text", as_string, given.log_severity_texts),
                ("metric.name", as_string, given.metric_names),
            )
            if wanted
        ]

    def mask(self, batch: Batch) -> Mask:
        """Where `batch` has what matches."""
        mask = np.ones(len(batch), dtype=np.bool_)
        for path, text, matches in self._by_text:
            mask &= _where(batch.column(path), text, matches)
        if self._properties.log_severity_number:
            mask &= _severe(batch, self._properties.log_severity_number)
        for attribute in self._properties.attributes:
            mask &= self._has(batch, f"{ITEM[batch.signal]}.attributes", attribute)
        for attribute in self._properties.resources:
            mask &= self._has(batch, "resource.attributes", attribute)
        if self._properties.libraries:
            mask &= self._of_libraries(batch)
        return mask

    def _texts(self, wanted: Sequence[str]) -> _Texts:
        if not self._strict:
            return AnyOf(wanted)
        return lambda texts: [text in wanted for text in texts]

    def _has(self, batch: Batch, path: str, attribute: Attribute) -> Mask:
        column = batch.column(path_to(path, attribute.key))
        if attribute.value is None:
            return column.where(lambda found: found is not None)
        if self._strict:
            return column.equals(attribute.value)
        simple = column.where(lambda found: isinstance(found, str | bool | int | float))
        return simple & _where(column, as_string, self._texts([attribute.value]))

    def _of_libraries(self, batch: Batch) -> Mask:
        names, versions = batch.column("scope.name"), batch.column("scope.version")
        mask = np.zeros(len(batch), dtype=np.bool_)
        for library in self._properties.libraries:
            named = _where(names, as_string, self._texts([library.name]))
            if library.version is not None:
                named &= _where(versions, as_string, self._texts([library.version]))
            mask |= named
        return mask


class Selection:
    """The items that match `include` and do not match `exclude`, where these are given."""

    def __init__(self, include: MatchProperties | None, exclude: MatchProperties | None) -> None:
        self._include = Matcher(include) if include else None
        self._exclude = Matcher(exclude) if exclude else None

    def mask(self, batch: Batch) -> Mask | None:
        """Where they are; `None` is everywhere."""
        included = self._include.mask(batch) if self._include else None
        excluded = self._exclude.mask(batch) if self._exclude else None
        return both(included, None if excluded is None else ~excluded)


def misfit(signal: Signal, **parts: MatchProperties | None) -> str | None:
    """Why `include` or `exclude` makes no sense for a signal, if so."""
    problems = ((name, part.misfit(signal)) for name, part in parts.items() if part)
    return next((f"{name}: {problem}" for name, problem in problems if problem), None)


def _where(column: Column, text: Callable[[Any], str], matches: _Texts) -> Mask:
    hits = np.array(matches([text(value) for value in column.values]), dtype=np.bool_)
    return hits[column.codes]


def _severe(batch: Batch, wanted: SeverityNumber) -> Mask:
    return batch.column("log.severity_number").where(
        lambda number: number >= wanted.min if number else wanted.match_undefined
    )


def _service(value: Any) -> str:
    return "<nil-service-name>" if value is None else as_string(value)


def _kind(number: int) -> str:
    return SPAN_KINDS[number] if number in range(len(SPAN_KINDS)) else ""
