"""Options of every client of Kafka, under the names of the Collector's `configkafka`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, SecretStr

from penstock.config.client_tls import ClientTLS
from penstock.config.types import Duration, Section, parse_host_port
from penstock.pipeline.batch import Signal

PORT = 9092
"""The port of a broker that is named without one."""


def refusing(remedies: Mapping[str, str]) -> BeforeValidator:
    """A check that refuses words of the Collector's, and says what to do instead."""

    def check(value: object) -> object:
        if isinstance(value, str) and value in remedies:
            msg = f"{value} is not supported; {remedies[value]}"
            raise ValueError(msg)
        return value

    return BeforeValidator(check)


_ONLY_TRACES = "only traces have it; set otlp_proto"

Encoding = Annotated[
    Literal["otlp_proto", "otlp_json"],
    refusing(
        dict.fromkeys(("jaeger_json", "jaeger_proto", "zipkin_json", "zipkin_proto"), _ONLY_TRACES)
    ),
]
"""An encoding that every signal has."""

TraceEncoding = Annotated[
    Literal[
        "otlp_proto", "otlp_json", "jaeger_proto", "jaeger_json", "zipkin_proto", "zipkin_json"
    ],
    refusing(
        {"zipkin_thrift": "have producers set zipkin_proto or zipkin_json, of Zipkin's API v2"}
    ),
]
"""An encoding of traces."""

_SCRAM = "create a user of SCRAM-SHA-512"

Mechanism = Annotated[
    Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"],
    refusing({"AWS_MSK_IAM_OAUTHBEARER": _SCRAM, "OAUTHBEARER": _SCRAM}),
]
"""A mechanism of SASL."""


def _named(brokers: list[str]) -> list[str]:
    for broker in brokers:
        parse_host_port(_with_port(broker))
    return brokers


def _with_port(broker: str) -> str:
    bare = ":" not in broker or broker.endswith("]")
    return f"{broker}:{PORT}" if bare else broker


class Sasl(Section):
    """Credentials of a user."""

    not_here: ClassVar[Mapping[str, str]] = {
        "aws_msk": "create a user of SCRAM-SHA-512 in MSK; remove it",
        "oauthbearer_token_source": "create a user of SCRAM-SHA-512; remove it",
        "version": "versions are agreed on with the broker; remove it",
    }

    username: str = Field(min_length=1)
    """The user."""
    password: SecretStr = Field(min_length=1)
    """The user's password."""
    mechanism: Mechanism
    """How the user proves to know it. PLAIN shows it to whoever listens where there is no `tls`."""


class Auth(Section):
    """How the client proves who it is."""

    not_here: ClassVar[Mapping[str, str]] = {
        "kerberos": "create a user of SCRAM-SHA-512, and set `sasl`",
        "plain_text": "set `sasl`, with the mechanism PLAIN",
        "tls": "set `tls` beside `auth`",
    }

    sasl: Sasl | None = None
    """Credentials of a user, by SASL."""


class MetadataRetry(Section):
    """When a request is repeated."""

    not_here: ClassVar[Mapping[str, str]] = {
        "max": "requests are repeated as long as they may take; remove it",
    }

    backoff: Duration = Field(default=0.25, gt=0)
    """The wait before a request is repeated that another broker may answer, or this one later."""


class Metadata(Section):
    """What the client knows of the cluster."""

    not_here: ClassVar[Mapping[str, str]] = {
        "full": "only topics that are used are asked for; remove it",
    }

    refresh_interval: Duration = Field(default=600.0, gt=0)
    """How often brokers, topics and partitions are asked for, besides when something is amiss."""
    retry: MetadataRetry = MetadataRetry()
    """When a request is repeated."""


class ClientOptions(BaseModel):
    """What every client of Kafka has."""

    brokers: Annotated[list[str], AfterValidator(_named)] = Field(
        default=[f"localhost:{PORT}"], min_length=1
    )
    """Some brokers of the cluster, by which the others are found."""
    client_id: str = "otel-collector"
    """How the client names itself to brokers, which may have quotas by it."""
    conn_idle_timeout: Duration = Field(default=540.0, gt=0)
    """How long an unused connection is kept open."""
    tls: ClientTLS | None = None
    """Encryption; without this section, everything is sent in clear."""
    auth: Auth = Auth()
    """How the client proves who it is."""
    metadata: Metadata = Metadata()
    """What the client knows of the cluster."""

    @property
    def addresses(self) -> list[str]:
        """The brokers, each with its port."""
        return [_with_port(broker) for broker in self.brokers]


CLIENT_NOT_HERE: Mapping[str, str] = {
    "encoding": "set it for each signal, such as `traces.encoding`",
    "profiles": "profiles are not carried; remove it",
    "protocol_version": "versions are agreed on with the broker; remove it",
    "resolve_canonical_bootstrap_servers_only": "name the brokers as their certificates do; "
    "remove it",
    "topic": "set it for each signal, such as `traces.topic`",
}
"""Options of the Collector's clients that are refused, and what to do instead."""

TOPICS: Mapping[Signal, str] = {
    Signal.TRACES: "otlp_spans",
    Signal.METRICS: "otlp_metrics",
    Signal.LOGS: "otlp_logs",
}
"""The usual topics."""
