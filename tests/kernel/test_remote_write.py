"""What is written remotely, and read again, is what it was."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from penstock._kernel import Batch, RemoteWrite, WriteRequest

ROOM = 1 << 24
MILLISECOND = 1_000_000

times = st.integers(0, 2**40).map(lambda milliseconds: milliseconds * MILLISECOND)
counts = st.lists(st.one_of(st.just(0), st.integers(0, 2**40)), max_size=12)
values = st.floats(allow_nan=False)
words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4)


@st.composite
def numbers(draw: st.DrawFn, metric: Any) -> None:
    """Points of a counter or a gauge."""
    if draw(st.booleans()):
        metric.sum.is_monotonic, metric.sum.aggregation_temporality = True, 2
        data = metric.sum
    else:
        data = metric.gauge
    point = data.data_points.add(as_double=draw(values), time_unix_nano=draw(times))
    label(draw, point)


@st.composite
def exponential(draw: st.DrawFn, metric: Any) -> None:
    """A point of an exponential histogram; the first and the last bucket are not empty."""
    data = metric.exponential_histogram
    data.aggregation_temporality = 2
    point = data.data_points.add(sum=draw(values), time_unix_nano=draw(times))
    point.scale = draw(st.integers(-4, 8))
    point.zero_threshold = draw(st.floats(1e-9, 1))
    point.zero_count = draw(st.integers(0, 2**40))
    for side in (point.positive, point.negative):
        if found := draw(counts):
            side.offset = draw(st.integers(-(2**20), 2**20))
            side.bucket_counts.extend([1, *found, 1])
    filled = sum(point.positive.bucket_counts) + sum(point.negative.bucket_counts)
    point.count = point.zero_count + filled
    label(draw, point)


def label(draw: st.DrawFn, point: Any) -> None:
    for key, value in draw(st.dictionaries(words, words, max_size=3)).items():
        point.attributes.add(key=f"k{key}").value.string_value = value


@st.composite
def requests(draw: st.DrawFn) -> ExportMetricsServiceRequest:
    """Metrics of different names."""
    request = ExportMetricsServiceRequest()
    scope = request.resource_metrics.add().scope_metrics.add()
    for number in range(draw(st.integers(1, 4))):
        draw(draw(st.sampled_from([numbers, exponential]))(scope.metrics.add(name=f"m{number}")))
    return request


@given(requests(), st.sampled_from([1, 2]), st.integers(1, 500), st.integers(1, 3))
def test_points_are_the_same_after_they_were_written_and_read(
    request: ExportMetricsServiceRequest, version: int, max_bytes: int, shards: int
) -> None:
    outgoing = RemoteWrite(Batch.from_otlp("metrics", request.SerializeToString()))
    keys = Batch.from_otlp("metrics", request.SerializeToString()).keys("datapoint.attributes")
    made, _, _ = outgoing.write(
        version,
        [(name, 0, "", "") for name, *_ in outgoing.metrics],
        [([], []) for _ in outgoing.sources],
        {key: key for key in keys},
        external=[],
        infos=[],
        metadata=False,
        max_bytes=max_bytes,
        shards=shards,
    )
    found = [point for _, body, *_ in made for point in read(version, body)]
    assert sorted(found, key=repr) == sorted(expected(request), key=repr)


def read(version: int, body: bytes) -> list[Any]:
    request = WriteRequest.read(version, body, ROOM, ROOM)
    assert request is not None
    assert request.faults[0] == 0
    resources: list[Any] = [[] for _ in request.targets]
    senses = [(name, "", "", "", False) for name, *_ in request.metrics]
    batch, (_, _, _, _, faulty) = request.batch(resources, senses, ROOM)
    assert faulty == 0
    assert batch is not None
    return [shown(row["metric"]["name"], row) for row in batch.rows()]


def expected(request: ExportMetricsServiceRequest) -> list[Any]:
    rows = Batch.from_otlp("metrics", request.SerializeToString()).rows()
    return [shown(row["metric"]["name"], row) for row in rows]


def shown(name: str, row: dict[str, Any]) -> Any:
    fields = ("as_double", "time_unix_nano", "attributes", "count", "sum", "scale", "zero_count")
    buckets = [row.get(side, {}) for side in ("positive", "negative")]
    filled = [
        [
            (side.get("offset", 0) + place, count)
            for place, count in enumerate(side.get("bucket_counts", ()))
            if count
        ]
        for side in buckets
    ]
    return name, [row.get(field) or None for field in fields], filled
