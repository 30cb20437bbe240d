"""Texts that are no OTLP/JSON: each is refused with its reason and the byte where it goes wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from penstock._kernel import Batch, MalformedPayload
from tests.kernel.documents import otlp_json, span
from tests.kernel.messages import REQUESTS, SIGNALS, delimited, nested, requests

BAD_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"traceId": "abc"}, "expected a string of hex digits, two for each byte"),
    ({"traceId": "0g"}, "expected a string of hex digits, two for each byte"),
    ({"traceId": "AAAAAAAAAAAAAAAAAAAAA=="}, "expected a string of hex digits, two for each byte"),
    ({"traceId": 12}, "expected a string of hex digits, two for each byte"),
    ({"kind": "SPAN_KIND_SERVER"}, "expected an integer"),
    ({"kind": 2**31}, "an integer is out of its field's range"),
    ({"kind": 1.5}, "expected an integer"),
    ({"kind": True}, "expected an integer"),
    ({"kind": {}}, "expected an integer"),
    ({"flags": -1}, "an integer is out of its field's range"),
    ({"flags": str(2**32)}, "an integer is out of its field's range"),
    ({"startTimeUnixNano": str(2**64)}, "an integer is out of its field's range"),
    ({"startTimeUnixNano": 2**64}, "an integer is out of its field's range"),
    ({"startTimeUnixNano": -1}, "an integer is out of its field's range"),
    ({"startTimeUnixNano": ""}, "expected an integer"),
    ({"startTimeUnixNano": "1 "}, "expected an integer"),
    ({"startTimeUnixNano": "1" * 50}, "expected an integer"),
    ({"name": 5}, "expected a string"),
    ({"name": ["a"]}, "expected a string"),
    ({"attributes": {}}, "expected a list"),
    ({"attributes": "a"}, "expected a list"),
    ({"attributes": [None]}, "a list holds null"),
    ({"attributes": [[]]}, "expected an object"),
    ({"attributes": [{"value": 1}]}, "expected an object"),
    ({"attributes": [{"value": {"boolValue": "true"}}]}, "expected true or false"),
    ({"attributes": [{"value": {"boolValue": 1}}]}, "expected true or false"),
    ({"attributes": [{"value": {"intValue": 2**63}}]}, "an integer is out of its field's range"),
    ({"attributes": [{"value": {"bytesValue": "A"}}]}, "expected a string of base64"),
    ({"attributes": [{"value": {"bytesValue": "AA="}}]}, "expected a string of base64"),
    ({"attributes": [{"value": {"bytesValue": "A A="}}]}, "expected a string of base64"),
    (
        {"attributes": [{"value": {"doubleValue": "nan"}}]},
        "expected a number, NaN, Infinity or -Infinity",
    ),
    (
        {"attributes": [{"value": {"doubleValue": "1e999"}}]},
        "expected a number, NaN, Infinity or -Infinity",
    ),
]


@pytest.mark.parametrize(("fields", "reason"), BAD_FIELDS)
def test_a_value_that_its_field_cannot_hold_is_refused_where_it_stands(
    fields: dict[str, Any], reason: str
) -> None:
    text = json.dumps(span(**fields)).encode()
    with pytest.raises(MalformedPayload) as refused:
        Batch.from_json("traces", text)
    assert str(refused.value) == f"{reason} (at byte {refused.value.offset})"
    (key,) = fields
    assert text.index(key.encode()) < refused.value.offset <= len(text)


BAD_TEXTS = [
    (b"", 0, "the text ends inside a value"),
    (b" \n{", 3, "the text ends inside a value"),
    (b'{"resourceSpans": [{', 20, "the text ends inside a value"),
    (b'{"a": "', 7, "the text ends inside a value"),
    (b"[]", 0, "expected an object"),
    (b"null", 4, "expected an object"),
    (b"{}\n\n{}", 5, "the text is not valid JSON"),
    (b"{},", 3, "the text is not valid JSON"),
    (b"\xef\xbb\xbf{}", 1, "the text is not valid JSON"),
    (b"{'a': 1}", 2, "the text is not valid JSON"),
    (b'{"a": NaN}', 7, "the text is not valid JSON"),
    (b'{"a": 1,}', 9, "the text is not valid JSON"),
    (b'{"a": "\xff"}', 7, "the text is not valid UTF-8"),
    (b'{"resourceSpans": [{"schemaUrl": "\\ud800"}]}', 41, "the text is not valid JSON"),
    (b'{"a": "\n"}', 7, "the text is not valid JSON"),
]


@pytest.mark.parametrize(("text", "offset", "reason"), BAD_TEXTS)
def test_a_text_that_is_no_json_is_refused_where_it_goes_wrong(
    text: bytes, offset: int, reason: str
) -> None:
    with pytest.raises(MalformedPayload) as refused:
        Batch.from_json("traces", text)
    assert str(refused.value) == f"{reason} (at byte {refused.value.offset})"
    assert refused.value.offset == offset


@pytest.mark.parametrize(
    ("lists", "maps"), [(0, 0), (47, 0), (48, 0), (46, 1), (47, 1), (1, 31), (2, 31), (0, 32)]
)
def test_documents_nest_as_deep_as_the_protobuf_parser_lets_messages_nest(
    lists: int, maps: int
) -> None:
    value, text = nested(b"", lists), '{"arrayValue":{"values":[' * lists + "{}" + "]}}" * lists
    for _ in range(maps):
        value = delimited(6, delimited(1, delimited(2, value)))
        text = f'{{"kvlistValue":{{"values":[{{"value":{text}}}]}}}}'
    payload = delimited(1, delimited(2, delimited(2, delimited(5, value))))
    text = f'{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{text}}}]}}]}}]}}'
    try:
        REQUESTS["logs"].FromString(payload)
    except DecodeError:
        with pytest.raises(MalformedPayload, match="nested too deeply"):
            Batch.from_json("logs", text.encode())
    else:
        assert Batch.from_json("logs", text.encode()).to_otlp() == payload


def test_nesting_without_end_is_refused() -> None:
    text = json.dumps(span(attributes=[{"value": "@"}]))
    bomb = text.replace('"@"', '{"arrayValue":{"values":[' * 1_000_000)
    with pytest.raises(MalformedPayload, match="nested too deeply"):
        Batch.from_json("traces", bomb.encode())


def test_what_an_unknown_key_holds_may_nest_without_limit() -> None:
    depth = 1_000_000
    text = b'{"unknown":' + b"[" * depth + b"]" * depth + b"}"
    assert Batch.from_json("traces", text).to_otlp() == b""


@given(data=st.data())
def test_a_document_cut_short_is_refused(data: st.DataObject) -> None:
    signal = data.draw(st.sampled_from(SIGNALS))
    text = json.dumps(otlp_json(data.draw(requests(signal)))).encode()
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    with pytest.raises(MalformedPayload) as refused:
        Batch.from_json(signal, cut)
    assert refused.value.offset <= len(cut)


@given(data=st.data())
def test_a_damaged_document_is_refused_or_read_as_some_request(data: st.DataObject) -> None:
    signal = data.draw(st.sampled_from(SIGNALS))
    text = bytearray(json.dumps(otlp_json(data.draw(requests(signal)))).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at] = data.draw(st.one_of(st.sampled_from(b'{}[]",:0\\'), st.integers(0, 255)))
    try:
        batch = Batch.from_json(signal, text)
    except MalformedPayload as refused:
        assert refused.offset <= len(text)  # noqa: PT017
    else:
        REQUESTS[signal].FromString(batch.to_otlp())
