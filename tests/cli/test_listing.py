from __future__ import annotations

import json
from typing import TYPE_CHECKING

from penstock.cli.inventory import Installed, installed
from penstock.cli.listing import describe_components, list_components
from penstock.config.catalog import Kind

if TYPE_CHECKING:
    import pytest


def find(type_: str) -> list[Installed]:
    return [component for component in installed() if component.type == type_]


def test_a_line_has_kind_type_other_spelling_signals_stability_and_purpose(
    capsys: pytest.CaptureFixture[str],
) -> None:
    list_components(find("otlphttp"), as_json=False)

    (line,) = capsys.readouterr().out.splitlines()
    *facts, purpose = line.split("\t")
    assert facts[:4] == ["exporter", "otlphttp", "otlp_http", "all"]
    assert facts[4] in {"alpha", "beta", "stable"}
    assert purpose == "Send telemetry by OTLP/HTTP, in protobuf or JSON."


def test_a_component_that_cannot_be_used_is_listed_with_the_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    broken = Installed(Kind.EXPORTERS, "kafka", (), "Send to Kafka.", fault="install it")

    list_components([broken], as_json=False)
    describe_components([broken], as_json=False)

    listed, described = capsys.readouterr().out.splitlines()
    assert listed == "exporter\tkafka\t\t\tunavailable\tSend to Kafka. install it"
    assert described == "# exporter kafka: Send to Kafka. install it It has no options."


def test_a_program_gets_the_same_as_objects(capsys: pytest.CaptureFixture[str]) -> None:
    list_components(find("otlphttp"), as_json=True)

    (found,) = json.loads(capsys.readouterr().out)
    assert found.pop("stability")
    assert found == {
        "kind": "exporter",
        "type": "otlphttp",
        "aliases": ["otlp_http"],
        "signals": ["traces", "metrics", "logs"],
        "purpose": "Send telemetry by OTLP/HTTP, in protobuf or JSON.",
        "fault": None,
    }


def test_every_option_of_a_type_is_a_line_under_each_kind_that_has_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    describe_components(find("otlp"), as_json=False)

    lines = capsys.readouterr().out.splitlines()
    titles = [line.split(":")[0] for line in lines if line.startswith("#")]
    assert titles == ["# receiver otlp", "# exporter otlp or otlp_grpc"]
    assert "timeout\tduration or 0\t5s\tHow long one attempt may take." in lines


def test_options_are_objects_for_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    describe_components(find("batch"), as_json=True)

    (found,) = json.loads(capsys.readouterr().out)
    assert {
        "path": "timeout",
        "type": "duration or 0",
        "required": False,
        "default": "0.2s",
        "description": "How long items wait for a batch to fill; 0 passes on at once.",
    } in found["options"]
