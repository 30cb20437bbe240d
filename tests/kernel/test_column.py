"""Columns of attributes, whichever way their keys and values are written."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.pipeline import Batch
from tests.kernel.messages import REQUESTS, delimited, tag, varint

ATTRIBUTES = 9
LENGTHS = [0, 1, 5, 6, 7, 8, 40, 127, 128, 255, 256, 300]


def spans(*bodies: bytes) -> bytes:
    """A request with spans of these encodings."""
    items = b"".join(delimited(2, body) for body in bodies)
    return delimited(1, delimited(2, items))


def pair(key: str, value: bytes) -> bytes:
    return delimited(ATTRIBUTES, delimited(1, key.encode()) + delimited(2, value))


def text(value: str) -> bytes:
    return delimited(1, value.encode())


def column(payload: bytes, key: str) -> list[object]:
    return Batch.from_otlp("traces", payload).column(f'span.attributes["{key}"]').to_list()


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("value", ["", "x", "y" * 200])
def test_keys_of_every_length_are_told_from_those_that_begin_alike(length: int, value: str) -> None:
    wanted = "k" * length
    others = ["k" * other for other in LENGTHS if other != length] + [f"{'k' * length}k"]
    others += [f"{wanted[:-1]}l"] if length else []
    before = b"".join(pair(other, text("wrong")) for other in others)
    payload = spans(before, before + pair(wanted, text(value)) + pair(wanted, text("second")))
    assert column(payload, wanted) == [None, value]


A, B = delimited(1, b"a"), delimited(1, b"b")
ONE, TWO = delimited(2, text("one")), delimited(2, text("two"))
OVERLONG = b"\x0a\x81\x00a" + ONE


@given(st.lists(st.sampled_from([A, B, ONE, TWO, OVERLONG, tag(7, 0) + varint(1)]), max_size=5))
def test_a_pair_in_any_order_and_repetition_counts_as_the_official_parser_reads_it(
    parts: list[bytes],
) -> None:
    payload = spans(delimited(ATTRIBUTES, b"".join(parts)) + pair("a", text("next")))
    request: Any = REQUESTS["traces"].FromString(payload)
    span = request.resource_spans[0].scope_spans[0].spans[0]
    present = [one for one in span.attributes if one.key == "a" and one.HasField("value")]
    assert column(payload, "a") == [present[0].value.string_value]


WRITTEN: list[tuple[object, list[bytes]]] = [
    ("hello", [text("hello"), b"\x0a\x85\x00hello", text("other") + text("hello")]),
    ("", [text(""), b"\x0a\x80\x00", b"\x10\x01" + text("")]),
    (5, [b"\x18\x05", b"\x18\x85\x00", b"\x18\x07\x18\x05"]),
    (-1, [b"\x18" + varint(2**64 - 1), b"\x18" + b"\xff" * 9 + b"\x03"]),
    (True, [b"\x10\x01", b"\x10\x81\x00", b"\x10\x02"]),
    (1.5, [b"\x21" + struct.pack("<d", 1.5), b"\x10\x00\x21" + struct.pack("<d", 1.5)]),
    (b"raw", [delimited(7, b"raw"), b"\x3a\x83\x00raw"]),
    (None, [b"", b"\x78\x01"]),
]


@given(st.permutations([(value, body) for value, bodies in WRITTEN for body in bodies]))
def test_a_value_has_one_code_in_whichever_ways_it_is_written(
    written: list[tuple[object, bytes]],
) -> None:
    payload = spans(b"", *(pair("a", body) for _, body in written))
    found = Batch.from_otlp("traces", payload).column('span.attributes["a"]')
    assert found.to_list() == [None, *(value for value, _ in written)]
    assert len(found.values) == len(WRITTEN)


def test_an_integer_is_not_the_double_that_has_the_same_bytes() -> None:
    (bits,) = struct.unpack("<q", struct.pack("<d", 1.0))
    points = b"".join(
        delimited(1, tag(number, 1) + struct.pack("<q", bits)) for number in (6, 4, 6)
    )
    metric = delimited(1, delimited(2, delimited(2, delimited(5, points))))
    batch = Batch.from_otlp("metrics", metric)
    assert batch.column("datapoint.value").to_list() == [bits, 1.0, bits]
