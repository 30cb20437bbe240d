"""Sums and products of numbers, times and durations."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.pipeline import Invalid
from tests.ottl.running import result


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("7 / 2", 3),
        ("-7 / 2", -3),
        ("7 / 2.0", 3.5),
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("9223372036854775807 + 1", -(2**63)),
        ("0 - 9223372036854775807 - 2", 2**63 - 1),
        ('Seconds(Duration("1m") + Duration("500ms"))', 60.5),
        ('UnixSeconds(Unix(100) + Duration("1m"))', 160),
        ("Seconds(Unix(100) - Unix(90))", 10.0),
        ('Nanoseconds(-Duration("1us"))', -1000),
        ("-(1 + 2)", -3),
        ("+4", 4),
    ],
)
def test_arithmetic_is_gos(expression: str, expected: Any) -> None:
    assert result(expression) == expected


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("1 / 0", "a division by zero"),
        ('1 + "a"', r"`\+` of an int and a string"),
        ('span.attributes["none"] + 1', r"`\+` of nil and an int"),
        ('Duration("1s") * 2', r"`\*` of a duration and an int"),
        ('-String("a")', "`-` of a string"),
    ],
)
def test_what_cannot_be_calculated_fails_its_item(expression: str, problem: str) -> None:
    with pytest.raises(Invalid, match=problem):
        result(expression)
