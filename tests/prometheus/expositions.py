"""Expositions as targets have them, one in every format."""

from __future__ import annotations

import math
import re
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Enum,
    Gauge,
    Histogram,
    Info,
    Summary,
    generate_latest,
)
from prometheus_client.openmetrics import exposition

from tests.kernel.test_samples import LABEL, POSITIVE, START, family, native, pb

_in_openmetrics: Any = exposition.generate_latest  # which has no types
_NOW = re.compile(rb"1\.\d+e\+09|1\d{9}\.\d+")
"""A time in our days, in seconds."""


def registry() -> CollectorRegistry:
    """One metric of every type."""
    made = CollectorRegistry()
    counter = Counter("hits", 'Hits "of" \\ all\nkinds.', ["path"], registry=made)
    counter.labels('/a"\\\nb').inc(3, exemplar={"trace_id": "a" * 32})
    counter.labels("/größe").inc(0.5)
    Gauge("temperature_celsius", "", unit="celsius", registry=made).set(-math.inf)
    histogram = Histogram("wait", "Waits.", ["x"], buckets=(0.1, 1, 2.5), registry=made)
    for value in (0.05, 0.5, 7):
        histogram.labels("y").observe(value, exemplar={"n": "1"})
    Summary("size", "Sizes.", registry=made).observe(4)
    Info("build", "What it is.", registry=made).info({"version": "1.2"})
    Enum("state", "How it is.", states=["up", "down"], registry=made).state("down")
    return made


def protobuf() -> bytes:
    """A counter and a native histogram."""
    counter = family("hits_total", 0, LABEL + pb(3, pb(1, 3.0) + pb(3, START)))
    return counter + family("wait", 4, LABEL + native(POSITIVE))


def expositions() -> list[bytes]:
    """In text, `OpenMetrics` and protobuf: the same each time."""
    texts = [generate_latest(registry()), _in_openmetrics(registry())]
    return [*(_NOW.sub(b"1.7e+09", text) for text in texts), protobuf()]
