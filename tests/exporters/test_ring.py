"""The ring is the Collector's, and whoever comes or goes moves only a share."""

from __future__ import annotations

from zlib import crc32

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.exporters._ring import POSITIONS, Ring, hashes, hashes_of_rows

KEYS = [number.to_bytes(16, "big") for number in range(4_000)]
HASHES = hashes(KEYS)

endpoints = st.sets(st.from_regex(r"10\.0\.\d\.\d{1,2}:4317", fullmatch=True), min_size=1)


def owners(names: set[str]) -> list[str]:
    ring = Ring(names)
    return [ring.endpoints[number] for number in ring.owners(HASHES).tolist()]


@pytest.mark.parametrize(
    ("key", "endpoint"),
    [(bytes([1, 2, *[0] * 14]), "endpoint-1"), (b"\x80\x80" + bytes(14), "endpoint-2")],
)
def test_a_trace_goes_where_the_collector_sends_it(key: bytes, endpoint: str) -> None:
    """The cases of the Collector's own test."""
    assert Ring(["endpoint-1", "endpoint-2"]).owner(key) == endpoint


def test_positions_are_the_collectors() -> None:
    """The first five of an endpoint, from the Collector's own test."""
    found = {crc32(b"endpoint-1" + bytes([number])) % POSITIONS for number in range(5)}
    assert found == {1401, 4175, 14133, 17836, 21667}


@settings(max_examples=30)
@given(endpoints, st.data())
def test_who_leaves_moves_only_its_own_share(names: set[str], data: st.DataObject) -> None:
    gone = data.draw(st.sampled_from(sorted(names)))
    left = names - {gone}
    if left:
        moved = [
            before
            for before, after in zip(owners(names), owners(left), strict=True)
            if before != after
        ]
        assert set(moved) <= {gone}


@pytest.mark.parametrize("count", [2, 3, 10])
def test_shares_are_about_equal(count: int) -> None:
    names = {f"gateway-{number}.gateways.monitoring:4317" for number in range(count)}
    shares = np.unique(owners(names), return_counts=True)[1] / len(KEYS)
    assert len(shares) == count
    assert shares.max() <= 1.6 / count


@settings(max_examples=30)
@given(endpoints)
def test_the_order_of_endpoints_changes_nothing(names: set[str]) -> None:
    one, other = Ring(sorted(names)), Ring(sorted(names, reverse=True))
    assert one.endpoints == other.endpoints
    assert (one.owners(HASHES) == other.owners(HASHES)).all()


@given(st.lists(st.binary(min_size=16, max_size=16)))
def test_rows_have_the_hashes_of_their_bytes(ids: list[bytes]) -> None:
    rows = np.frombuffer(b"".join(ids), np.uint8).reshape(-1, 16)
    assert hashes_of_rows(rows).tolist() == hashes(ids).tolist()
