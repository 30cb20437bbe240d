"""Values as texts, as the Collector has them."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.processors._values import as_string, to_float


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("ä", "ä"),
        (True, "true"),
        (7, "7"),
        (7.0, "7"),
        (-0.5, "-0.5"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (1.5e-10, "1.5e-10"),
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
        (b"\0\1", "AAE="),
        ([1, "a", b"\0\1", [None]], '[1,"a","AAE=",[null]]'),
        ({"b": 1.0, "a": {"<": '"'}}, '{"a":{"<":"\\""},"b":1}'),
    ],
)
def test_every_value_has_a_text(value: Any, text: str) -> None:
    assert as_string(value) == text


@pytest.mark.parametrize(("value", "number"), [("inf", float("inf")), (True, 1.0), ("x", "x")])
def test_texts_and_truths_become_numbers_where_they_can(value: Any, number: Any) -> None:
    assert to_float(value) == number
