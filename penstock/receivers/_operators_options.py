"""Operators: what is made of entries, one step after the other, under the Collector's names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, JsonValue, model_validator

from penstock.config.types import Duration, Section
from penstock.receivers._operators_base import Operator, Step
from penstock.receivers._operators_expr import Expression, compile_expression, compile_value
from penstock.receivers._operators_fields import BODY, FieldPath, Place
from penstock.receivers._operators_parsers import (
    CsvParser,
    JsonParser,
    KeyValueParser,
    RegexParser,
    SeverityParser,
    TimeParser,
    TraceParser,
)
from penstock.receivers._tail_options import ByteSize


class Noop(Step):
    """Does nothing: an end for `output`."""

    type: Literal["noop"]

    def action(self) -> Any:
        """What it does, for the kernel."""
        return "noop"


class Add(Step):
    """Sets a field."""

    type: Literal["add"]
    field: Place
    """Where the value goes."""
    value: JsonValue
    """The value, or `EXPR(…)` for one that is made of the entry."""

    @model_validator(mode="after")
    def _is_value(self) -> Self:
        self.action()
        return self

    def action(self) -> Any:
        """What it does, for the kernel."""
        text = isinstance(self.value, str)
        value = compile_value(str(self.value)) if text else {"value": self.value}
        return {"add": {"field": self.field.data(), "value": value}}


class _FromTo(Step):
    from_: Place = Field(alias="from")
    """Where the value is."""
    to: Place
    """Where it goes."""

    def action(self) -> Any:
        """What it does, for the kernel."""
        return {self.type: {"from": self.from_.data(), "to": self.to.data()}}  # type: ignore[attr-defined]


class Move(_FromTo):
    """Moves a value."""

    type: Literal["move"]


class Copy(_FromTo):
    """Copies a value."""

    type: Literal["copy"]


class Remove(Step):
    """Removes a field."""

    type: Literal["remove"]
    field: Place
    """What is removed."""

    def action(self) -> Any:
        """What it does, for the kernel."""
        return {"remove": {"field": self.field.data()}}


class Retain(Step):
    """Removes all but some fields."""

    type: Literal["retain"]
    fields: list[Place] = Field(min_length=1)
    """What stays of the parts of the entry that these are in."""

    def action(self) -> Any:
        """What it does, for the kernel."""
        return {"retain": {"fields": [field.data() for field in self.fields]}}


class Flatten(Step):
    """Moves what a map holds to where the map is."""

    type: Literal["flatten"]
    field: Place
    """The map."""

    @model_validator(mode="after")
    def _is_within(self) -> Self:
        if not self.field.keys:
            msg = f"{self.field} has nothing around it; name a field within it"
            raise ValueError(msg)
        return self

    def action(self) -> Any:
        """What it does, for the kernel."""
        return {"flatten": {"field": self.field.data()}}


class Filter(Step):
    """Drops entries."""

    type: Literal["filter"]
    expr: Expression
    """Entries for which this is true are dropped."""
    drop_ratio: float = Field(default=1.0, ge=0, le=1)
    """The part of them that is dropped."""

    def action(self) -> Any:
        """What it does, for the kernel."""
        expr = compile_expression(self.expr)
        return {"filter": {"expr": expr, "drop_ratio": self.drop_ratio}}


class Route(Section):
    """A way for some entries."""

    output: str
    """The operator that they go to."""
    expr: Expression
    """Which entries: those for which this is true, and no expression of a route before."""
    attributes: dict[str, JsonValue] = Field(default_factory=dict)
    """Attributes that they get."""


class Router(Operator):
    """Sends entries to different operators."""

    type: Literal["router"]
    routes: list[Route] = Field(min_length=1)
    """The ways, of which the first that fits is taken."""
    default: str = ""
    """Where other entries go; without it they are dropped."""


class Recombine(Step):
    """Puts entries together that are one."""

    type: Literal["recombine"]
    is_first_entry: Expression = ""
    """True for an entry that others follow."""
    is_last_entry: Expression = ""
    """True for an entry that follows others."""
    combine_field: Place
    """The texts that are put together."""
    combine_with: str = "\n"
    """What is put between them."""
    max_batch_size: int = Field(default=1000, ge=0)
    """How many entries one is made of at most; 0 is no limit."""
    max_unmatched_batch_size: int = Field(default=100, ge=0)
    """The same as long as neither expression was true."""
    overwrite_with: Literal["newest", "oldest"] = "newest"
    """Whose other fields it has."""
    force_flush_period: Duration = 5.0
    """After this time, what has come is put together."""
    source_identifier: Place = FieldPath("attributes", ("log.file.path",))
    """What tells entries of different sources apart, beside the file that they are in."""
    max_sources: int = Field(default=1000, ge=1)
    """How many sources of one file are kept apart at a time."""
    max_log_size: ByteSize = 0
    """Bytes from which on an entry is complete; 0 is no limit."""

    @model_validator(mode="after")
    def _has_a_boundary(self) -> Self:
        if bool(self.is_first_entry) == bool(self.is_last_entry):
            msg = "expected either is_first_entry or is_last_entry"
            raise ValueError(msg)
        return self

    def data(self) -> dict[str, Any]:
        """What puts entries together, for the kernel."""
        return {
            "combine_field": self.combine_field.data(),
            "combine_with": self.combine_with,
            "boundary": compile_expression(self.is_first_entry or self.is_last_entry),
            "is_first": bool(self.is_first_entry),
            "keep_oldest": self.overwrite_with == "oldest",
            "source_identifier": self.source_identifier.data(),
            "max_batch_size": self.max_batch_size,
            "max_unmatched_batch_size": self.max_unmatched_batch_size,
            "max_sources": self.max_sources,
            "max_log_size": self.max_log_size,
            "force_flush_period": round(self.force_flush_period * 1e9),
        }

    def action(self) -> Any:
        """What it does, for the kernel."""
        return {"recombine": self.data()}


class Container(Step):
    """Reads lines of Docker and of the container runtimes of Kubernetes."""

    not_here: ClassVar[Mapping[str, str]] = {
        "parse_to": "what the runtime says becomes attributes; move them",
        "severity": "add a severity_parser after it",
    }

    type: Literal["container"]
    format: Literal["docker", "crio", "containerd", ""] = ""
    """The format of the lines; without it, each line tells."""
    add_metadata_from_filepath: bool = True
    """Whether the path of the file tells of the pod."""
    max_log_size: ByteSize = Field(default=1 << 20)
    """Bytes from which on a line that comes in parts is complete; 0 is no limit."""
    parse_from: Place = BODY
    """Where the line is."""

    def action(self) -> Any:
        """What it does, for the kernel."""
        parts = Recombine.model_validate(
            {
                "type": "recombine",
                "combine_field": "body",
                "combine_with": "",
                "is_last_entry": 'attributes.logtag not in ["P"]',
                "source_identifier": 'attributes["log.iostream"]',
                "max_batch_size": 0,
                "max_unmatched_batch_size": 0,
                "max_log_size": self.max_log_size,
            }
        )
        line = {
            "parse_from": self.parse_from.data(),
            "format": {"docker": "docker", "": "any"}.get(self.format, "cri"),
            "add_metadata_from_filepath": self.add_metadata_from_filepath,
        }
        return {"container": {"container": line, "recombine": parts.data()}}


_NOT_HERE = {
    "assign_keys": "use csv_parser, or a `transform` processor",
    "json_array_parser": "use json_parser for objects, or ParseJSON in a `transform` processor",
    "k8s_metadata_decorator": "use the `k8sattributes` processor",
    "regex_replace": "use replace_pattern in a `transform` processor",
    "sanitize_utf8": "what is no UTF-8 has become U+FFFD already; remove it",
    "scope_name_parser": "set the scope in a `transform` processor",
    "syslog_parser": "use regex_parser with the groups that you need",
    "unquote": "use json_parser, or a `transform` processor",
    "uri_parser": "use the URL function in a `transform` processor",
}


def _is_known(given: Any) -> Any:
    kind = given.get("type") if isinstance(given, dict) else None
    if isinstance(kind, str) and kind in _NOT_HERE:
        msg = f"there is no operator {kind}: {_NOT_HERE[kind]}"
        raise ValueError(msg)
    return given


AnyOperator = Annotated[
    Annotated[
        Add
        | Container
        | Copy
        | CsvParser
        | Filter
        | Flatten
        | JsonParser
        | KeyValueParser
        | Move
        | Noop
        | Recombine
        | RegexParser
        | Remove
        | Retain
        | Router
        | SeverityParser
        | TimeParser
        | TraceParser,
        Field(discriminator="type"),
    ],
    BeforeValidator(_is_known),
]
"""An operator, by its `type`."""
