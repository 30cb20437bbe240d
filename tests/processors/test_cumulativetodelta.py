from __future__ import annotations

import time
from typing import Any

import pytest
from pydantic import ValidationError

from penstock.processors import cumulativetodelta
from tests.kit import context_without_tasks
from tests.processors.temporality import CUMULATIVE, DELTA, metrics, told


def delta(**options: Any) -> cumulativetodelta.CumulativeToDelta:
    return cumulativetodelta.Config.model_validate(options).build(context_without_tasks())


def test_counts_and_histograms_become_deltas_and_nothing_else_changes() -> None:
    processor = delta(initial_value="keep")
    first = told(processor.process(metrics(10, CUMULATIVE, value=3)))
    second = told(processor.process(metrics(20, CUMULATIVE, value=5)))
    assert first == {
        "up": (DELTA, 3),
        "level": (CUMULATIVE, 3),
        "latency": (DELTA, 3),
        "size": (DELTA, 3),
        "now": (0, 3),
    }
    assert second == {
        "up": (DELTA, 2),
        "level": (CUMULATIVE, 5),
        "latency": (DELTA, 2),
        "size": (DELTA, 2),
        "now": (0, 5),
    }


@pytest.mark.parametrize(
    ("initial_value", "start", "kept"),
    [
        ("keep", 1, True),
        ("drop", 2**62, False),
        ("auto", 1, False),
        ("auto", 0, False),
        ("auto", 2**62, True),
        ("auto", 2**62 + 10, False),
    ],
)
def test_first_points_stay_as_initial_value_says(
    initial_value: str, start: int, kept: bool
) -> None:
    processor = delta(initial_value=initial_value)
    result = told(processor.process(metrics(2**62 + 10, CUMULATIVE, start=start)))
    assert ("up" in result) is kept


def test_auto_means_later_than_the_start_of_penstock() -> None:
    processor = delta()
    later = time.time_ns()
    assert "up" in told(processor.process(metrics(later + 10, CUMULATIVE, start=later)))


@pytest.mark.parametrize(
    ("options", "converted"),
    [
        ({"include": {"metrics": ["up"], "match_type": "strict"}}, {"up"}),
        ({"include": {"metrics": ["u"], "match_type": "strict"}}, set()),
        ({"include": {"metrics": ["^l"], "match_type": "regexp"}}, {"latency"}),
        ({"include": {"metric_types": ["sum"]}}, {"up"}),
        ({"exclude": {"metric_types": ["sum"]}}, {"latency", "size"}),
        ({"exclude": {"metrics": ["u", "i"], "match_type": "regexp"}}, {"latency"}),
    ],
)
def test_only_chosen_metrics_are_converted(options: dict[str, Any], converted: set[str]) -> None:
    result = told(delta(initial_value="keep", **options).process(metrics(10, CUMULATIVE)))
    assert {name for name, (kind, _) in result.items() if kind == DELTA} == converted


def test_names_without_a_match_type_are_refused() -> None:
    with pytest.raises(ValidationError, match="needs a `match_type`"):
        delta(include={"metrics": ["up"]})


def test_late_points_are_dropped_and_counted() -> None:
    processor = delta(initial_value="keep")
    processor.process(metrics(10, CUMULATIVE))
    assert set(told(processor.process(metrics(10, CUMULATIVE)))) == {"level", "now"}
    assert processor._losses.counters["late"].value == 3
