"""Hashes against their definition."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from penstock._kernel import fnv1a_32


def fnv1a(data: bytes) -> int:
    found = 0x811C9DC5
    for byte in data:
        found = (found ^ byte) * 0x01000193 % 2**32
    return found


@given(st.lists(st.binary(max_size=20), max_size=5), st.integers(0, 2**32 - 1))
def test_texts_are_hashed_after_the_seed(texts: list[bytes], seed: int) -> None:
    found = np.frombuffer(fnv1a_32(texts, seed), dtype=np.uint32).tolist()
    assert found == [fnv1a(seed.to_bytes(4, "little") + text) for text in texts]


def test_a_published_value() -> None:
    """http://www.isthe.com/chongo/src/fnv/test_fnv.c: four zero bytes, then `foobar`."""
    (found,) = np.frombuffer(fnv1a_32([b"foobar"], 0), dtype=np.uint32)
    assert found == fnv1a(bytes(4) + b"foobar")
    assert fnv1a(b"foobar") == 0xBF9CF968
