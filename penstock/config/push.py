"""Where own telemetry is pushed to, in the words of OpenTelemetry's declarative configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from penstock.config.types import Section

_SCHEMES = ("http", "https")


def _as_mapping(headers: Any) -> Any:
    """The declarative form, a list of `name` and `value`, as a mapping."""
    if isinstance(headers, list) and all(
        isinstance(item, dict) and item.keys() == {"name", "value"} for item in headers
    ):
        return {item["name"]: item["value"] for item in headers}
    return headers


class OtlpSection(Section):
    """A back end that takes OTLP."""

    not_here: ClassVar[Mapping[str, str]] = {
        "headers_list": "write them under `headers`, a name and a value each",
        "temporality_preference": "own metrics are cumulative; leave it out",
        "default_histogram_aggregation": "own histograms have explicit buckets; leave it out",
    }

    protocol: Literal["grpc", "http/protobuf"]
    """How to speak to it."""
    endpoint: str
    """Its address, as `http://host:port` in clear or `https://host:port` with TLS. Over HTTP the
    signal's usual path is added where there is none."""
    insecure: bool = False
    """Whether an endpoint without a scheme is sent to in clear."""
    headers: Annotated[
        dict[str, SecretStr],
        BeforeValidator(
            _as_mapping, json_schema_input_type=dict[str, SecretStr] | list[dict[str, SecretStr]]
        ),
    ] = Field(default_factory=dict)
    """Headers of every request. Their values are secrets."""
    compression: Literal["none", "gzip"] = "none"
    """How payloads are compressed."""
    timeout: int = Field(default=10_000, gt=0)
    """Milliseconds that an attempt may take, repetitions included."""
    certificate: str = ""
    """Authorities to trust instead of the usual ones: a file of PEM certificates."""
    client_certificate: str = ""
    """The certificate to show: a PEM file."""
    client_key: str = ""
    """Its private key: a PEM file."""

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        url = urlsplit(self.url)
        if url.scheme not in _SCHEMES or not url.hostname:
            msg = f"expected an endpoint such as https://host:4317, found {self.endpoint!r}"
            raise ValueError(msg)
        if self.protocol == "grpc" and url.path.strip("/"):
            msg = f"gRPC has no path; remove {url.path} from the endpoint"
            raise ValueError(msg)
        if bool(self.client_certificate) != bool(self.client_key):
            msg = "client_certificate and client_key belong together: set both, or neither"
            raise ValueError(msg)
        if url.scheme == "http" and (self.certificate or self.client_key):
            msg = "certificates are of no use in clear; write https:// in the endpoint"
            raise ValueError(msg)
        return self

    @property
    def url(self) -> str:
        """The endpoint with its scheme."""
        if "://" in self.endpoint:
            return self.endpoint
        return f"{'http' if self.insecure else 'https'}://{self.endpoint}"

    def url_of(self, signal: str) -> str:
        """Where `signal` is posted to over HTTP."""
        return self.url if urlsplit(self.url).path else f"{self.url}/v1/{signal}"

    @property
    def secrets(self) -> dict[str, str]:
        """The headers in clear, their names in lower case as HTTP/2 wants them."""
        return {name.lower(): value.get_secret_value() for name, value in self.headers.items()}


class PushExporterSection(Section):
    """What is sent to."""

    not_here: ClassVar[Mapping[str, str]] = {
        "console": "it would mix with the log; send to a back end by `otlp`",
        "zipkin": "send by `otlp`",
        "otlp_grpc": "write `otlp` with `protocol: grpc`",
        "otlp_http": "write `otlp` with `protocol: http/protobuf`",
    }

    otlp: OtlpSection
    """A back end that takes OTLP."""


class PeriodicSection(Section):
    """Push own metrics at an interval."""

    exporter: PushExporterSection
    """Where to."""
    interval: int = Field(default=60_000, gt=0)
    """Milliseconds from one push to the next."""
    timeout: int = Field(default=30_000, gt=0)
    """Milliseconds that reading the numbers may take."""


class BatchSection(Section):
    """Push spans or log records, several at a time."""

    not_here: ClassVar[Mapping[str, str]] = {
        "export_timeout": "the exporter's `timeout` says how long an attempt may take",
    }

    exporter: PushExporterSection
    """Where to."""
    schedule_delay: int = Field(default=5_000, gt=0)
    """Milliseconds from one push to the next."""
    max_queue_size: int = Field(default=2_048, gt=0)
    """What waits at most; what comes when it is full is dropped."""
    max_export_batch_size: int = Field(default=512, gt=0)
    """What one request carries at most."""

    @model_validator(mode="after")
    def _sizes_fit(self) -> Self:
        if self.max_export_batch_size > self.max_queue_size:
            msg = (
                f"max_export_batch_size ({self.max_export_batch_size}) must not be greater than "
                f"max_queue_size ({self.max_queue_size})"
            )
            raise ValueError(msg)
        return self


class GatheredSection(Section):
    """How spans or log records leave."""

    not_here: ClassVar[Mapping[str, str]] = {
        "simple": "it would hold up each batch until its span is sent; write `batch`",
    }

    batch: BatchSection
    """Gathered, by a thread of its own."""
