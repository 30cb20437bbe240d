"""Connections to Kafka: what aiokafka's clients are made of, and what they say when they fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from penstock.logs import printable

if TYPE_CHECKING:
    from penstock.kafka.options import ClientOptions

_LONGEST = 300
"""Characters of what a client says that are repeated."""

_REMEDIES = {
    KafkaConnectionError: "check brokers, tls and auth",
    ClusterAuthorizationFailedError: "give the user access to the cluster",
    GroupAuthorizationFailedError: "let the user read by this group",
    TopicAuthorizationFailedError: "give the user access to the topic",
    UnknownTopicOrPartitionError: "create the topic",
}


def arguments(options: ClientOptions, owner: str) -> dict[str, Any]:
    """What a client of aiokafka is made with. `owner` is the component's id.

    Raises `StartError` where the files of `tls` cannot be used.
    """
    return {
        "bootstrap_servers": options.addresses,
        "client_id": options.client_id,
        "connections_max_idle_ms": _milliseconds(options.conn_idle_timeout),
        "metadata_max_age_ms": _milliseconds(options.metadata.refresh_interval),
        "retry_backoff_ms": _milliseconds(options.metadata.retry.backoff),
        **_security(options, owner),
    }


def _security(options: ClientOptions, owner: str) -> dict[str, Any]:
    tls = options.tls if options.tls and not options.tls.insecure else None
    sasl = options.auth.sasl
    channel = "SSL" if tls else "PLAINTEXT"
    found: dict[str, Any] = {"security_protocol": f"SASL_{channel}" if sasl else channel}
    if tls:
        found["ssl_context"] = tls.ssl_context(owner)
    if sasl:
        found["sasl_mechanism"] = sasl.mechanism
        found["sasl_plain_username"] = sasl.username
        found["sasl_plain_password"] = sasl.password.get_secret_value()
    return found


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def describe(error: Exception) -> str:
    """What went wrong and what to do, fit for a line of a log."""
    text = printable(str(error))[:_LONGEST]
    remedies = (remedy for kind, remedy in _REMEDIES.items() if isinstance(error, kind))
    return "; ".join((f"Kafka: {text or type(error).__name__}", *remedies))
