"""Regular expressions: RE2's syntax, in linear time."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock._kernel import Pattern

TEXTS = ["GET /users/42", "POST /users/ä🦀", ""]


def test_it_says_where_a_pattern_is_found() -> None:
    assert Pattern(r"/users/\d+").found(TEXTS) == [True, False, False]
    assert Pattern(r"(?i)^get").found(TEXTS) == [True, False, False]


def test_matches_are_replaced_with_groups_by_number_and_by_name() -> None:
    pattern = Pattern(r"^(?P<method>\w+) /(\w+)/.*")
    assert pattern.replaced(TEXTS, "$2 by ${method}") == ["users by GET", "users by POST", ""]
    assert pattern.names == ["method"]


def test_groups_are_those_of_the_first_match() -> None:
    found = Pattern(r"(?P<method>GET|PUT) (/none)?").groups(TEXTS)
    assert found == [{"0": "GET ", "method": "GET", "2": None}, None, None]


@given(st.lists(st.text(alphabet="ab🦀ä", max_size=12), max_size=3))
def test_places_are_those_that_python_finds(texts: list[str]) -> None:
    expected = [[match.span() for match in re.finditer("[ä🦀]+|b", text)] for text in texts]
    assert Pattern("[ä🦀]+|b").spans(texts) == expected


def test_places_of_groups_are_those_of_the_first_match() -> None:
    found = Pattern(r"ä(b)?(?P<c>🦀+)").places(["🦀ä🦀🦀ä", "äb🦀", "b"])
    assert found == [[(1, 4), None, (2, 4)], [(0, 3), (1, 2), (2, 3)], None]


@pytest.mark.parametrize("pattern", ["(", r"(?=a)", r"(a)\1", "a{1000}{1000}{1000}", "[z-a]"])
def test_what_cannot_be_done_in_linear_time_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Pattern(pattern)


@pytest.mark.parametrize("pattern", [r"(a+)+$", r"(a|aa)+$", r"(.*)*x", r"(a*)*b"])
def test_hostile_patterns_cost_no_more_than_others(pattern: str) -> None:
    before = time.process_time()
    Pattern(pattern).found(["a" * 100_000 + "!"])
    assert time.process_time() - before < 0.5
