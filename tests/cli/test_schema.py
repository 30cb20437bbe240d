from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from penstock.cli.inventory import Installed, installed
from penstock.cli.schema import file_schema, suite_schema
from penstock.config.catalog import ALIASES, Kind
from penstock.config.document import plain
from penstock.config.read import read_text
from tests.test_docs import DOCUMENTS, ROOT, blocks

if TYPE_CHECKING:
    from penstock.cli.schema import Schema


@pytest.fixture(scope="module")
def schema() -> Schema:
    return file_schema(installed())


def faults(schema: Schema, text: str) -> list[str]:
    """Where and how YAML text, its references not replaced, differs from the schema."""
    errors = Draft202012Validator(schema).iter_errors(written(text))
    return [f"{error.json_path}: {error.message}" for error in errors]


def written(text: str) -> Any:
    """The values of YAML text, `${…}` as it stands there."""
    return plain(read_text(text.replace("$", "$$"), "text", {}).root)


def test_it_is_a_json_schema_of_2020_12(schema: Schema) -> None:
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(
    "block",
    [
        it
        for it in blocks("yaml", DOCUMENTS)
        if "drop_paths" not in str(it.values)  # not installed
        and "\ntests:" not in str(it.values[0])  # not settings
    ],
)
def test_examples_in_the_documents_are_valid(schema: Schema, block: str) -> None:
    assert faults(schema, block) == []


@pytest.mark.parametrize(
    "file", ["penstock/default.yaml", *(str(p) for p in (ROOT / "bench/configs").glob("*.yaml"))]
)
def test_files_that_ship_are_valid(schema: Schema, file: str) -> None:
    assert faults(schema, (ROOT / file).read_text()) == []


@pytest.mark.parametrize(
    "text",
    [
        "exporters: {otlp: {endpoint: a:1, timeout: 0}}",
        "exporters: {otlp: {endpoint: a:1, timeout: 1m30s}}",
        "exporters: {otlp: {endpoint: a:1, timeout: '${env:TIMEOUT}'}}",
        "exporters: {otlp: {endpoint: a:1, sending_queue: {queue_size: '${env:SIZE:-500}'}}}",
        "exporters: {otlp: {endpoint: a:1, sending_queue: {enabled: '${env:QUEUE}'}}}",
        "exporters: {otlp: {endpoint: a:1, sending_queue: '${file:queue.yaml}'}}",
        "exporters: {otlp: '${file:otlp.yaml}'}",
        "exporters: {otlp_grpc/eu: {endpoint: a:1, sending_queue: }}",
        "exporters: {otlphttp: {endpoint: 'http://a', compression: '${env:COMPRESSION}'}}",
        "exporters: {otlphttp: {endpoint: 'http://a', compression: ''}}",
        "exporters: {otlphttp: {endpoint: 'http://a', headers: {x-key: a}}}",
        "exporters: {otlphttp: {endpoint: 'http://a', headers: [{name: x-key, value: a}]}}",
        "exporters: {nop: , nop/2: {}, logging: {verbosity: basic}}",
        "exporters: {otlp: {endpoint: a:1, sending_queue: {blocking: true}}}",
        "service: {pipelines: {traces/eu: {receivers: [otlp/eu], exporters: [forward]}}}",
        "service: {pipelines: {traces: {exporters+: [nop]}}}",
        "service: {telemetry: {metrics: {level: DETAILED}, logs: {level: INFO}}}",
        "service: {telemetry: {resource: {attributes: [{name: zone, value: eu}]}}}",
        "receivers:\nservice: {telemetry: }",
    ],
)
def test_what_the_loader_takes_is_valid(schema: Schema, text: str) -> None:
    assert faults(schema, text) == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("exporter: {}", "$"),
        ("exporters: {oltp: {}}", "$.exporters"),
        ("exporters: {otlp: {endpiont: a:1, endpoint: a:1}}", "$.exporters.otlp"),
        ("exporters: {otlp: {}}", "$.exporters.otlp"),
        ("exporters: {otlp: }", "$.exporters.otlp"),
        ("exporters: {otlp: {endpoint: a:1, timeout: 5}}", "$.exporters.otlp.timeout"),
        ("exporters: {otlp: {endpoint: a:1, timeout: 5 s}}", "$.exporters.otlp.timeout"),
        ("exporters: {otlp: {endpoint: a:1, balancer_name: best}}", "$.exporters.otlp."),
        ("exporters: {otlp: {endpoint: a:1, wait_for_ready: 1}}", "$.exporters.otlp."),
        ("exporters: {otlp: {endpoint: a:1, sending_queue: {queue_size: 0}}}", "$.exporters.otlp."),
        ("receivers: {otlp: {protocols: {grpc: {endpoint: here}}}}", "$.receivers.otlp."),
        ("service: {pipelines: {tracs: {}}}", "$.service.pipelines"),
        ("service: {pipelines: {traces: {receivers: [tlp]}}}", "$.service.pipelines.traces."),
        ("service: {extensions: [otlp]}", "$.service.extensions"),
    ],
)
def test_a_mistake_is_marked_where_it_is(schema: Schema, text: str, place: str) -> None:
    (fault,) = faults(schema, text)
    assert fault.startswith(place)


