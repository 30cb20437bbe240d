"""Random OTLP requests, made by walking the official descriptors.

They are drawn as wire bytes, because most of what the kernel must get right cannot be said with
message objects: fields in any order, singular fields that occur twice, members of a `oneof` that
supersede each other, lists packed and not, varints wider than their field, unknown fields.
"""

from __future__ import annotations

import re
import struct
from functools import cache
from typing import TYPE_CHECKING, TypeAlias, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from collections.abc import Callable

Encoder: TypeAlias = "Callable[[st.DrawFn], bytes]"
"""Draws an encoded field."""

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
    return _encodings(request).filter(lambda payload: _parses(request, payload))


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


@st.composite
def _encodings(draw: st.DrawFn, request: type[Message]) -> bytes:
    return _message(draw, cast("Descriptor", request.DESCRIPTOR))


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
_texts = st.one_of(st.sampled_from(["", "a", "b", 'ä"\\/\u2028\0🦀']), st.text(max_size=20)).map(
    str.encode
)
_few_bytes = st.binary(max_size=10)
_bytes = st.one_of(
    st.binary(min_size=8, max_size=8), st.binary(min_size=16, max_size=16), st.binary(max_size=20)
)
_levels = st.one_of(st.just(0), st.integers(1, 20))
_unknown_numbers = st.one_of(st.integers(100, 5000), st.just(2**29 - 1))
_unknown_types = st.sampled_from([VARINT, FIXED64, FIXED32, LEN])

# Drawing is what takes the time: of a message, only how many fields it has and which they are.
_up_to_3, _up_to_5, _1_to_4 = st.integers(0, 3), st.integers(0, 5), st.integers(1, 4)


def _message(draw: st.DrawFn, message: Descriptor) -> bytes:
    down = any(map(_leads_down, message.fields))
    entries = _entries(message)
    body = b"".join(draw(entries)(draw) for _ in range(draw(_1_to_4 if down else _up_to_5)))
    if message.name == "AnyValue":
        return nested(body, draw(_levels))
    return body


@cache
def _entries(message: Descriptor) -> st.SearchStrategy[Encoder]:
    """What encodes a field, of which one in twenty has a wire type that makes it an unknown one."""
    down = [field for field in message.fields if _leads_down(field)]
    # Most of the fields lead down to the items, else chance would seldom get there.
    fields = [*down * 4, *message.fields]
    right = [_encoder(field) for field in fields] * 19
    wrong = [_of_another_type(field) for field in fields]
    return st.sampled_from([*right, *wrong, *[_unknown_field] * 20])


def _leads_down(field: FieldDescriptor) -> bool:
    return field.type == type_.TYPE_MESSAGE and _DOWN.fullmatch(field.name) is not None


def _of_another_type(field: FieldDescriptor) -> Encoder:
    if _wire_type(field) == LEN or field.is_repeated:
        wire_type = VARINT if _wire_type(field) == LEN else FIXED32
        return lambda draw: _entry(draw, field.number, wire_type)
    return lambda draw: delimited(field.number, draw(_few_bytes))


def _wire_type(field: FieldDescriptor) -> int:
    return _WIRE_TYPES.get(field.type, VARINT)


@cache
def _encoder(field: FieldDescriptor) -> Encoder:
    number, wire_type = field.number, _wire_type(field)
    if field.type == type_.TYPE_MESSAGE:
        message = field.message_type
        assert message is not None
        return lambda draw: delimited(number, _message(draw, message))
    if wire_type == LEN:
        bodies = _texts if field.type == type_.TYPE_STRING else _bytes
        return lambda draw: delimited(number, draw(bodies))
    values = _doubles if field.type == type_.TYPE_DOUBLE else _values[wire_type]
    start = tag(number, wire_type)
    if not field.is_repeated:
        return lambda draw: start + draw(values)
    lists = st.one_of(values.map(start.__add__), _packed(number, values))
    return lambda draw: draw(lists)


def _packed(number: int, values: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.lists(values, max_size=5).map(lambda them: delimited(number, b"".join(them)))


def _entry(draw: st.DrawFn, number: int, wire_type: int) -> bytes:
    return tag(number, wire_type) + draw(_values[wire_type])


def _unknown_field(draw: st.DrawFn) -> bytes:
    number = draw(_unknown_numbers)
    if draw(st.booleans()):
        return _unknown_entry(draw, number)
    content = (_unknown_entry(draw, draw(_unknown_numbers)) for _ in range(draw(_up_to_3)))
    return tag(number, START_GROUP) + b"".join(content) + tag(number, END_GROUP)


def _unknown_entry(draw: st.DrawFn, number: int) -> bytes:
    wire_type = draw(_unknown_types)
    if wire_type == LEN:
        return delimited(number, draw(_few_bytes))
    return _entry(draw, number, wire_type)
