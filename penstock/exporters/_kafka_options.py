"""Options of the `kafka` exporter that have options of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from penstock.config.types import Duration, Section
from penstock.kafka.options import Encoding, TraceEncoding
from penstock.kafka.partitioners import RoundRobin, StickyKey, by_murmur2, by_sarama

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")


def is_topic(name: str) -> bool:
    """Whether Kafka has topics of that name."""
    return bool(_TOPIC.fullmatch(name)) and name not in {".", ".."}


def _as_topic(name: str) -> str:
    if not is_topic(name):
        msg = f"{name!r} is no name of a topic: expected up to 249 letters, digits, `.`, `_`, `-`"
        raise ValueError(msg)
    return name


Topic = Annotated[str, AfterValidator(_as_topic)]
"""The name of a topic."""

_FROM_METADATA = "requests' metadata is not kept; set `topic_from_attribute`"


class _Sent(Section):
    """How a signal is sent."""

    not_here: ClassVar[Mapping[str, str]] = {
        "message_key_from_metadata_key": "requests' metadata is not kept; partition by something "
        "of the telemetry, such as `partition_traces_by_id`",
        "topic_from_metadata_key": _FROM_METADATA,
    }


class Traces(_Sent):
    """How traces are sent."""

    topic: Topic = "otlp_spans"
    """The topic."""
    encoding: TraceEncoding = "otlp_proto"
    """The encoding of messages: `otlp_proto` or `otlp_json`; `jaeger_proto` or `jaeger_json`, where
    each span is a message with its trace's id as key; `zipkin_proto` or `zipkin_json`."""


class Metrics(_Sent):
    """How metrics are sent."""

    topic: Topic = "otlp_metrics"
    """The topic."""
    encoding: Encoding = "otlp_proto"
    """The encoding of messages: `otlp_proto` or `otlp_json`."""


class Logs(_Sent):
    """How logs are sent."""

    topic: Topic = "otlp_logs"
    """The topic."""
    encoding: Encoding | Literal["raw"] = "otlp_proto"
    """The encoding of messages: `otlp_proto` or `otlp_json`; or `raw`, where each log record is a
    message of its body alone: bytes as they are, all else as JSON."""


class Producer(Section):
    """How messages are produced."""

    not_here: ClassVar[Mapping[str, str]] = {
        "allow_auto_topic_creation": "brokers decide whether topics are created; set their "
        "auto.create.topics.enable",
        "compression_params": "each compression has its usual level; remove it",
        "flush_max_messages": "set `max_message_bytes`; remove it",
        "max_broker_write_bytes": "a request has one batch for each partition; remove it",
    }

    max_message_bytes: int = Field(default=1_000_000, ge=1_000, lt=2**31)
    """Bytes of a message at most, and of messages that are sent together to a partition, before
    they are compressed. Batches are split to fit."""
    required_acks: Annotated[
        Literal[-1, 0, 1],
        BeforeValidator(
            lambda value: -1 if value == "all" else value,
            json_schema_input_type=Literal[-1, 0, 1] | Literal["all"],  # noqa: PYI030  (types differ)
        ),
    ] = 1
    """Who must have written a message: 1 is the partition's leader, `all` (or -1) its replicas too,
    and 0 nobody, where what is lost is not noticed."""
    idempotence: bool | None = None
    """Whether the broker drops repetitions of the client; if not set, it does where `required_acks`
    is `all`, which it needs."""
    compression: Literal["none", "gzip", "snappy", "lz4", "zstd"] = "none"
    """How messages are compressed: `none`, `gzip`, `snappy`, `lz4` or `zstd`."""
    linger: Duration = Field(default=0.01, lt=10)
    """How long a partition's messages wait for others to be sent with."""

    @model_validator(mode="after")
    def _idempotence_hears_of_all(self) -> Self:
        if self.idempotence and self.required_acks != -1:
            msg = "idempotence needs required_acks: all"
            raise ValueError(msg)
        return self

    @property
    def idempotent(self) -> bool:
        """Whether the broker drops repetitions."""
        return self.required_acks == -1 if self.idempotence is None else self.idempotence


class KeyHasher(Section):
    """How the partition of a key is found."""

    hasher: Literal["sarama_compat", "murmur2"] = "sarama_compat"
    """`sarama_compat` is the Collector's, 32-bit FNV-1a; `murmur2` is that of Java's client."""


class Partitioner(Section):
    """Which partition a message goes to: by one of these."""

    not_here: ClassVar[Mapping[str, str]] = {
        "extension": "set `sticky_key` or `round_robin`",
        "least_backup": "set `round_robin`",
    }

    sticky_key: KeyHasher | None = None
    """Messages with a key by its hash, those without one where the last of them went, for a
    while; the default."""
    round_robin: dict[str, Any] | None = Field(default=None, max_length=0)
    """One partition after the other, whatever the key: `{}`."""

    @model_validator(mode="after")
    def _at_most_one(self) -> Self:
        if self.sticky_key is not None and self.round_robin is not None:
            msg = "expected one of sticky_key and round_robin, found both"
            raise ValueError(msg)
        return self

    def make(self) -> StickyKey | RoundRobin:
        """The partitioner of a producer."""
        if self.round_robin is not None:
            return RoundRobin()
        sticky = self.sticky_key or KeyHasher()
        return StickyKey(by_murmur2 if sticky.hasher == "murmur2" else by_sarama)
