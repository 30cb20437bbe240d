"""Options of `filelog` about files and how they are split."""

from __future__ import annotations

import grp
import pwd
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    JsonValue,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)

from penstock._kernel import LogRules
from penstock.config.regexps import compiled
from penstock.config.types import Duration, Section
from penstock.pipeline import ReceiverConfig
from penstock.receivers._listener import MIB

if TYPE_CHECKING:
    import os

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def parse_size(value: Any) -> int:
    """Bytes from the Collector's notation: `1kb` is 1000, `1KiB` 1024. Raises `ValueError`."""
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    found = _SIZE.fullmatch(text)
    if found is None:
        msg = f"expected a size such as 1MiB, 1kb or a number of bytes, found {value!r}"
        raise ValueError(msg)
    number, power, binary = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** _POWERS[power.lower()])


ByteSize = Annotated[
    int,
    BeforeValidator(parse_size),
    PlainSerializer(lambda size: size, return_type=int),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^[0-9.]+\s*[kKmMgGtT]?[iI]?[bB]?$"},
                {"type": "integer", "minimum": 0},
            ],
            "examples": ["1MiB", "1kb"],
        }
    ),
]
"""Bytes, written as the Collector's file receivers do: `1MiB`, `1kb`, `1000`."""


def _is_pattern(pattern: str) -> str:
    compiled(pattern)
    return pattern


Regexp = Annotated[str, AfterValidator(_is_pattern)]
"""A regular expression in RE2's syntax."""


_WHOLE_LINES = ("nop", "utf-8", "utf8", "ascii", "us-ascii", "utf-16", "utf-16le", "utf-16be")


def _is_encoding(name: str) -> str:
    if not LogRules.knows(name):
        msg = f"{name!r} is no known encoding; expected one such as utf-8, utf-16le, big5 or nop"
        raise ValueError(msg)
    return name.lower()


Encoding = Annotated[str, AfterValidator(_is_encoding)]
"""An encoding, by a name of the WHATWG or of the Collector."""


def is_splittable(encoding: str) -> bool:
    """Whether text in that encoding can be searched for patterns before it is decoded."""
    return encoding in _WHOLE_LINES


class Multiline(Section):
    """Where entries begin or end, if not at the ends of lines."""

    line_start_pattern: Regexp = ""
    """What an entry begins with."""
    line_end_pattern: Regexp = ""
    """What an entry ends with."""
    omit_pattern: bool = False
    """Whether what the pattern matches is left out of entries."""

    @model_validator(mode="after")
    def _one_pattern(self) -> Self:
        if bool(self.line_start_pattern) == bool(self.line_end_pattern):
            msg = "expected either line_start_pattern or line_end_pattern"
            raise ValueError(msg)
        return self

    def boundary(self) -> dict[str, str]:
        """For the kernel."""
        if self.line_start_pattern:
            return {"start": self.line_start_pattern}
        return {"end": self.line_end_pattern}


class Repetition(Section):
    """Whether what was refused is offered again: the Collector's files say so, and it always is."""

    not_here: ClassVar[Mapping[str, str]] = {
        "initial_interval": "the next stage says when to come again; remove it",
        "max_interval": "the next stage says when to come again; remove it",
        "max_elapsed_time": "nothing is given up; remove it",
    }

    enabled: Literal[True] = True
    """What is refused is always offered again until it is taken."""


