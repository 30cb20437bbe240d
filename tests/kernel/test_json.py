"""OTLP/JSON against the protobuf library's JSON, which differs from it in ids and in rigour."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import HistogramDataPoint
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from penstock._kernel import Batch
from tests.kernel.documents import IDS, otlp_json, span
from tests.kernel.messages import REQUESTS, SIGNALS, payloads, requests

if TYPE_CHECKING:
    from google.protobuf.message import Message

signals = pytest.mark.parametrize("signal", SIGNALS)


def canonical(request: Message) -> bytes:
    """The protobuf encoding of a request without its unknown fields."""
    known = type(request)()
    known.CopyFrom(request)
    discard_unknown_fields(known)
    return known.SerializeToString(deterministic=True)


def discard_unknown_fields(message: Message) -> None:
    """Discard them at any depth; the library's own method leaves those that lie over 64 deep."""
    message.DiscardUnknownFields()
    for field, value in message.ListFields():
        if field.message_type:
            for inner in value if field.is_repeated else [value]:
                discard_unknown_fields(inner)


def read(signal: str, document: Any) -> Message:
    """The request that the kernel reads from a document, or from a text."""
    text = document if isinstance(document, str) else json.dumps(document)
    return REQUESTS[signal].FromString(Batch.from_json(signal, text.encode()).to_otlp())


def read_span(**fields: Any) -> Any:
    """The span that the kernel reads from a document with these fields."""
    request: Any = read("traces", span(**fields))
    return request.resource_spans[0].scope_spans[0].spans[0]


def read_value(**fields: Any) -> Any:
    """The `AnyValue` that the kernel reads from a document with these fields."""
    return read_span(attributes=[{"key": "k", "value": fields}]).attributes[0].value


def read_point(kind: str, **fields: Any) -> Any:
    """The data point that the kernel reads from a document with these fields."""
    metric = {kind: {"dataPoints": [fields]}}
    request: Any = read("metrics", {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]})
    metric = request.resource_metrics[0].scope_metrics[0].metrics[0]
    return getattr(metric, metric.WhichOneof("data")).data_points[0]


@signals
@given(data=st.data())
def test_requests_are_written_as_the_protobuf_library_writes_their_merge(
    signal: str, data: st.DataObject
) -> None:
    parts = data.draw(st.lists(payloads(signal), min_size=1, max_size=3))
    batch = Batch.concat([Batch.from_otlp(signal, part) for part in parts])
    merged = REQUESTS[signal].FromString(b"".join(parts))
    assert json.loads(batch.to_json(), parse_constant=pytest.fail) == otlp_json(merged)


@signals
@given(data=st.data())
def test_what_was_written_reads_back_in_canonical_encoding(
    signal: str, data: st.DataObject
) -> None:
    request = data.draw(requests(signal))
    batch = Batch.from_otlp(signal, request.SerializeToString())
    assert Batch.from_json(signal, batch.to_json()).to_otlp() == canonical(request)


@st.composite
def spellings(draw: st.DrawFn, document: Any) -> Any:
    """The document in another spelling that means the same."""
    if isinstance(document, list):
        return [draw(spellings(element)) for element in document]
    if not isinstance(document, dict):
        return document
    fields = [(key, draw(spelling(key, value))) for key, value in document.items()]
    return dict(draw(st.permutations([*fields, *draw(_NOISE)])))


def spelling(key: str, value: Any) -> st.SearchStrategy[Any]:
    """Other spellings of what the field `key` holds."""
    if key in IDS:
        return st.sampled_from([value, value.upper()])
    if key == "bytesValue":
        url_safe = value.replace("+", "-").replace("/", "_")
        return st.sampled_from([value, url_safe, url_safe.rstrip("=")])
    if key.endswith(("UnixNano", "Count", "Counts")) or key in {"intValue", "asInt", "count"}:
        return st.sampled_from([value, numeric(value, int), numeric(value, str)])
    if isinstance(value, float | int) and not isinstance(value, bool):
        return st.sampled_from([value, repr(value)])
    return spellings(value)


def numeric(value: Any, spell: type[int | str]) -> Any:
    """An integer, or a list of them, as numbers or as strings."""
    return [spell(each) for each in value] if isinstance(value, list) else spell(value)


_NOISE: st.SearchStrategy[list[tuple[str, Any]]] = st.sampled_from(
    [
        [],
        [("unknown", {"name": [1, None, {"a": "b"}]}), ("resource_spans", [{"scope_spans": 3}])],
        [("Name", 5), ("", "🦀"), ("trace_id", "not hex")],
    ]
)


