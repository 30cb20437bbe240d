"""Columns: what a component decides on, checked against loops over the items."""

from __future__ import annotations

import operator
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.pipeline import Column

if TYPE_CHECKING:
    from collections.abc import Callable

VALUES = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from([0.5, "", "a", "b1"])


@st.composite
def columns(draw: st.DrawFn) -> Column:
    values = draw(st.lists(VALUES, min_size=1, max_size=8))
    codes = draw(st.lists(st.integers(0, len(values) - 1), max_size=20))
    return Column(np.array(codes, dtype=np.uint32), values)


COLUMN = Column(np.array([0, 1, 1, 2], dtype=np.uint32), ["card 4111", "none", None])


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@given(columns(), VALUES)
def test_equality_goes_by_value_and_type(column: Column, value: Any) -> None:
    expected = [type(it) is type(value) and it == value for it in column.to_list()]
    assert (column == value).tolist() == expected
    assert (column != value).tolist() == [not it for it in expected]
    assert column.isin([value]).tolist() == expected


@pytest.mark.parametrize("compare", [operator.lt, operator.le, operator.gt, operator.ge])
@given(columns(), st.integers(-9, 9) | st.just(0.5))
def test_only_numbers_are_more_or_less_than_a_number(
    compare: Callable[[Any, Any], Any], column: Column, limit: float
) -> None:
    expected = [is_number(it) and compare(it, limit) for it in column.to_list()]
    assert compare(column, limit).tolist() == expected


@given(columns())
def test_only_texts_stand_before_a_text(column: Column) -> None:
    expected = [isinstance(it, str) and it < "b" for it in column.to_list()]
    assert (column < "b").tolist() == expected


@given(columns())
def test_arrays_hold_a_value_for_each_item(column: Column) -> None:
    assert column.to_numpy().tolist() == column.to_list()


def test_nested_values_stay_whole_in_an_array() -> None:
    column = Column(np.array([0, 0], dtype=np.uint32), [[1, 2]])
    assert column.to_numpy().tolist() == [[1, 2], [1, 2]]


def test_no_value_is_nan_in_an_array_of_numbers() -> None:
    column = Column(np.array([1, 0], dtype=np.uint32), [None, 3])
    found = column.to_numpy(float)
    assert found[0] == 3.0
    assert np.isnan(found[1])


def test_texts_match_where_the_expression_is_found() -> None:
    assert COLUMN.matches(r"\d{4}$").tolist() == [True, False, False, False]


def test_matches_are_replaced_in_texts_and_other_values_stay() -> None:
    replaced = COLUMN.replace(r"(\w+) \d+", "$1 ****")
    assert replaced.to_list() == ["card ****", "none", "none", None]


def test_a_hostile_expression_takes_time_linear_in_the_text() -> None:
    column = Column(np.zeros(1, dtype=np.uint32), ["a" * 100_000])
    begin = time.process_time()
    assert not column.matches("(a+)+$b").any()
    assert time.process_time() - begin < 2


def test_an_expression_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="look-around"):
        COLUMN.matches("(?=x)")


def test_runs_of_a_value_become_a_column_of_distinct_values() -> None:
    column = Column.of_runs([("a", 2), (None, 1), ("a", 1), ("b", 1)])
    assert column.to_list() == ["a", "a", None, "a", "b"]
    assert column.values == ["a", None, "b"]