def test_a_type_has_the_same_options_under_each_of_its_spellings(schema: Schema) -> None:
    for kind in Kind:
        options = schema["properties"][kind]["properties"]
        for other, ours in ALIASES.get(kind, {}).items():
            if ours in options:
                assert options[other] == options[ours]


def test_defaults_are_as_a_file_would_say_them(schema: Schema) -> None:
    for definition in schema["$defs"].values():
        for name, option in definition.get("properties", {}).items():
            if "default" in option:
                whole = {**option, "$schema": schema["$schema"], "$defs": schema["$defs"]}
                errors = list(Draft202012Validator(whole).iter_errors(option["default"]))
                assert errors == [], (definition["description"], name)


def test_a_component_without_a_package_that_it_needs_may_stand_in_a_file() -> None:
    broken = Installed(Kind.EXPORTERS, "kafka", (), "Send to Kafka.", fault="install it")

    schema = file_schema([broken])

    assert faults(schema, "exporters: {kafka: {topic: spans}}") == []
    assert "install it" in schema["properties"]["exporters"]["properties"]["kafka"]["description"]


def of_tests(text: str) -> list[str]:
    return faults(suite_schema(), text)


@pytest.mark.parametrize(
    "text",
    [
        *(path.read_text() for path in (ROOT / "examples").rglob("*_test.yaml")),
        *(it for it in blocks("yaml", DOCUMENTS) if "\ntests:" in str(it.values[0])),
    ],
)
def test_files_of_tests_have_a_schema_of_their_own(text: str) -> None:
    assert of_tests(text) == []


@pytest.mark.parametrize(
    "case",
    [
        "input: {file: spans.json}, expect: {count: 1}",
        "input: {resourceSpans: []}, expect: {refused: true}",
        "input: [{name: a, kind: SERVER, duration: 1s}], expect: {items: [{attributes: null}]}",
        "batches: [[{body: 1}], [{severity: WARN}]], expect: {pipelines: {logs: {count: 1}}}",
        "input: [{metric: m, value: 1.5, time: '2026-01-31T12:00:00Z'}], expect: {count: 1}",
        "input: [{name: '${env:NAME}'}], expect: {count: '${env:COUNT}'}",
    ],
)
def test_what_tests_may_say_is_valid(case: str) -> None:
    assert of_tests(f"config: a.yaml\ntests: [{{name: n, pipeline: traces, {case}}}]") == []


@pytest.mark.parametrize(
    ("case", "place"),
    [
        ("input: [{nmae: a}], expect: {count: 1}", "$.tests[0].input"),
        ("input: [], expect: {coutn: 1}", "$.tests[0].expect"),
        ("input: [], expect: {items: [{kind: SERVANT}]}", "$.tests[0].expect.items[0]"),
        ("input: []", "$.tests[0]"),
        ("input: [], expect: {}, exepct: {}", "$.tests[0]"),
    ],
)
def test_a_mistake_in_a_test_is_marked_where_it_is(case: str, place: str) -> None:
    (fault,) = of_tests(f"config: a.yaml\ntests: [{{name: n, pipeline: traces, {case}}}]")
    assert fault.startswith(place)


def test_the_schema_of_tests_is_a_json_schema() -> None:
    Draft202012Validator.check_schema(suite_schema())
