"""The names that Prometheus has for OpenTelemetry's metrics, units and attributes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.prometheus.names import MetricType, Namer, Strategy

GOLDEN = [
    json.loads(line)
    for line in Path(__file__).with_name("names.jsonl").read_text("utf-8").splitlines()
]
"""What Prometheus' `otlptranslator` makes of names, in every strategy."""


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: f"{case['name']} {case['strategy']}")
def test_metrics_are_named_as_prometheus_names_them(case: dict[str, Any]) -> None:
    namer = Namer(Strategy(case["strategy"]), case.get("namespace", ""))
    unit = case.get("unit", "")
    assert namer.metric(case["name"], unit, MetricType(case["type"])) == case["becomes"]
    if namer.strategy.adds_suffixes:
        assert namer.unit(unit) == case.get("unit_becomes", "")


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("http.method", "http_method"),
        ("label:with:colons", "label_with_colons"),
        ("LabelWithCapitalLetters", "LabelWithCapitalLetters"),
        ("label!with&special$chars)", "label_with_special_chars_"),
        ("label_with_字符", "label_with_"),
        ("123label", "key_123label"),
        ("_starts_with_underscore", "_starts_with_underscore"),
        ("__starts_with_two", "_starts_with_two"),
        ("a__b", "a_b"),
        ("__reserved__name__", "__reserved_name__"),
        ("trailing___", "trailing_"),
        ("ようこそ", "_"),
        ("__name__", ""),
        ("", ""),
    ],
)
def test_labels_have_letters_digits_and_single_underscores(key: str, name: str) -> None:
    assert Namer().label(key) == name


def test_labels_stay_as_they_are_where_names_may_be_of_any_script() -> None:
    namer = Namer(Strategy.UTF8)
    assert namer.label("http.メソッド") == "http.メソッド"
    assert namer.label("__name__") == ""


@given(st.text(), st.text(), st.sampled_from(MetricType))
def test_escaped_names_are_always_valid(name: str, unit: str, type_: MetricType) -> None:
    for strategy in (Strategy.UNDERSCORES_AND_SUFFIXES, Strategy.UNDERSCORES):
        found = Namer(strategy).metric(name, unit, type_)
        assert not found or found.replace(":", "_").isidentifier()
        assert found.isascii()


@given(st.text())
def test_escaped_labels_are_always_valid(key: str) -> None:
    name = Namer().label(key)
    assert not name or (name.isidentifier() and name.isascii())
