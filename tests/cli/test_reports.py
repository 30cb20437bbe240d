from __future__ import annotations

import json

import pytest

from penstock.cli.reports import print_refusal, print_verdict, print_warnings
from penstock.config.load import load_text
from penstock.config.problems import Fault, Place
from penstock.pipeline.errors import ConfigError

FAULT = Fault(
    Place(3, 5, "a.yaml"), ("service", "pipelines", 0), "unknown option; did you mean `one`?"
)


def test_a_program_gets_each_problem_with_its_place_and_its_suggestion(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_verdict([FAULT], [])

    assert json.loads(capsys.readouterr().out) == {
        "valid": False,
        "problems": [
            {
                "file": "a.yaml",
                "line": 3,
                "column": 5,
                "path": "service.pipelines[0]",
                "message": "unknown option; did you mean `one`?",
                "suggestion": "one",
            }
        ],
        "warnings": [],
    }


def test_settings_with_warnings_alone_are_valid(capsys: pytest.CaptureFixture[str]) -> None:
    print_verdict([], [FAULT])

    verdict = json.loads(capsys.readouterr().out)
    assert verdict["valid"]
    assert len(verdict["warnings"]) == 1


def test_a_person_gets_the_report_as_it_is_and_warnings_on_stderr(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_text("exporter: {}", "a.yaml", {})
    print_refusal(caught.value)
    print_warnings([FAULT])

    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"{caught.value}\nwarning: {FAULT.line}\n"
