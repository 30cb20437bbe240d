"""Random OTLP requests, made by walking the official descriptors.

They are drawn as wire bytes, because most of what the kernel must get right cannot be said with
message objects: fields in any order, singular fields that occur twice, members of a `oneof` that
supersede each other, lists packed and not, varints wider than their field, unknown fields.
"""

from __future__ import annotations

import re
import struct
from functools import cache

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

type_ = FieldDescriptor

REQUESTS: dict[str, type[Message]] = {
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
    "logs": ExportLogsServiceRequest,
}
SIGNALS = tuple(REQUESTS)

VARINT, FIXED64, LEN, START_GROUP, END_GROUP, FIXED32 = range(6)

_DOWN = re.compile(
    "(resource|scope)_(spans|metrics|logs)|spans|log_records|metrics|data_points"
    "|gauge|sum|histogram|exponential_histogram|summary"
)

_WIRE_TYPES = {
    type_.TYPE_DOUBLE: FIXED64,
    type_.TYPE_FIXED64: FIXED64,
    type_.TYPE_SFIXED64: FIXED64,
    type_.TYPE_FIXED32: FIXED32,
    type_.TYPE_STRING: LEN,
    type_.TYPE_BYTES: LEN,
    type_.TYPE_MESSAGE: LEN,
}


def requests(signal: str) -> st.SearchStrategy[Message]:
    """Requests of `signal` as official messages, unknown fields included."""
    return payloads(signal).map(REQUESTS[signal].FromString)


def payloads(signal: str) -> st.SearchStrategy[bytes]:
    """Encodings of requests of `signal` that the official parser accepts, seldom the canonical."""
    request = REQUESTS[signal]
    return _message(request.DESCRIPTOR).filter(lambda payload: _parses(request, payload))


def varint(value: int) -> bytes:
    """The shortest encoding of an unsigned `value`."""
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def tag(number: int, wire_type: int) -> bytes:
    """What stands before the value of field `number`."""
    return varint(number << 3 | wire_type)


def delimited(number: int, body: bytes) -> bytes:
    """Field `number` holding `body`: a string, bytes, a message or a packed list."""
    return tag(number, LEN) + varint(len(body)) + body


def nested(body: bytes, levels: int) -> bytes:
    """The body of an `AnyValue` inside `levels` lists: each puts two messages around it."""
    for _ in range(levels):
        body = delimited(5, delimited(1, body))
    return body


def _parses(request: type[Message], payload: bytes) -> bool:
    try:
        request.FromString(payload)
    except DecodeError:  # nested too deeply, which chance brings about once in a while
        return False
    return True


_varints = st.one_of(
    st.integers(0, 300),
    st.sampled_from([2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1]),
    st.integers(0, 2**64 - 1),
).map(varint)
_doubles = st.one_of(
    st.sampled_from([0.0, -0.0, float("nan"), float("inf"), float("-inf"), 5e-324, 1e22]),
    st.floats(allow_nan=False),
).map(lambda value: struct.pack("<d", value))
_values = {
    VARINT: _varints,
    FIXED64: st.one_of(_doubles, st.just(bytes(8)), st.binary(min_size=8, max_size=8)),
    FIXED32: st.one_of(st.just(bytes(4)), st.binary(min_size=4, max_size=4)),
}
_texts = st.one_of(st.sampled_from(["", "a", "b", 'ä"\\/\u2028\0🦀']), st.text(max_size=20))
_ids = st.one_of(st.binary(min_size=8, max_size=8), st.binary(min_size=16, max_size=16))


def _list(entries: st.SearchStrategy[bytes], most: int, least: int = 0) -> st.SearchStrategy[bytes]:
    return st.lists(entries, min_size=least, max_size=most).map(b"".join)


@cache
def _message(message: Descriptor) -> st.SearchStrategy[bytes]:
    down = [field for field in message.fields if _leads_down(field)]
    # Most of the fields lead down to the items, else chance would seldom get there.
    fields = st.sampled_from([*down * 4, *message.fields, None])
    entries = fields.flatmap(lambda field: _field(field) if field else _unknown_fields)
    body = _list(entries, least=1, most=4) if down else _list(entries, most=5)
    if message.name == "AnyValue":
        return st.one_of(body, st.builds(nested, body, st.integers(1, 20)))
    return body


def _leads_down(field: FieldDescriptor) -> bool:
    return field.type == type_.TYPE_MESSAGE and _DOWN.fullmatch(field.name) is not None


@cache
def _field(field: FieldDescriptor) -> st.SearchStrategy[bytes]:
    wire_type = _WIRE_TYPES.get(field.type, VARINT)
    right = _encodings(field, wire_type)
    wrong = _of_another_type(field, wire_type)
    return st.integers(0, 19).flatmap(lambda i: right if i < 19 else wrong)


def _of_another_type(field: FieldDescriptor, wire_type: int) -> st.SearchStrategy[bytes]:
    """`field` with a wire type that makes it an unknown field."""
    if wire_type == LEN or field.is_repeated:
        return _entry(field.number, VARINT if wire_type == LEN else FIXED32)
    return st.binary(max_size=10).map(lambda body: delimited(field.number, body))


def _encodings(field: FieldDescriptor, wire_type: int) -> st.SearchStrategy[bytes]:
    number = field.number
    if wire_type == LEN:
        return _bodies(field).map(lambda body: delimited(number, body))
    values = _doubles if field.type == type_.TYPE_DOUBLE else _values[wire_type]
    alone = values.map(lambda value: tag(number, wire_type) + value)
    if not field.is_repeated:
        return alone
    return st.one_of(alone, _list(values, 5).map(lambda packed: delimited(number, packed)))


def _bodies(field: FieldDescriptor) -> st.SearchStrategy[bytes]:
    if field.type == type_.TYPE_MESSAGE:
        return _message(field.message_type)
    if field.type == type_.TYPE_STRING:
        return _texts.map(str.encode)
    return st.one_of(_ids, st.binary(max_size=20))


def _entry(number: int, wire_type: int) -> st.SearchStrategy[bytes]:
    return _values[wire_type].map(lambda value: tag(number, wire_type) + value)


def _group(number: int, content: bytes) -> bytes:
    return tag(number, START_GROUP) + content + tag(number, END_GROUP)


_unknown_numbers = st.one_of(st.integers(100, 5000), st.just(2**29 - 1))
_unknown_entries = _unknown_numbers.flatmap(
    lambda number: st.one_of(
        _entry(number, VARINT),
        _entry(number, FIXED64),
        _entry(number, FIXED32),
        st.binary(max_size=10).map(lambda body: delimited(number, body)),
    )
)
_unknown_fields = st.one_of(
    _unknown_entries, st.builds(_group, _unknown_numbers, _list(_unknown_entries, 3))
)
