"""Operators: what is made of entries, one step after the other, under the Collector's names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, JsonValue, model_validator

from penstock.config.regexps import compiled
from penstock.config.types import Duration, Section
from penstock.receivers._operators_blocks import Severity, Timestamp, Trace
from penstock.receivers._operators_expr import Expression, compile_expression, compile_value
from penstock.receivers._operators_fields import ATTRIBUTES, BODY, FieldPath, Place
from penstock.receivers._tail_options import ByteSize, Regexp


class Operator(Section):
    """What every operator has."""

    id: str = ""
    """Its name, for `output` of others and for metrics; its type, if it is empty."""
    output: str = ""
    """The operator that follows, if it is not the next one of the list."""
    on_error: Literal["send", "drop", "send_quiet", "drop_quiet"] = "send"
    """What becomes of an entry that the operator can make nothing of."""
    condition: Expression = Field(default="", alias="if")
    """Only entries for which this is true are changed."""

    @model_validator(mode="before")
    @classmethod
    def _is_here(cls, given: Any) -> Any:
        for option, remedy in cls.not_here.items():
            if isinstance(given, dict) and option in given:
                msg = f"`{option}` is not here: {remedy}"
                raise ValueError(msg)
        return given

    def action(self) -> Any:
        """What it does, for the kernel."""
        raise NotImplementedError


class Noop(Operator):
    """Does nothing: an end for `output`."""

    type: Literal["noop"]

    def action(self) -> Any:
        """What it does, for the kernel."""
        return "noop"


class Add(Operator):
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


class _FromTo(Operator):
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


class Remove(Operator):
    """Removes a field."""

    type: Literal["remove"]
    field: Place
    """What is removed."""

    def action(self) -> Any:
        """What it does, for the kernel."""
        return {"remove": {"field": self.field.data()}}


class Retain(Operator):
    """Removes all but some fields."""

    type: Literal["retain"]
    fields: list[Place] = Field(min_length=1)
    """What stays of the parts of the entry that these are in."""

    def action(self) -> Any:
        """What it does, for the kernel."""
        return {"retain": {"fields": [field.data() for field in self.fields]}}


class Flatten(Operator):
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


class Filter(Operator):
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


class Parser(Operator):
    """What every parser has that makes a map of a text."""

    not_here: ClassVar[Mapping[str, str]] = {
        "scope_name": "set the scope in a `transform` processor",
        "cache": "nothing is gained by one; remove it",
    }

    parse_from: Place = BODY
    """Where the text is."""
    parse_to: Place = ATTRIBUTES
    """Where the map goes; it is merged with what is there."""
    body: Place | None = None
    """What becomes the body afterwards."""
    timestamp: Timestamp | None = None
    """When the entry was."""
    severity: Severity | None = None
    """How severe it is."""
    trace: Trace | None = None
    """Which trace it belongs to."""

    def syntax(self) -> Any:
        """How the text is read, for the kernel."""
        raise NotImplementedError

    def header_from(self) -> Any:
        """Where each entry has the names of columns, if it has."""
        return None

    def action(self) -> Any:
        """What it does, for the kernel."""
        blocks = {name: getattr(self, name) for name in ("timestamp", "severity", "trace")}
        return {
            "parse": {
                "parse_from": self.parse_from.data(),
                "parse_to": self.parse_to.data(),
                "syntax": self.syntax(),
                "header_from": self.header_from(),
                "body": self.body.data() if self.body else None,
                **{name: block and block.data() for name, block in blocks.items()},
            }
        }


class JsonParser(Parser):
    """Reads JSON objects."""

    type: Literal["json_parser"]
    parse_ints: bool = False
    """Whether numbers without a fraction become integers."""

    def syntax(self) -> Any:
        """How the text is read, for the kernel."""
        return {"json": {"integers": self.parse_ints}}


class RegexParser(Parser):
    """Reads the named groups of a pattern."""

    type: Literal["regex_parser"]
    regex: Regexp
    """The pattern."""

    @model_validator(mode="after")
    def _has_groups(self) -> Self:
        if not compiled(self.regex).names:
            msg = "expected groups with names, such as (?P<level>[A-Z]+)"
            raise ValueError(msg)
        return self

    def syntax(self) -> Any:
        """How the text is read, for the kernel."""
        return {"regex": self.regex}


class CsvParser(Parser):
    """Reads values between delimiters."""

    type: Literal["csv_parser"]
    header: str = ""
    """The names of the columns, with delimiters between them."""
    header_attribute: str = ""
    """The attribute in which each entry has them instead."""
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    """What is between values."""
    header_delimiter: str = Field(default="", max_length=1)
    """What is between names of columns, if it is something else."""
    lazy_quotes: bool = False
    """Whether quotes may stand within values."""
    ignore_quotes: bool = False
    """Whether quotes mean nothing."""

    @model_validator(mode="after")
    def _has_columns(self) -> Self:
        if bool(self.header) == bool(self.header_attribute):
            msg = "expected either header or header_attribute"
            raise ValueError(msg)
        return self

    def header_from(self) -> Any:
        """Where each entry has the names of columns, if it has."""
        attribute = self.header_attribute
        return FieldPath("attributes", (attribute,)).data() if attribute else None

    def syntax(self) -> Any:
        """How the text is read, for the kernel."""
        between = self.header_delimiter or self.delimiter
        return {
            "csv": {
                "header": self.header.split(between),
                "delimiter": self.delimiter,
                "header_delimiter": between,
                "lazy": self.lazy_quotes,
                "ignore_quotes": self.ignore_quotes,
            }
        }


class KeyValueParser(Parser):
    """Reads pairs such as `level=info`."""

    type: Literal["key_value_parser"]
    delimiter: str = Field(default="=", min_length=1)
    """What is between a key and its value."""
    pair_delimiter: str = ""
    """What is between pairs; blanks, if it is empty."""

    @model_validator(mode="after")
    def _are_different(self) -> Self:
        if self.delimiter == self.pair_delimiter:
            msg = "delimiter and pair_delimiter must be different"
            raise ValueError(msg)
        return self

    def syntax(self) -> Any:
        """How the text is read, for the kernel."""
        return {"pairs": {"delimiter": self.delimiter, "between": self.pair_delimiter}}


class SeverityParser(Severity, Operator):
    """Tells how severe entries are."""

    type: Literal["severity_parser"]

    def action(self) -> Any:
        """What it does, for the kernel."""
        return {"severity": self.data()}


class TimeParser(Timestamp, Operator):
    """Tells when entries were."""

    type: Literal["time_parser"]

    def action(self) -> Any:
        """What it does, for the kernel."""
        return {"time": self.data()}


class TraceParser(Trace, Operator):
    """Tells which trace entries belong to."""

    type: Literal["trace_parser"]

    def action(self) -> Any:
        """What it does, for the kernel."""
        return {"trace": self.data()}


class Recombine(Operator):
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


class Container(Operator):
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
