"""Items with every number in them at an extreme."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from penstock.pipeline import Batch, Signal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from google.protobuf.message import Message

REQUESTS: dict[Signal, type[Message]] = {
    Signal.TRACES: ExportTraceServiceRequest,
    Signal.METRICS: ExportMetricsServiceRequest,
    Signal.LOGS: ExportLogsServiceRequest,
}

_DOUBLES = (math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7976931348623157e308)
_SIGNED, _UNSIGNED = (-(2**31), 2**31 - 1), (0, 2**32 - 1)

EXTREMES: dict[int, tuple[float, ...]] = {
    FieldDescriptor.CPPTYPE_DOUBLE: _DOUBLES,
    FieldDescriptor.CPPTYPE_ENUM: _SIGNED,
    FieldDescriptor.CPPTYPE_INT32: _SIGNED,
    FieldDescriptor.CPPTYPE_UINT32: _UNSIGNED,
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}
"""By the type of a field."""

PICKS = range(30)
"""Enough for each of five kinds of metric to have each of six doubles."""


def extreme_batches(signals: Iterable[Signal]) -> Iterator[Batch]:
    """Batches of an item each, which are marked as those of the contract checks are."""
    for signal in signals:
        for pick in PICKS:
            request = REQUESTS[signal]()
            _exaggerate(request, pick)
            _mark(signal, request, f"sender 0 batch {pick} item {signal}")
            yield Batch.from_otlp(signal, request.SerializeToString())


def canonical(batch: Batch) -> bytes:
    """What a batch says, however it was written."""
    request = REQUESTS[batch.signal].FromString(batch.to_otlp())
    return request.SerializeToString(deterministic=True)


def _exaggerate(message: Message, pick: int) -> None:
    for field in _fields(message, pick):
        value = getattr(message, field.name)
        if extremes := EXTREMES.get(field.cpp_type):
            extreme = extremes[pick % len(extremes)]
            if field.is_repeated:
                value.extend([extreme] * 3)
            else:
                setattr(message, field.name, extreme)
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            below = value.add() if field.is_repeated else value
            below.SetInParent()
            _exaggerate(below, pick)


def _fields(message: Message, pick: int) -> Iterator[Any]:
    """The fields of a message, of those that rule each other out one, and a number if there is."""
    for field in message.DESCRIPTOR.fields:
        if field.containing_oneof is None:
            yield field
    for oneof in message.DESCRIPTOR.oneofs:
        numbers = [field for field in oneof.fields if field.cpp_type in EXTREMES]
        choice = numbers or oneof.fields
        yield choice[pick % len(choice)]


def _mark(signal: Signal, request: Any, mark: str) -> None:
    if signal is Signal.TRACES:
        request.resource_spans[0].scope_spans[0].spans[0].name = mark
    if signal is Signal.METRICS:
        request.resource_metrics[0].scope_metrics[0].metrics[0].name = mark
    if signal is Signal.LOGS:
        request.resource_logs[0].scope_logs[0].log_records[0].body.string_value = mark
