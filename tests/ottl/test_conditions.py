"""Conditions, against a plain evaluator that looks at one item after the other."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.pipeline import Batch, Invalid, Signal
from tests.ottl.running import after, attributes, holds, of_json, with_attributes

VALUES: list[Any] = [
    None, True, False, 0, 1, -3, 2**53 + 1, 0.0, 1.0, 2.5, float(2**53), math.inf,
    "", "a", "b", b"", b"a", [], [1], [1.0], {}, {"k": 1}, {"k": True},
]  # fmt: skip
LITERALS = {
    "nil": None, "true": True, "false": False, "0": 0, "1": 1, "-3": -3, "1.0": 1.0, "2.5": 2.5,
    '"a"': "a", '""': "", "0x61": b"a", "[1]": [1], '{"k": 1}': {"k": 1},
}  # fmt: skip
ORDERED = (bool, int, float, str, bytes)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def compare(operator: str, one: Any, other: Any) -> bool:
    """The Collector's table of comparisons, as plainly as can be."""
    if is_number(one) and is_number(other):
        if type(one) is not type(other):
            one, other = float(one), float(other)
    elif type(one) is not type(other):
        return operator == "!="
    elif one is None:
        return operator in {"==", "<=", ">="}
    equal = repr(one) == repr(other) if isinstance(one, list | dict) else one == other
    if operator in {"==", "!="}:
        return equal == (operator == "==")
    if not isinstance(one, ORDERED):
        return False
    least: Any
    most: Any
    least, most = (one, other) if operator[0] == "<" else (other, one)
    return bool(least < most) or (equal and operator.endswith("="))


def truth(condition: Any, item: dict[str, Any]) -> bool:
    kind, *parts = condition
    if kind == "not":
        return not truth(parts[0], item)
    if kind in {"and", "or"}:
        return (all if kind == "and" else any)(truth(part, item) for part in parts)
    left, right = (
        item.get(part[5:]) if part.startswith("path ") else LITERALS[part] for part in parts
    )
    return compare(kind, left, right)


def told(condition: Any) -> str:
    kind, *parts = condition
    if kind == "not":
        return f"not ({told(parts[0])})"
    if kind in {"and", "or"}:
        return f"({told(parts[0])} {kind} {told(parts[1])})"
    left, right = (
        f'span.attributes["{part[5:]}"]' if part.startswith("path ") else part for part in parts
    )
    return f"{left} {kind} {right}"


sides = st.sampled_from(["path a", "path b", *LITERALS])
comparisons = st.tuples(st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), sides, sides)
conditions = st.recursive(
    comparisons,
    lambda inner: (
        st.tuples(st.just("not"), inner) | st.tuples(st.sampled_from(["and", "or"]), inner, inner)
    ),
    max_leaves=5,
)
things = st.fixed_dictionaries({}, optional=dict.fromkeys("ab", st.sampled_from(VALUES)))


@given(condition=conditions, found=st.lists(things, min_size=1, max_size=6))
def test_conditions_are_what_they_are_for_each_item_alone(
    condition: Any, found: list[dict[str, Any]]
) -> None:
    # OTLP has no way to say that an attribute is there and has no value, but for a null one.
    batch = with_attributes(*found)
    assert holds(told(condition), batch) == [truth(condition, item) for item in found]


def many(count: int) -> Batch:
    return with_attributes(*({"n": number, "f": number / 4} for number in range(count)))


def test_many_numbers_are_compared_and_calculated_as_few_are() -> None:
    batch = many(100)
    assert sum(holds('span.attributes["n"] >= 40', batch)) == 60
    assert sum(holds('span.attributes["f"] < 10', batch)) == 40
    assert sum(holds('span.attributes["f"] * 4 == span.attributes["n"]', batch)) == 100
    text = 'set(span.attributes["r"], span.attributes["n"] * 2 - 1)'
    assert [found["r"] for found in attributes(after(batch, text))] == list(range(-1, 199, 2))


def test_what_a_condition_need_not_look_at_fails_nothing() -> None:
    batch = with_attributes({"a": "word"}, {"a": [1]}, {})
    safe = 'IsString(span.attributes["a"]) and Len(Split(span.attributes["a"], "x")) > 1'
    assert holds(safe, batch) == [False, False, False]
    other = 'not IsString(span.attributes["a"]) or Len(Split(span.attributes["a"], "x")) > 1'
    assert holds(other, batch) == [False, True, True]
    unsafe = 'Len(Split(span.attributes["a"], "x")) == 1'
    assert holds(unsafe, batch, "silent") == [True, False, False]
    assert holds(f"not {unsafe}", batch, "silent") == [False, False, False]
    with pytest.raises(Invalid, match="expected a string, found a list"):
        holds(unsafe, batch)


def test_a_condition_must_be_true_or_false() -> None:
    with pytest.raises(Invalid, match="expected a bool, found nil"):
        holds('Bool(span.attributes["none"])', with_attributes({}))


def test_times_and_ids_are_compared_as_such() -> None:
    batch = of_json(
        Signal.TRACES,
        {"traceId": "0" * 31 + "1", "startTimeUnixNano": "1000", "endTimeUnixNano": "3000"},
        {"startTimeUnixNano": str(2**63 + 5)},
    )
    assert holds("span.trace_id == TraceID(0x00000000000000000000000000000001)", batch) == [
        True,
        False,
    ]
    assert holds("span.span_id == SpanID(0x0000000000000000)", batch) == [True, True]
    assert holds('span.trace_id.string == ""', batch) == [False, True]
    assert holds('span.end_time - span.start_time == Duration("2us")', batch) == [True, False]
    assert holds("span.start_time_unix_nano < 0", batch) == [False, True]
