"""The protocol of remote write: its versions, headers and types of metric.

See <https://prometheus.io/docs/specs/prw/remote_write_spec/> and `remote_write_spec_2_0/` there.
"""

from __future__ import annotations

from typing import NamedTuple

MEDIA_TYPE = "application/x-protobuf"
ENCODING = "snappy"
"""The one compression that there is."""

VERSION_HEADER = "X-Prometheus-Remote-Write-Version"
WRITTEN = "X-Prometheus-Remote-Write-{}-Written"
"""What a receiver of version 2 tells how many it took of."""

NANOSECONDS = 1_000_000
"""In a millisecond, the unit of the protocol's times."""


class Message(NamedTuple):
    """The protobuf message that requests of one version are."""

    version: int
    name: str
    content_type: str
    header: str
    """The value of `VERSION_HEADER`."""


V1 = Message(1, "prometheus.WriteRequest", MEDIA_TYPE, "0.1.0")
V2 = Message(
    2,
    "io.prometheus.write.v2.Request",
    f"{MEDIA_TYPE};proto=io.prometheus.write.v2.Request",
    "2.0.0",
)
MESSAGES = {message.name: message for message in (V1, V2)}


TYPES = (
    "unknown",
    "counter",
    "gauge",
    "histogram",
    "gaugehistogram",
    "summary",
    "info",
    "stateset",
)
"""The types of metric, each at the place of its number in requests."""


def type_of(number: int) -> str:
    """The type of a number; one that a later version may give a meaning is not known."""
    return TYPES[number] if number in range(len(TYPES)) else TYPES[0]


class Written(NamedTuple):
    """How many samples, histograms and exemplars a receiver took."""

    samples: int = 0
    histograms: int = 0
    exemplars: int = 0

    def headers(self) -> dict[str, str]:
        """As a receiver tells it."""
        names = ("Samples", "Histograms", "Exemplars")
        return {WRITTEN.format(name): str(count) for name, count in zip(names, self, strict=True)}
