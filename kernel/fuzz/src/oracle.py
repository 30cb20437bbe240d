"""What the official protobuf library makes of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

REQUESTS = {
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
    "logs": ExportLogsServiceRequest,
}
LISTS = {
    "traces": ("resource_spans", "scope_spans", "spans"),
    "metrics": ("resource_metrics", "scope_metrics", "metrics"),
    "logs": ("resource_logs", "scope_logs", "log_records"),
}


def count(signal: str, payload: bytes) -> int | None:
    """How many items a request holds, or `None` where it is refused."""
    try:
        request = REQUESTS[signal].FromString(payload)
    except DecodeError:
        return None
    return sum(map(len, _lists(signal, request)))


def without(signal: str, payload: bytes, keep: Iterable[bool]) -> bytes:
    """What is left of a request when only some of its items are kept, and no empty parents."""
    request = REQUESTS[signal].FromString(payload)
    groups, scopes, items = LISTS[signal]
    wanted = iter(keep)
    for found in _lists(signal, request):
        _leave(found, [next(wanted) for _ in found])
    for group in getattr(request, groups):
        for scope in getattr(group, scopes):
            if signal == "metrics":
                _leave(scope.metrics, [bool(_points(metric)) for metric in scope.metrics])
        _leave_full(getattr(group, scopes), items)
    _leave_full(getattr(request, groups), scopes)
    return request.SerializeToString(deterministic=True)


def canonical(signal: str, payload: bytes) -> bytes:
    """The encoding that the library writes."""
    return REQUESTS[signal].FromString(payload).SerializeToString(deterministic=True)


def same_but_unknown(signal: str, one: bytes, other: bytes) -> bool:
    """Whether two encodings say the same, what only newer versions know left out."""
    requests = [REQUESTS[signal].FromString(payload) for payload in (one, other)]
    if requests[0] == requests[1]:
        return True
    documents = [*map(MessageToDict, requests)]  # in which NaN is a text
    return bool(documents[0] == documents[1])


def _lists(signal: str, request: Any) -> Iterator[Any]:
    groups, scopes, items = LISTS[signal]
    for group in getattr(request, groups):
        for scope in getattr(group, scopes):
            found = getattr(scope, items)
            yield from map(_points, found) if signal == "metrics" else (found,)


def _points(metric: Any) -> Any:
    data = metric.WhichOneof("data")
    return getattr(metric, data).data_points if data else []


def _leave_full(parents: Any, children: str) -> None:
    _leave(parents, [bool(getattr(parent, children)) for parent in parents])


def _leave(found: Any, keep: list[bool]) -> None:
    for position in reversed([position for position, kept in enumerate(keep) if not kept]):
        del found[position]
