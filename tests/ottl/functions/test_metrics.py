"""Editors that make other metrics of metrics."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.ottl import Condition, Draft, Program, Statement, StatementError
from penstock.pipeline import Batch, Invalid, Signal
from tests.ottl.running import after, of_json, reporter

POINT = {"attributes": [{"key": "a", "value": {"intValue": "1"}}], "timeUnixNano": "5"}
METRICS: list[dict[str, Any]] = [
    {"name": "g", "gauge": {"dataPoints": [{"asInt": "3"}, POINT | {"asDouble": 2.5}]}},
    {"name": "s", "sum": {"isMonotonic": True, "dataPoints": [POINT | {"asInt": "7"}]}},
    {
        "name": "h",
        "description": "d",
        "unit": "s",
        "histogram": {
            "aggregationTemporality": 1,
            "dataPoints": [POINT | {"count": "3", "sum": 2.5}, {"count": "1"}],
        },
    },
    {
        "name": "q",
        "unit": "s",
        "summary": {
            "dataPoints": [
                POINT | {"count": "4", "sum": 8, "quantileValues": [{"quantile": 0.5, "value": 2}]}
            ]
        },
    },
]


def metrics(batch: Batch) -> dict[str, tuple[str, Any, Any]]:
    """By name and type: unit, temporality, and the values of the points with their attributes."""
    found: dict[str, tuple[str, Any, Any]] = {}
    for row in batch.rows():
        metric = row["metric"]
        key = f"{metric['name']} {metric['type']}"
        values = found.setdefault(
            key, (metric.get("unit", ""), metric.get("aggregation_temporality"), [])
        )[2]
        value = row.get("as_int", row.get("as_double"))
        values.append((value, row.get("attributes", {}).get("a"), row.get("time_unix_nano")))
    return found


def subject() -> Batch:
    return of_json(Signal.METRICS, *METRICS)


CASES = [
    ("convert_sum_to_gauge()", "s gauge", ("", None, [(7, 1, 5)])),
    (
        'convert_gauge_to_sum("delta", true)',
        "g sum",
        ("", 1, [(3, None, None), (2.5, 1, 5)]),
    ),
    (
        'extract_count_metric(true) where metric.name == "h"',
        "h_count sum",
        ("1", 1, [(3, 1, 5), (1, None, None)]),
    ),
    (
        'extract_sum_metric(true, ".sum") where metric.name == "h"',
        "h.sum sum",
        ("s", 1, [(2.5, 1, 5)]),
    ),
    ('extract_sum_metric(true) where metric.name == "q"', "q_sum sum", ("s", 2, [(8.0, 1, 5)])),
    (
        'convert_summary_count_val_to_sum("delta", false, ".n")',
        "q.n sum",
        ("s", 1, [(4, 1, 5)]),
    ),
    ('convert_summary_sum_val_to_sum("cumulative", false)', "q_sum sum", ("s", 2, [(8.0, 1, 5)])),
    ("convert_summary_quantile_val_to_gauge()", "q.quantiles gauge", ("s", None, [(2.0, 1, 5)])),
    (
        'copy_metric(name = "copy", unit = "ms") where metric.name == "s"',
        "copy sum",
        ("ms", None, [(7, 1, 5)]),
    ),
]


@pytest.mark.parametrize(("statement", "name", "expected"), CASES)
def test_a_metric_is_made_of_a_metric(statement: str, name: str, expected: Any) -> None:
    made = metrics(after(subject(), statement))
    unit, temporality, values = made[name]
    assert (unit, temporality or None, values) == expected
    before = metrics(subject())
    replaced = (
        {"s sum"}
        if "sum_to_gauge" in statement
        else {"g gauge"}
        if "gauge_to" in statement
        else set()
    )
    assert {key: made.get(key) for key in before.keys() - replaced} == {
        key: before[key] for key in before.keys() - replaced
    }
    assert made.keys() & replaced == set()


def test_quantiles_are_told_as_the_collector_does() -> None:
    made = after(subject(), 'convert_summary_quantile_val_to_gauge("p")')
    (row,) = (row for row in made.rows() if row["metric"]["name"] == "q.quantiles")
    assert row["attributes"] == {"a": 1, "p": "0.50"}


def test_statements_that_follow_work_on_what_was_made() -> None:
    draft = Draft(subject())
    texts = [
        "convert_sum_to_gauge()",
        'set(metric.unit, "x") where metric.name == "s"',
        'copy_metric(name = "t") where metric.name == "s"',
        'set(metric.description, "copied") where metric.name == "t"',
    ]
    conditions = [Condition.compile('metric.name == "s" or metric.name == "t"', Signal.METRICS)]
    statements = [Statement.compile(text, Signal.METRICS) for text in texts]
    Program(statements, conditions, reporter()).run(draft)
    left = {row["metric"]["name"]: row["metric"] for row in draft.batch.rows()}
    assert left["s"] == {"name": "s", "unit": "x", "type": "gauge"}
    assert left["t"] == {"name": "t", "unit": "x", "type": "gauge", "description": "copied"}
    assert left["g"] == {"name": "g", "type": "gauge"}


def test_what_has_no_count_fails() -> None:
    with pytest.raises(Invalid, match="the metric is no histogram and no summary"):
        after(subject(), "extract_count_metric(true)")
    made = after(subject(), "extract_count_metric(true)", mode="silent")
    assert {"h_count sum", "q_count sum"} < metrics(made).keys()


@pytest.mark.parametrize(
    ("statement", "signal", "problem"),
    [
        ("convert_sum_to_gauge()", Signal.TRACES, "is for whole metrics"),
        (
            "convert_sum_to_gauge() where datapoint.flags == 1",
            Signal.METRICS,
            "is for whole metrics",
        ),
        ('convert_gauge_to_sum("x", true)', Signal.METRICS, "expected delta or cumulative"),
        ("scale_metric(2.0)", Signal.METRICS, "`scale_metric` is not supported: set `datapoint."),
    ],
)
def test_they_are_for_whole_metrics_only(statement: str, signal: Signal, problem: str) -> None:
    with pytest.raises(StatementError, match=problem):
        Statement.compile(statement, signal)
