"""What is pushed, as the kernel reads it: whatever is written so must be read as it was meant."""

from __future__ import annotations

import math
import string
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock._kernel import Batch as Native
from penstock._kernel import MalformedPayload, decompressed, read_items, read_lines, read_webhook
from penstock.pipeline import Batch
from tests.receivers.pushed import ITEMS, LINES

NOW = 1_700_000_000_000_000_000
SCOPE = ("test", "1")
COMMON: dict[str, Any] = {"now": NOW, "scope": SCOPE}
ROOM = 1 << 20

NAMES = st.text(st.sampled_from(string.ascii_letters + ",= éß_."), min_size=1, max_size=8)
"""Names of lines, with what has to be escaped; a backslash would escape what follows it."""

NUMBERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
)

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
)

VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


def lines(body: bytes, **settings: Any) -> tuple[Native | None, int, list[tuple[int, str]], int]:
    """What is read of lines."""
    given = {"precision": 1, "resource": [], "room": ROOM, **COMMON}
    return read_lines(body, **(given | settings))


def rows(native: Native | None) -> list[dict[str, Any]]:
    """The items of a batch."""
    return [] if native is None else Batch(native).rows()


def escaped(name: str) -> str:
    return "".join(f"\\{char}" if char in ",= " else char for char in name)


def written(value: float) -> str:
    if isinstance(value, bool):
        return "true" if value else "F"
    return f"{value}i" if isinstance(value, int) else repr(value)


@given(
    NAMES,
    st.dictionaries(NAMES, NAMES, max_size=3),
    st.dictionaries(NAMES, NUMBERS, min_size=1, max_size=4),
    st.integers(1, 2**62),
)
def test_a_line_is_read_as_it_was_meant(
    measurement: str, tags: dict[str, str], fields: dict[str, float], time: int
) -> None:
    head = "".join(f",{escaped(key)}={escaped(value)}" for key, value in tags.items())
    tail = ",".join(f"{escaped(key)}={written(value)}" for key, value in fields.items())
    line = f"{escaped(measurement)}{head} {tail} {time}\n"
    native, faulty, _, _ = lines(line.encode())
    assert faulty == 0
    found = {row["metric"]["name"]: row for row in rows(native)}
    assert found.keys() == {f"{measurement}_{key}" for key in fields}
    for key, value in fields.items():
        row = found[f"{measurement}_{key}"]
        assert (row.get("attributes", {}), row["time_unix_nano"]) == (tags, time)
        assert row.get("as_int", row.get("as_double")) == value


@given(st.lists(st.sampled_from(["good f=1", "bad", 'bad s="x" y', "bad,a=1", ""]), max_size=8))
def test_bad_lines_are_told_by_their_numbers(given_lines: list[str]) -> None:
    native, faulty, faults, _ = lines("\n".join(given_lines).encode())
    bad = [number for number, line in enumerate(given_lines, 1) if line.startswith("bad")]
    assert (faulty, [number for number, _ in faults]) == (len(bad), bad)
    assert len(rows(native)) == given_lines.count("good f=1")


@given(VALUES)
def test_any_json_is_a_body(value: Any) -> None:
    native, faulty, _ = read_items("logs", orjson.dumps({"body": value}), lines=False, **COMMON)
    assert faulty == 0
    (row,) = rows(native)
    if value is not None:
        assert row["body"] == value
    (hook,) = rows(read_webhook(orjson.dumps(value), json=True, attributes=[], **COMMON))
    assert hook["body"] == value


@given(st.dictionaries(st.text(max_size=8), VALUES, max_size=4), NUMBERS)
def test_any_object_is_attributes(attributes: dict[str, Any], value: float) -> None:
    number = float(value) if isinstance(value, bool) else value
    item = {"name": "a", "value": number, "attributes": attributes, "resource": attributes}
    native, _, _ = read_items("metrics", orjson.dumps([item]), lines=False, **COMMON)
    (row,) = rows(native)
    assert (row.get("attributes", {}), row["resource"].get("attributes", {})) == (attributes,) * 2
    assert row.get("as_int", row.get("as_double")) == number


@pytest.mark.parametrize("body", LINES)
def test_every_line_of_the_corpus_is_points_or_a_fault(body: bytes) -> None:
    native, faulty, faults, texts = lines(body, resource=["service."])
    assert len(rows(native)) + faulty + texts > 0
    assert len(faults) == min(faulty, 100)


@pytest.mark.parametrize("by_line", [False, True])
@pytest.mark.parametrize("body", ITEMS)
@given(sort=st.sampled_from(["metrics", "logs", "events"]), end=st.integers(0, 400))
def test_every_part_of_the_corpus_is_read_or_refused(
    sort: Any, end: int, body: bytes, by_line: bool
) -> None:
    try:
        native, faulty, faults = read_items(sort, body[:end], lines=by_line, **COMMON)
    except MalformedPayload:
        native, faulty, faults = None, 0, []
        assert not by_line
    assert len(faults) == faulty
    assert len(rows(native)) + faulty <= len(body)


def test_what_no_integer_can_be_is_a_double() -> None:
    body = b'{"name": "a", "value": 18446744073709551615}'
    (row,) = rows(read_items("metrics", body, lines=False, **COMMON)[0])
    assert math.isclose(row["as_double"], 2.0**64)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd", "snappy"])
def test_what_is_not_compressed_so_is_refused(encoding: str) -> None:
    with pytest.raises(ValueError, match=f"no {encoding}"):
        decompressed(encoding, b"\x05 not that", 100)
    assert decompressed("identity", b"plain", 5) == b"plain"
    assert decompressed("identity", b"plain", 4) is None
