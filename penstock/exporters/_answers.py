"""What an OTLP back end answers: partial success, the reason of a failure, the wait it asks for.

An answer is empty unless something is wrong; protobuf's classes, 2 MB of memory, are imported when
the first one is not.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from pydantic import AliasChoices, BaseModel, Field

from penstock.exporters._client import quote
from penstock.pipeline import Rejected


class _PartialSuccess(BaseModel):
    rejected: int = Field(
        default=0,
        validation_alias=AliasChoices("rejectedSpans", "rejectedDataPoints", "rejectedLogRecords"),
    )
    message: str = Field(default="", validation_alias="errorMessage")


class _ExportResponse(BaseModel):
    partial: _PartialSuccess | None = Field(default=None, validation_alias="partialSuccess")


class _Status(BaseModel):
    message: str = ""


def rejection(answer: bytes, *, json: bool = False) -> Rejected | None:
    """What an `Export…ServiceResponse` tells of a partial success; `None` when all was taken.

    No items and a reason is a warning of the back end. Raises `ValueError` for anything else than
    such a message.
    """
    if not answer:
        return None
    if json:
        partial = _ExportResponse.model_validate_json(answer).partial
        return _rejected(partial.rejected, partial.message) if partial else None
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

    # The messages of the three signals differ in the name of a field, and not on the wire.
    try:
        response = trace_service_pb2.ExportTraceServiceResponse.FromString(answer)
    except DecodeError as error:
        msg = "not an OTLP response"
        raise ValueError(msg) from error
    partial_success = response.partial_success
    return _rejected(partial_success.rejected_spans, partial_success.error_message)


def _rejected(items: int, reason: str) -> Rejected | None:
    if items <= 0 and not reason:
        return None
    return Rejected(max(items, 0), quote(reason) or "the back end gave no reason")


def failure_message(answer: bytes, content_type: str) -> str:
    """The message of a `google.rpc.Status`, or the text that stands in its place; "" for none."""
    if content_type == "application/json":
        return quote(_message_of_json(answer))
    if content_type == "application/x-protobuf":
        return quote(_message_of_protobuf(answer))
    return quote(answer.decode(errors="replace")) if content_type == "text/plain" else ""


def _message_of_json(answer: bytes) -> str:
    try:
        return _Status.model_validate_json(answer).message
    except ValueError:
        return ""


def _message_of_protobuf(answer: bytes) -> str:
    from google.protobuf.message import DecodeError
    from google.rpc import status_pb2

    try:
        message: str = status_pb2.Status.FromString(answer).message
    except DecodeError:
        return ""
    return message


def retry_info(details: bytes) -> float | None:
    """The seconds to wait that a `google.rpc.Status` asks for; `None` where it does not."""
    from google.protobuf.message import DecodeError
    from google.rpc import error_details_pb2, status_pb2

    info = error_details_pb2.RetryInfo()
    try:
        found = any(any_.Unpack(info) for any_ in status_pb2.Status.FromString(details).details)
    except DecodeError:
        return None
    delay = info.retry_delay
    return max(delay.seconds + delay.nanos / 1e9, 0.0) if found else None


def retry_after(header: str | None) -> float | None:
    """Seconds to wait by a `Retry-After` header (RFC 9110, 10.2.3); `None` where it tells none.

    It holds a number of seconds or a date.
    """
    if header is None:
        return None
    try:
        if header.isdecimal():
            return float(header)
        date = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    zoned = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max((zoned - datetime.now(UTC)).total_seconds(), 0.0)
