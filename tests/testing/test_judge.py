"""Tests of settings are run, and what differs is told."""

from __future__ import annotations

from contextlib import chdir
from typing import TYPE_CHECKING

import pytest

from penstock.testing.judge import judge
from penstock.testing.suite import read_tests
from tests.kit import copy_examples
from tests.testing.suites import one

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.testing.compare import Difference


def verdict(file: Path) -> list[Difference]:
    """The differences of a file's one test."""
    (test,) = read_tests(file)
    with chdir(file.parent):
        return list(judge(test).differences)


INTO_BATCH = 'otelcol_processor_incoming_items{processor="batch"}'
SPANS = "input: [{name: order, attributes: {user: me, shop: eu}}, {name: probe}]"
LOGS = "input: [{body: hello}, {body: bye}]"


@pytest.mark.parametrize(
    ("pipeline", "test"),
    [
        ("traces", f"{SPANS}\nexpect: {{}}"),
        ("traces", f"{SPANS}\nexpect: {{items: [{{name: order}}, {{name: probe}}], count: 2}}"),
        ("traces", f"{SPANS}\nexpect: {{items: [{{attributes: {{user: null}}}}, {{}}]}}"),
        ("traces", "batches: [[{name: a}], [{name: b}]]\nexpect: {items: [{name: a}, {name: b}]}"),
        ("traces", "input: []\nexpect: {items: []}"),
        ("logs", f"{LOGS}\nexpect: {{count: 2, pipelines: {{logs/eu: {{items: []}}}}}}"),
        ("logs", f"{LOGS}\nexpect: {{dropped: {{python: 2, attributes: 0, forward: 0}}}}"),
        (
            "traces",
            SPANS
            + """\nexpect: {metrics: {'otelcol_processor_incoming_items{processor="batch"}': 2}}""",
        ),
        ("metrics", "input: [{metric: m, value: 1}]\nexpect: {items: [{metric: m, value: 1}]}"),
    ],
)
def test_what_comes_as_expected_passes(tmp_path: Path, pipeline: str, test: str) -> None:
    assert verdict(one(tmp_path, pipeline, test)) == []


@pytest.mark.parametrize(
    ("pipeline", "test", "told"),
    [
        (
            "traces",
            f"{SPANS}\nexpect: {{items: [{{name: cart}}, {{}}]}}",
            [("items[0].name", '"cart"', '"order"')],
        ),
        (
            "traces",
            f"{SPANS}\nexpect: {{items: [{{attributes: {{shop: null}}}}, {{}}]}}",
            [("items[0].attributes.shop", "nothing", '"eu"')],
        ),
        ("traces", f"{SPANS}\nexpect: {{count: 3}}", [("count", "3", "2")]),
        ("traces", f"{SPANS}\nexpect: {{refused: true}}", [("refused", "a refusal", "nothing")]),
        ("logs", f"{LOGS}\nexpect: {{dropped: {{python: 1}}}}", [("dropped.python", "1", "2")]),
        (
            "logs",
            f"{LOGS}\nexpect: {{metrics: {{nothing: 1}}}}",
            [("metrics.nothing", "1", "0")],
        ),
        (
            "logs",
            f"{LOGS}\nexpect: {{pipelines: {{logs/eu: {{count: 2}}}}}}",
            [("pipelines.logs/eu.count", "2", "0")],
        ),
    ],
)
def test_what_comes_otherwise_is_told(
    tmp_path: Path, pipeline: str, test: str, told: list[tuple[str, str, str]]
) -> None:
    assert verdict(one(tmp_path, pipeline, test)) == told


def refusing(folder: Path, test: str) -> Path:
    file = one(folder, "logs/eu", test)
    config = folder / "gateway.yaml"
    config.write_text(config.read_text().replace("error_mode: drop", "error_mode: propagate"))
    return file


def test_a_refusal_may_be_expected(tmp_path: Path) -> None:
    assert verdict(refusing(tmp_path, f"{LOGS}\nexpect: {{refused: true, count: 0}}")) == []


def test_a_refusal_that_is_not_expected_is_all_that_is_told(tmp_path: Path) -> None:
    (found,) = verdict(refusing(tmp_path, f"{LOGS}\nexpect: {{count: 2}}"))
    assert found == ("refused", "nothing", "Refused: the processor python failed")


def test_what_does_not_start_is_told(tmp_path: Path) -> None:
    file = one(tmp_path, "logs/eu", f"{LOGS}\nexpect: {{count: 2}}")
    (tmp_path / "fail.py").write_text("def process(batch): pass\n1 / 0\n")
    (found,) = verdict(file)
    assert "could not start: ZeroDivisionError at fail.py:2" in found.got


def test_the_examples_do_what_their_tests_say(tmp_path: Path) -> None:
    copy_examples(tmp_path)
    files = sorted(tmp_path.glob("*_test.yaml"))
    assert len(files) == len(list(tmp_path.glob("*.py")))
    with chdir(tmp_path):
        found = [judge(test) for file in files for test in read_tests(file)]
    assert [verdict for verdict in found if not verdict.passed] == []
