"""Formulas."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.business.formula import calculated, checked, names
from tests.business.streams import Event, TestClock, engine, numbers, spans

VALUES = {"a": 6.0, "b": 0.0, "c_d": -1.5}
OPERATIONS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}

LEAVES = st.one_of(
    st.sampled_from(list(VALUES.items())),
    st.integers(1, 9).map(lambda number: (str(number), float(number))),
)


def combined(parts: st.SearchStrategy[tuple[str, float]]) -> st.SearchStrategy[tuple[str, float]]:
    def join(left: tuple[str, float], sign: str, right: tuple[str, float]) -> tuple[str, float]:
        try:
            value = OPERATIONS[sign](left[1], right[1])
        except ZeroDivisionError:
            value = math.nan
        return f"({left[0]} {sign} {right[0]})", value

    return st.builds(join, parts, st.sampled_from(list("+-*")), parts)


@given(st.recursive(LEAVES, combined, max_leaves=8), LEAVES)
def test_a_formula_is_what_python_makes_of_it(
    formula: tuple[str, float], divisor: tuple[str, float]
) -> None:
    numerators = {name: np.array([value]) for name, value in VALUES.items()}
    text = f"{formula[0]} / {divisor[0]}"
    found = np.broadcast_to(calculated(text, numerators), 1)[0]
    if divisor[1] == 0:
        assert math.isnan(found)
    else:
        assert found == pytest.approx(formula[1] / divisor[1])


def test_the_order_of_operations_is_the_usual_one() -> None:
    assert calculated("1 + a * -2 - 4 / 2", {"a": np.array([3.0])}).tolist() == [-7.0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a +", "column 4: expected a value, found the end"),
        ("a / 0", "column 3: a division by zero"),
        ("a / (2 - 2)", "a division by zero"),
        ("a > 1", "column 3: expected a number, the name of an indicator"),
        ('a["b"]', "expected a number"),
        ("Max(a, b)", "expected a number"),
        ("1 + 2", "a formula is about other indicators"),
    ],
)
def test_what_is_no_formula_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem.replace("(", r"\(")):
        checked(text)


def test_names_have_dots() -> None:
    assert names("shop.orders / shop.visits * 100 + shop.orders") == ["shop.orders", "shop.visits"]


def told(indicators: dict[str, Any], *events: Event) -> dict[str, dict[Any, float]]:
    clock = TestClock()
    made = engine(clock, indicators)
    made.take(spans(events))
    last = made.last()
    return {name: numbers([last], name) for name in indicators}


BY = {"by": {"agent": 'attributes["agent"]'}, "from": "spans", "window": "1m"}
FAILED = {"kind": "count", "where": "status.code == STATUS_CODE_ERROR", **BY}
ALL = {"kind": "count", **BY}


def test_what_nobody_counted_is_zero_in_a_formula() -> None:
    share = {"kind": "formula", "expression": "failed / tasks * 100"}
    events = [Event(1, "a"), Event(1, "a", good=False), Event(1, "b")]
    found = told({"failed": FAILED, "tasks": ALL, "share": share}, *events)
    assert found["share"] == {(60, "a"): 50.0, (60, "b"): 0.0}


def test_what_has_no_dimensions_goes_with_every_key() -> None:
    indicators = {
        "part": {"kind": "formula", "expression": "tasks / everything"},
        "tasks": ALL,
        "everything": {"kind": "count", "from": "spans", "window": "1m"},
    }
    events = [Event(1, "a"), Event(1, "a"), Event(1, "a"), Event(1, "b")]
    assert told(indicators, *events)["part"] == {(60, "a"): 0.75, (60, "b"): 0.25}


def test_formulas_may_name_formulas_in_any_order() -> None:
    indicators = {
        "twice": {"kind": "formula", "expression": "once * 2"},
        "once": {"kind": "formula", "expression": "tasks + 1"},
        "tasks": ALL,
    }
    assert told(indicators, Event(1, "a"))["twice"] == {(60, "a"): 4.0}


def test_a_division_by_zero_gives_no_point_and_is_counted() -> None:
    clock = TestClock()
    share = {"kind": "formula", "expression": "tasks / failed"}
    made = engine(clock, {"failed": FAILED, "tasks": ALL, "share": share})
    made.take(spans([Event(1, "a"), Event(1, "b", good=False)]))
    last = made.last()
    assert numbers([last], "share") == {(60, "b"): 1.0}
    assert made.accounts["share"].left_out == {"no_value": 1}
