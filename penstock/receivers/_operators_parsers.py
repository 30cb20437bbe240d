"""Operators that read the text of entries, under the Collector's names."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from penstock.config.regexps import compiled
from penstock.receivers._operators_base import Step
from penstock.receivers._operators_blocks import Severity, Timestamp, Trace
from penstock.receivers._operators_fields import ATTRIBUTES, BODY, FieldPath, Place
from penstock.receivers._tail_options import Regexp


class Parser(Step):
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

    @abstractmethod
    def syntax(self) -> Any:
        """How the text is read, for the kernel."""

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


class SeverityParser(Severity, Step):
    """Tells how severe entries are."""

    type: Literal["severity_parser"]

    def action(self) -> Any:
        """What it does, for the kernel."""
        return {"severity": self.data()}


class TimeParser(Timestamp, Step):
    """Tells when entries were."""

    type: Literal["time_parser"]

    def action(self) -> Any:
        """What it does, for the kernel."""
        return {"time": self.data()}


class TraceParser(Trace, Step):
    """Tells which trace entries belong to."""

    type: Literal["trace_parser"]

    def action(self) -> Any:
        """What it does, for the kernel."""
        return {"trace": self.data()}