@signals
@given(data=st.data())
def test_every_spelling_of_a_document_reads_the_same(signal: str, data: st.DataObject) -> None:
    request = data.draw(requests(signal))
    document = data.draw(spellings(otlp_json(request)))
    text = json.dumps(
        document,
        ensure_ascii=data.draw(st.booleans()),
        indent=data.draw(st.sampled_from([None, 0, "\t"])),
    )
    # The protobuf library's JSON does not know the sign of zero.
    written = json_format.MessageToDict(read(signal, text))
    assert written == json_format.MessageToDict(request)


@signals
def test_an_empty_document_is_an_empty_request(signal: str) -> None:
    assert Batch.from_json(signal, b" {} ").to_otlp() == b""
    assert Batch.from_otlp(signal, b"").to_json() == b"{}"


def test_ids_are_hex_of_either_case_and_of_any_length() -> None:
    found = read_span(traceId="00fFAa10", spanId="", parentSpanId="0102030405060708")
    assert found.trace_id == b"\x00\xff\xaa\x10"
    assert found.span_id == b""
    assert found.parent_span_id == bytes(range(1, 9))


def test_names_in_snake_case_are_unknown() -> None:
    assert read_span(trace_id="00", start_time_unix_nano=1, name="a") == Span(name="a")


def test_null_is_absence() -> None:
    assert read_span(traceId=None, name=None, attributes=None, status=None, flags=None) == Span()
    assert read_value(stringValue="a", intValue=None).string_value == "a"


def test_an_empty_member_of_a_oneof_is_there_and_an_empty_field_is_not() -> None:
    assert read_value(stringValue="").WhichOneof("value") == "string_value"
    assert read_value().WhichOneof("value") is None
    assert read_span(name="", kind=0, traceId="", flags="0", attributes=[]).ByteSize() == 0
    assert read_point("histogram", sum=0, bucketCounts=[]) == HistogramDataPoint(sum=0)


def test_of_equal_keys_the_last_counts() -> None:
    text = json.dumps(span(events=[{"name": "x"}], name="one", kind=2)).replace(
        '"kind": 2', '"kind": 2, "name": "two", "events": [{"name": "y"}], "kind": 0'
    )
    request: Any = read("traces", text)
    found = request.resource_spans[0].scope_spans[0].spans[0]
    assert (found.name, found.kind, [event.name for event in found.events]) == ("two", 0, ["y"])


def test_of_the_members_of_a_oneof_the_last_counts() -> None:
    assert read_value(stringValue="a", intValue=1, boolValue=False) == AnyValue(bool_value=False)
    assert read_value(intValue=1, stringValue="a") == AnyValue(string_value="a")


@pytest.mark.parametrize("value", [2**53 + 1, -(2**63), 2**63 - 1])
def test_wide_integers_are_exact_as_string_and_as_number(value: int) -> None:
    assert read_value(intValue=value).int_value == value
    assert read_value(intValue=str(value)).int_value == value
    assert read_point("gauge", asInt=str(value)).as_int == value


@pytest.mark.parametrize("value", ["3", 3, 3.0])
def test_every_integer_may_be_a_string_or_a_number(value: Any) -> None:
    found = read_span(kind=value, flags=value, startTimeUnixNano=value, endTimeUnixNano=value)
    times = (found.start_time_unix_nano, found.end_time_unix_nano)
    assert (found.kind, found.flags, *times) == (3, 3, 3, 3)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("NaN", "7ff8000000000000"),
        ("Infinity", "7ff0000000000000"),
        ("-Infinity", "fff0000000000000"),
        (-0.0, "8000000000000000"),
        (5e-324, "0000000000000001"),
        (0.1 + 0.2, "3fd3333333333334"),
        (2**64, "43f0000000000000"),
        (-3, "c008000000000000"),
        ("1.5e300", "7e41eb2d66005835"),
    ],
)
def test_doubles_are_numbers_or_their_names_or_strings_of_numbers(
    value: Any, expected: str
) -> None:
    assert struct.pack(">d", read_value(doubleValue=value).double_value).hex() == expected


@pytest.mark.parametrize("text", ["+/8=", "-_8=", "-_8", "+/8"])
def test_base64_may_be_url_safe_and_unpadded(text: str) -> None:
    assert read_value(bytesValue=text).bytes_value == b"\xfb\xff"
