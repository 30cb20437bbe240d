from __future__ import annotations

import pytest

from penstock.kafka.partitioners import RoundRobin, StickyKey, by_murmur2, by_sarama, fnv1a


@pytest.mark.parametrize(
    ("text", "hashed"), [("", 0x811C9DC5), ("a", 0xE40C292C), ("foobar", 0xBF9CF968)]
)
def test_fnv1a_is_that_of_its_authors(text: str, hashed: int) -> None:
    assert fnv1a(text.encode()) == hashed


@pytest.mark.parametrize(
    ("key", "partitions", "partition"),
    # 0xE40C292C is negative as an int32: -468965076
    [("a", 10, 6), ("a", 7, 468_965_076 % 7), ("foobar", 5, (0x1_0000_0000 - 0xBF9CF968) % 5)],
)
def test_keys_go_where_sarama_has_them(key: str, partitions: int, partition: int) -> None:
    assert by_sarama(key.encode(), partitions) == partition


@pytest.mark.parametrize(
    ("key", "hashed"),  # those of Java's client, `Utils.murmur2`
    [("21", -973932308), ("foobar", -790332482), ("a-little-bit-long-string", -985981536)],
)
def test_keys_go_where_java_has_them(key: str, hashed: int) -> None:
    assert by_murmur2(key.encode(), 1000) == (hashed & 0x7FFFFFFF) % 1000


def test_messages_without_key_stay_together_until_the_next_turn() -> None:
    sticky = StickyKey(by_sarama)
    first = [sticky(None, [0, 1, 2], [0, 1, 2]) for _ in range(5)]
    sticky.turn()
    assert len(set(first)) == 1
    assert sticky(None, [0, 1, 2], [0, 1, 2]) != first[0]


def test_a_key_stays_in_its_partition_though_that_is_not_available() -> None:
    sticky = StickyKey(by_sarama)
    assert sticky(b"a", range(10), [1]) == 6


def test_messages_without_key_go_to_what_is_available() -> None:
    sticky = StickyKey(by_sarama)
    assert {sticky(None, [0, 1, 2], [1]) for _ in range(3)} == {1}


def test_round_robin_takes_one_after_the_other_whatever_the_key() -> None:
    robin = RoundRobin()
    places = [robin(b"same", [0, 1, 2], [0, 1, 2]) for _ in range(6)]
    assert sorted(places[:3]) == [0, 1, 2]
    assert places[3:] == places[:3]