class FileOptions(ReceiverConfig):
    """Which files are read, and how they are split into entries."""

    include: list[str] = Field(min_length=1)
    """Files to read, by patterns with `*`, `?`, `[a-z]`, `{a,b}`, and `**` for folders."""
    exclude: list[str] = Field(default_factory=list)
    """Those of them that are not read, by patterns."""
    exclude_older_than: Duration = 0
    """Leave out files that have not been written for this time; 0 is no limit."""
    start_at: Literal["beginning", "end"] = "end"
    """Where to begin with files that are there at the start and not known from an earlier run."""
    fingerprint_size: ByteSize = Field(default=1000, ge=16)
    """The first bytes of a file, by which it is known again: files that begin so are the same."""
    max_concurrent_files: int = Field(default=1024, ge=2)
    """How many files are open at a time."""
    poll_interval: Duration = Field(default=0.2, gt=0)
    """How often to look for new files, and for new entries."""
    compression: Literal["", "gzip", "auto"] = ""
    """What files are compressed with: nothing, `gzip`, or by their name (`auto`: `.gz` is gzip)."""
    encoding: Encoding = "utf-8"
    """How text is encoded; `nop` leaves bytes as they are."""
    multiline: Multiline | None = None
    """Where entries begin or end, if not at the ends of lines."""
    force_flush_period: Duration = 0.5
    """After this time without anything new, what is at the end of a file is an entry although
    nothing ends it; 0 waits for ever."""
    max_log_size: ByteSize = Field(default=MIB, ge=64, le=64 * MIB)
    """Longest entry in bytes; a longer one becomes several."""
    preserve_leading_whitespaces: bool = False
    """Whether entries keep blanks at their beginning."""
    preserve_trailing_whitespaces: bool = False
    """Whether entries keep blanks at their end."""
    include_file_name: bool = True
    """Whether entries have the file's name, as the attribute `log.file.name`."""
    include_file_path: bool = False
    """Whether entries have its path, as `log.file.path`."""
    include_file_name_resolved: bool = False
    """Whether entries have its name behind symbolic links, as `log.file.name_resolved`."""
    include_file_path_resolved: bool = False
    """Whether entries have its path behind symbolic links, as `log.file.path_resolved`."""
    include_file_owner_name: bool = False
    """Whether entries have its owner, as `log.file.owner.name`."""
    include_file_owner_group_name: bool = False
    """Whether entries have its group, as `log.file.owner.group.name`."""
    include_file_record_number: bool = False
    """Whether entries have their number in the file, as `log.file.record_number`."""
    include_file_record_offset: bool = False
    """Whether entries have their offset in bytes, as `log.file.record_offset`."""
    retry_on_failure: Repetition = Repetition()
    """Whether what was refused is offered again."""
    attributes: dict[str, JsonValue] = Field(default_factory=dict)
    """Attributes of all entries."""
    resource: dict[str, JsonValue] = Field(default_factory=dict)
    """Attributes of their resource."""

    @model_validator(mode="after")
    def _can_be_split(self) -> Self:
        if self.multiline and not is_splittable(self.encoding):
            msg = f"multiline cannot be used with {self.encoding}, only with UTF-8, UTF-16 and nop"
            raise ValueError(msg)
        return self

    def is_compressed(self, path: str) -> bool:
        """Whether that file is compressed."""
        return self.compression == "gzip" or (self.compression == "auto" and path.endswith(".gz"))

    def splitting(self) -> dict[str, Any]:
        """How the kernel is to read files."""
        multiline = self.multiline
        return {
            "encoding": self.encoding,
            "boundary": multiline.boundary() if multiline else "newline",
            "omit": bool(multiline and multiline.omit_pattern),
            "max_log_size": self.max_log_size,
            "keep_leading": self.preserve_leading_whitespaces,
            "keep_trailing": self.preserve_trailing_whitespaces,
            "attributes": self.attributes,
            "resource": self.resource,
            "record_number": self.include_file_record_number,
            "record_offset": self.include_file_record_offset,
        }

    def describe(self, path: str, status: os.stat_result) -> dict[str, str]:
        """What entries are told of their file."""
        said: dict[str, str | Literal[False] | None] = {
            "log.file.name": Path(path).name if self.include_file_name else None,
            "log.file.path": path if self.include_file_path else None,
        }
        if self.include_file_name_resolved or self.include_file_path_resolved:
            resolved = Path(path).resolve()
            said["log.file.name_resolved"] = self.include_file_name_resolved and resolved.name
            said["log.file.path_resolved"] = self.include_file_path_resolved and str(resolved)
        if self.include_file_owner_name:
            said["log.file.owner.name"] = _user(status.st_uid)
        if self.include_file_owner_group_name:
            said["log.file.owner.group.name"] = _group(status.st_gid)
        return {name: value for name, value in said.items() if value}


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
