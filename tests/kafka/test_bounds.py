from __future__ import annotations

from typing import Any

import cramjam
import pytest
from aiokafka.consumer import fetcher
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition

from penstock.kafka import bounds
from penstock.kafka.bounds import Unreadable
from tests import kafka_broker
from tests.kafka_broker import Record

GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4
CODECS = (GZIP, SNAPPY, LZ4, ZSTD)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    bounds.bound()
    monkeypatch.setattr(bounds, "LARGEST", 200_000)
    monkeypatch.setattr(bounds, "ENOUGH", 150_000)


def lot(codec: int, first: int, *values: bytes) -> bytes:
    """Values that were produced together."""
    return kafka_broker.lot([Record(value=value) for value in values], first, codec)


def answered(*lots: bytes, start: int = 0) -> Any:
    """What a partition answered."""
    records = MemoryRecords(b"".join(lots))
    return fetcher.PartitionRecords(
        TopicPartition("a", 0), records, [], start, None, None, True, "read_uncommitted"
    )


@pytest.mark.parametrize("codec", [0, *CODECS])
def test_messages_are_what_they_were(codec: int) -> None:
    values = [b"x" * 50_000, b"", b"y"]
    found = answered(lot(codec, 0, *values[:2]), lot(codec, 2, values[2]))
    assert [record.value for record in found] == values
    assert found.next_fetch_offset == 3


@pytest.mark.parametrize("codec", CODECS)
def test_what_is_too_large_is_passed_over(codec: int) -> None:
    found = answered(
        lot(codec, 0, b"before"), lot(codec, 1, b"", b"0" * 300_000), lot(codec, 3, b"behind")
    )
    before, large, behind = found
    assert (before.value, behind.value) == (b"before", b"behind")
    assert isinstance(large, Unreadable)
    assert (large.topic, large.partition, large.offset, large.value) == ("a", 0, 2, None)
    assert "200000 bytes" in large.fault
    assert found.next_fetch_offset == 4


@pytest.mark.parametrize("codec", CODECS)
def test_what_cannot_be_decompressed_is_passed_over(codec: int) -> None:
    damaged = bytearray(lot(codec, 0, b"abc" * 100))
    del damaged[-9:]
    damaged[8:12] = (len(damaged) - 12).to_bytes(4, "big")
    found = answered(bytes(damaged), lot(codec, 1, b"behind"))
    found._check_crcs = False
    bad, good = found
    assert isinstance(bad, Unreadable)
    assert "cannot be decompressed" in bad.fault
    assert good.value == b"behind"


def test_an_answer_that_is_large_altogether_is_taken_in_parts() -> None:
    values = [bytes([number]) * 100_000 for number in range(4)]
    lots = [lot(ZSTD, place, value) for place, value in enumerate(values)]
    found = answered(*lots)
    assert [record.value for record in found] == values[:2]
    again = answered(*lots[2:], start=found.next_fetch_offset)
    assert [record.value for record in again] == values[2:]


def test_snappy_is_read_in_both_of_its_forms() -> None:
    plain = bytes(cramjam.snappy.compress_raw(b"abc"))
    assert bounds._snappy(plain) == b"abc"
