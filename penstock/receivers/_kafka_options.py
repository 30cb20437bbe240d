"""Options of the `kafka` receiver that have options of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from penstock._kernel import Pattern
from penstock.config.types import Duration, Section
from penstock.kafka.options import TOPICS, Encoding, TraceEncoding, refusing
from penstock.pipeline import Signal
from penstock.receivers._kafka_topics import PATTERN


def _patterns(texts: list[str]) -> list[str]:
    for text in texts:
        Pattern(text)
    return texts


def _topics(names: list[str]) -> list[str]:
    _patterns([name for name in names if name.startswith(PATTERN)])
    return names


Topics = Annotated[list[str], AfterValidator(_topics), Field(min_length=1)]
"""Names of topics; one that begins with `^` is a regular expression."""


class _Consumed(Section):
    """What is consumed of a signal."""

    exclude_topics: Annotated[list[str], AfterValidator(_patterns)] = Field(default=[])
    """Regular expressions of topics that are left out, where some are named by those."""

    @model_validator(mode="after")
    def _there_is_something_to_leave_out(self) -> Self:
        topics: list[str] = getattr(self, "topics", [])
        if self.exclude_topics and not any(name.startswith(PATTERN) for name in topics):
            msg = "exclude_topics needs a topic that is a regular expression, such as ^otlp_.*"
            raise ValueError(msg)
        return self


class Traces(_Consumed):
    """What is consumed of traces."""

    topics: Topics = Field(default=[TOPICS[Signal.TRACES]])
    """The topics; what begins with `^` is a regular expression."""
    encoding: TraceEncoding = "otlp_proto"
    """The encoding of messages: `otlp_proto` or `otlp_json`; `jaeger_proto` or `jaeger_json`, a
    span each; `zipkin_proto` or `zipkin_json`, lists of spans."""


class Metrics(_Consumed):
    """What is consumed of metrics."""

    topics: Topics = Field(default=[TOPICS[Signal.METRICS]])
    """The topics; what begins with `^` is a regular expression."""
    encoding: Encoding = "otlp_proto"
    """The encoding of messages: `otlp_proto` or `otlp_json`."""


class Logs(_Consumed):
    """What is consumed of logs."""

    topics: Topics = Field(default=[TOPICS[Signal.LOGS]])
    """The topics; what begins with `^` is a regular expression."""
    encoding: Annotated[
        Literal["otlp_proto", "otlp_json", "raw", "text", "json"],
        refusing({"azure_resource_logs": "set json, and a transform processor"}),
    ] = "otlp_proto"
    """The encoding of messages: `otlp_proto` or `otlp_json`; or a message is a log record, whose
    body is its bytes (`raw`), its `text` in UTF-8, or its value (`json`)."""


Strategy = Annotated[
    Literal["range", "roundrobin", "sticky"],
    refusing({"cooperative-sticky": "set sticky, for every member of the group"}),
]
"""How partitions are shared out."""


class AutoCommit(Section):
    """When the group is told how far it has come."""

    not_here: ClassVar[Mapping[str, str]] = {
        "enable": "what has been taken is always committed; remove it",
    }

    interval: Duration = Field(default=1.0, gt=0)
    """How often offsets of what has been taken are committed; they are when a partition is given
    up, too."""


class HeaderExtraction(Section):
    """Headers of messages as attributes of resources."""

    extract_headers: bool = False
    """Whether headers become attributes of resources."""
    headers: list[str] = Field(default=[])
    """Which headers: `a` becomes `kafka.header.a`."""

    @property
    def wanted(self) -> list[str]:
        """The headers that become attributes."""
        return list(dict.fromkeys(self.headers)) if self.extract_headers else []


class LetterConfig(Section):
    """Where messages are kept that cannot be read."""

    directory: str = Field(pattern=r"^[^\x00]+$")
    """The directory of the files, made where it does not exist."""
    max_size: int = Field(default=1024 * 1024 * 1024, ge=1)
    """Bytes that the files may take together. What comes when there are so many is dropped and
    counted."""
