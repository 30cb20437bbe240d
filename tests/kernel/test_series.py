"""Identities of series against what the protobuf library says that they are of."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from penstock.pipeline import Batch, Signal
from tests.kernel.messages import payloads

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from google.protobuf.message import Message


def meaning(value: Message) -> Any:
    """What a value is, so that equal ones are equal and 1 is neither true nor 1.0."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    held = getattr(value, kind)
    if kind == "double_value":
        return kind, value.SerializeToString(deterministic=True)
    if kind == "array_value":
        return kind, tuple(meaning(element) for element in held.values)
    if kind == "kvlist_value":
        return kind, tuple(
            (pair.key, pair.key_strindex, meaning(pair.value)) for pair in held.values
        )
    return kind, held


def pairs(message: Any) -> tuple[Any, ...]:
    found = [(pair.key, meaning(pair.value)) for pair in message.attributes]
    return tuple(sorted(found, key=repr))


def series(request: ExportMetricsServiceRequest) -> Iterator[Any]:
    """What each data point is of, in their order."""
    for of_resource in request.resource_metrics:
        resource = pairs(of_resource.resource)
        for of_scope in of_resource.scope_metrics:
            scope = (of_scope.scope.name, of_scope.scope.version, pairs(of_scope.scope))
            for metric in of_scope.metrics:
                kind = metric.WhichOneof("data")
                if kind is None:
                    continue
                data = getattr(metric, kind)
                said = tuple(
                    getattr(data, name, None)
                    for name in ("aggregation_temporality", "is_monotonic")
                )
                about = (resource, scope, metric.name, metric.unit, kind, said)
                for point in data.data_points:
                    yield (*about, pairs(point))


def ids(payload: bytes) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = Batch.from_otlp(Signal.METRICS, payload).series_ids().tolist()
    return found


@given(payload=payloads("metrics"))
def test_points_have_one_identity_exactly_when_they_are_of_one_series(payload: bytes) -> None:
    expected = list(series(ExportMetricsServiceRequest.FromString(payload)))
    found = ids(payload)
    assert len(found) == len(expected)
    assert len(set(zip(found, expected, strict=True))) == len(set(found)) == len(set(expected))


@given(payload=payloads("metrics"), random=st.randoms())
def test_neither_the_order_of_attributes_nor_the_encoding_counts(
    payload: bytes, random: Random
) -> None:
    request = ExportMetricsServiceRequest.FromString(payload)
    for message in holders(request):
        attributes = list(message.attributes)
        random.shuffle(attributes)
        del message.attributes[:]
        message.attributes.extend(attributes)
    assert ids(payload) == ids(request.SerializeToString())


def holders(request: ExportMetricsServiceRequest) -> Iterator[Any]:
    for of_resource in request.resource_metrics:
        yield of_resource.resource
        for of_scope in of_resource.scope_metrics:
            yield of_scope.scope
            for metric in of_scope.metrics:
                if kind := metric.WhichOneof("data"):
                    yield from getattr(metric, kind).data_points


def test_an_identity_is_the_same_in_every_process_and_its_check_is_not() -> None:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="requests")
    metric.sum.data_points.add(as_int=1).attributes.add(key="code").value.int_value = 200
    payload = request.SerializeToString()
    program = f"""
from penstock.pipeline import Batch
print(*Batch.from_otlp("metrics", {payload!r}).series_ids()[0])
"""
    runs = [
        subprocess.run(
            [sys.executable, "-c", program],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        ).stdout.split()
        for _ in range(2)
    ]
    assert {run[0] for run in runs} == {str(ids(payload)[0][0])} == {"17258476621307313746"}
    assert len({run[1] for run in runs}) == 2


def test_only_metrics_have_series() -> None:
    with pytest.raises(ValueError, match="only metrics have series"):
        Batch.from_otlp(Signal.LOGS, b"").series_ids()
