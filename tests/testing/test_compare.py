from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.testing.compare import Difference, differences

VALUES = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(VALUES)
def test_what_is_the_same_does_not_differ(value: Any) -> None:
    assert list(differences(value, value)) == []


@given(st.dictionaries(st.text(max_size=3), VALUES), st.dictionaries(st.text(max_size=3), VALUES))
def test_what_is_more_than_expected_is_fine_in_a_mapping(
    expected: dict[str, Any], more: dict[str, Any]
) -> None:
    assert list(differences(expected, more | expected)) == []


@pytest.mark.parametrize(
    ("expected", "got", "told"),
    [
        ({"a": 1}, {"a": 2}, ("it.a", "1", "2")),
        ({"a.b": 1}, {}, ('it["a.b"]', "1", "nothing")),
        ({"a": None}, {"a": ""}, ("it.a", "nothing", '""')),
        ({"a": {"b": "x"}}, {"a": {"b": "y"}}, ("it.a.b", '"x"', '"y"')),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2, "c": 3}]}, ("it.a[0].b", "1", "2")),
        (1, True, ("it", "1", "true")),
        (1, 1.0, ("it", "1", "1.0")),
        ("1", 1, ("it", '"1"', "1")),
        ({"a": 1}, [1], ("it", '{"a": 1}', "[1]")),
        ("x", b"\x01", ("it", '"x"', '"01"')),
    ],
)
def test_a_difference_says_where_and_what(expected: Any, got: Any, told: tuple[str, ...]) -> None:
    assert list(differences(expected, got, "it")) == [Difference(*told)]


def test_what_is_absent_may_be_expected() -> None:
    assert list(differences({"a": None}, {"b": 1})) == []


def test_lists_of_different_lengths_tell_what_is_missing_and_what_is_too_much() -> None:
    assert list(differences([1, 2], [1], "items")) == [
        ("number of items", "2", "1"),
        ("items[1]", "2", "nothing"),
    ]
    assert list(differences([], ["x"], "items")) == [
        ("number of items", "0", "1"),
        ("items[0]", "nothing", '"x"'),
    ]
