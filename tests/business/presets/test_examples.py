"""The examples of presets do what their tests say."""

from __future__ import annotations

from contextlib import chdir
from pathlib import Path

import pytest

from penstock.business.presets import names
from penstock.business.wiring import indicators_of
from penstock.testing.judge import judge
from penstock.testing.suite import read_tests

EXAMPLES = Path(__file__).parents[3] / "examples" / "business"


@pytest.mark.parametrize("preset", names())
def test_numbers_are_those_that_were_worked_out_by_hand(preset: str) -> None:
    tests = read_tests(EXAMPLES / f"{preset}_test.yaml")
    assert all(indicators_of(it.settings)["business_metrics"].preset == preset for it in tests)
    with chdir(EXAMPLES):
        verdicts = [judge(test) for test in tests]
    assert [verdict for verdict in verdicts if not verdict.passed] == []
