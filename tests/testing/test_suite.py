"""Files of tests: what is wrong with them is told with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from penstock.pipeline.errors import ConfigError
from penstock.testing.suite import metric_name, read_tests
from tests.testing.suites import one, write

if TYPE_CHECKING:
    from pathlib import Path

SPAN = "input: [{name: order}]"


@pytest.mark.parametrize(
    ("pipeline", "test", "told"),
    [
        ("trace", f"{SPAN}\nexpect: {{}}", "4:5 tests[0].pipeline: there is no pipeline `trace`"),
        ("traces", f"{SPAN}\nexpct: {{}}", "did you mean `expect`?"),
        ("traces", SPAN, "tests[0].expect: is required"),
        ("traces", "expect: {}", "tests[0]: expected one of `input` and `batches`"),
        (
            "traces",
            f"{SPAN}\nbatches: []\nexpect: {{}}",
            "tests[0]: expected one of `input` and `batches`",
        ),
        (
            "traces",
            "input: [{nam: x}]\nexpect: {}",
            "5:14 tests[0].input[0].nam: unknown option; did you mean `name`?",
        ),
        ("traces", "input: [{body: x}]\nexpect: {}", "tests[0].input[0].body: unknown option"),
        ("traces", "input: [{kind: SERVR}]\nexpect: {}", "tests[0].input[0].kind: expected"),
        ("traces", "input: [{trace_id: xyz}]\nexpect: {}", "tests[0].input: "),
        ("traces", "input: {resourceSpan: 1}\nexpect: {items: [{nam: x}]}", "items[0].nam"),
        ("traces", "input: {file: none.json}\nexpect: {}", "No such file"),
        ("traces", "batches: [[{nam: x}]]\nexpect: {}", "tests[0].batches[0][0].nam"),
        ("metrics", "input: [{type: gauge, monotonic: true}]\nexpect: {}", "a gauge has no"),
        ("logs/in", "input: []\nexpect: {count: 1}", "`logs/in` leads to connectors alone"),
        ("logs", "input: [{time: noon}]\nexpect: {}", "tests[0].input[0].time: "),
        ("traces", f"{SPAN}\nexpect: {{dropped: {{btch: 1}}}}", "did you mean `batch`?"),
        ("traces", f"{SPAN}\nexpect: {{metrics: {{'a{{': 1}}}}", "expected a name, or name{label"),
        ("traces", f"{SPAN}\nexpect: {{pipelines: {{logs: {{}}}}}}", "no way from here"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    tmp_path: Path, pipeline: str, test: str, told: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read_tests(one(tmp_path, pipeline, test))
    lines = [f"{fault.place} {fault}" for fault in caught.value.faults]
    assert [line for line in lines if told in line]
    assert caught.value.faults[0].place.name.endswith("gateway_test.yaml")


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "  - {name: a, pipeline: nope, input: [], expect: {}}\n"
        "  - {name: b, pipeline: traces, input: [{nam: x}, {kin: SERVER}], expect: {}}\n",
    )
    with pytest.raises(ConfigError) as caught:
        read_tests(file)
    assert len(caught.value.faults) == 3


def test_settings_under_test_must_be_fit(tmp_path: Path) -> None:
    file = one(tmp_path, "traces", f"{SPAN}\nexpect: {{}}")
    (tmp_path / "gateway.yaml").write_text("receivers: {otpl: }\n")
    with pytest.raises(ConfigError, match="otpl"):
        read_tests(file)


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_tests(tmp_path / "none.yaml")


def test_input_may_be_otlp_json_here_or_in_a_file(tmp_path: Path) -> None:
    request = '{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "order"}]}]}]}'
    (tmp_path / "spans.json").write_text(request)
    for given in (request, "{file: spans.json}"):
        (test,) = read_tests(one(tmp_path, "traces", f"input: {given}\nexpect: {{}}"))
        assert test.batches[0].rows()[0]["name"] == "order"


def test_metrics_are_named_with_labels_or_without() -> None:
    assert metric_name("a_b") == ("a_b", {})
    assert metric_name('a{b="c", d="e"}') == ("a", {"b": "c", "d": "e"})
