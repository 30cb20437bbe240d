from __future__ import annotations

import math

import pytest

from penstock.config.scalars import Value, resolve


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("FALSE", False),
        ("0", 0),
        ("-12", -12),
        ("+7", 7),
        ("012", 12),
        ("0o14", 12),
        ("0xC", 12),
        ("1.", 1.0),
        (".5", 0.5),
        ("-1.5e3", -1500.0),
        ("-.inf", -math.inf),
    ],
)
def test_words_and_numbers_of_the_core_schema_are_values(text: str, value: Value) -> None:
    found = resolve(text)

    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "text", ["yes", "on", "n", "1_000", "0b1", "12:30:00", "2026-01-31", "1e", ".", "nan", "\u0661"]
)
def test_what_only_yaml_1_1_took_for_something_else_is_text(text: str) -> None:
    assert resolve(text) == text


def test_not_a_number_is_one() -> None:
    assert math.isnan(float(str(resolve(".nan"))))


def test_number_of_thousands_of_digits_is_text() -> None:
    assert resolve("1" * 5_000) == "1" * 5_000
