from __future__ import annotations

from penstock._kernel import xxh64
from penstock.kafka.keys import NO_ATTRIBUTES, of_attributes, of_trace


def test_a_trace_is_its_id_in_hex() -> None:
    assert of_trace("0102030405060708090a0b0c0d0e0f10") == b"0102030405060708090a0b0c0d0e0f10"


def test_what_is_of_no_trace_has_no_key() -> None:
    assert of_trace(None) is None
    assert of_trace("") is None


def test_the_hash_is_that_of_its_authors() -> None:
    assert xxh64(b"") == 0xEF46DB3751D8E999
    assert xxh64(b"abc") == 0x44BC2CF5AD770999


def test_a_resource_without_attributes_has_a_key_of_zeros() -> None:
    assert of_attributes({}) == of_attributes(None) == NO_ATTRIBUTES


def test_the_order_of_attributes_does_not_matter() -> None:
    assert of_attributes({"a": 1, "b": "x"}) == of_attributes({"b": "x", "a": 1})


def test_values_are_told_apart_by_their_types() -> None:
    values = ["1", 1, 1.0, True, None, b"1", ["1"], [1], {"1": 1}]
    assert len({of_attributes({"a": value}) for value in values}) == len(values)


def test_a_key_is_the_hash_of_what_the_collector_hashes() -> None:
    text = b"\xf4a\xf7x\xf4n\xfa" + (3).to_bytes(8, "little")
    expected = xxh64(text).to_bytes(8, "little") + xxh64(text + b"\xf3").to_bytes(8, "little")
    assert of_attributes({"n": 3, "a": "x"}) == expected
