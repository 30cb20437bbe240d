"""`include` and `exclude`, as the Collector documents them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from penstock.config.load import load_text
from penstock.pipeline import Batch, Signal
from penstock.pipeline.errors import ConfigError
from penstock.processors._match import Matcher, MatchProperties, Selection
from tests.processors.items import MAKE, each


def batch_of(signal: str, *items: dict[str, Any]) -> Batch:
    """Items with these values by path."""
    edits = MAKE[signal](len(items)).edit()
    for path in dict.fromkeys(path for item in items for path in item):
        edits.set(path, each([item.get(path) for item in items]))
    return edits.apply()


def matched(signal: str, properties: dict[str, Any], *items: dict[str, Any]) -> list[bool]:
    """For each item alone, whether it matches."""
    matcher = Matcher(MatchProperties.model_validate(properties))
    return [bool(matcher.mask(batch_of(signal, item))[0]) for item in items]


SERVICE = 'resource.attributes["service.name"]'


@pytest.mark.parametrize(
    ("signal", "properties", "yes", "no"),
    [
        ("traces", {"services": ["a", "b"]}, [{SERVICE: "a"}, {SERVICE: "b"}], [{SERVICE: "ab"}]),
        ("traces", {"services": ["<nil-service-name>"]}, [{}], [{SERVICE: "a"}]),
        ("traces", {"span_names": ["x"]}, [{"span.name": "x"}], [{"span.name": "xy"}]),
        ("traces", {"span_kinds": ["SPAN_KIND_SERVER"]}, [{"span.kind": 2}], [{"span.kind": 3}]),
        (
            "traces",
            {"attributes": [{"key": "a"}, {"key": "b", "value": 1}]},
            [{'span.attributes["a"]': "", 'span.attributes["b"]': 1}],
            [
                {'span.attributes["a"]': "", 'span.attributes["b"]': "1"},
                {'span.attributes["a"]': "", 'span.attributes["b"]': True},
                {'span.attributes["b"]': 1},
            ],
        ),
        (
            "traces",
            {"resources": [{"key": "host", "value": "h"}]},
            [{'resource.attributes["host"]': "h"}],
            [{'resource.attributes["host"]': "i"}, {}],
        ),
        (
            "traces",
            {"libraries": [{"name": "l", "version": ""}, {"name": "m"}]},
            [{"scope.name": "l"}, {"scope.name": "m", "scope.version": "2"}],
            [{"scope.name": "l", "scope.version": "1"}, {}],
        ),
        (
            "traces",
            {"services": ["a"], "span_names": ["x"]},
            [{SERVICE: "a", "span.name": "x"}],
            [{SERVICE: "a", "span.name": "y"}, {SERVICE: "b", "span.name": "x"}],
        ),
        ("logs", {"log_bodies": ["b"]}, [{"log.body": "b"}], [{"log.body": "bc"}]),
        ("logs", {"log_bodies": ['{"a":1}']}, [{"log.body": {"a": 1}}], [{"log.body": "a"}]),
        ("logs", {"log_severity_texts": ["E"]}, [{"log.severity_text": "E"}], [{}]),
        (
            "logs",
            {"log_severity_number": {"min": 9}},
            [{"log.severity_number": 9}, {"log.severity_number": 24}],
            [{"log.severity_number": 8}, {}],
        ),
        (
            "logs",
            {"log_severity_number": {"min": 9, "match_undefined": True}},
            [{}, {"log.severity_number": 9}],
            [{"log.severity_number": 8}],
        ),
        ("metrics", {"metric_names": ["m"]}, [{"metric.name": "m"}], [{"metric.name": "n"}]),
    ],
)
def test_strict_properties_are_equal(
    signal: str, properties: dict[str, Any], yes: list[dict[str, Any]], no: list[dict[str, Any]]
) -> None:
    strict = {"match_type": "strict", **properties}
    assert matched(signal, strict, *yes, *no) == [True] * len(yes) + [False] * len(no)


@pytest.mark.parametrize(
    ("properties", "yes", "no"),
    [
        ({"span_names": ["^GET", "x$"]}, [{"span.name": "GET /"}], [{"span.name": "PUT /"}]),
        ({"span_kinds": ["SERVER|CLIENT"]}, [{"span.kind": 3}], [{"span.kind": 1}]),
        (
            {"attributes": [{"key": "a", "value": "^(true|1.*)$"}]},
            [{'span.attributes["a"]': value} for value in (True, 1, 1.5, "1")],
            [{'span.attributes["a"]': value} for value in (2, False, ["1"])],
        ),
        (
            {"libraries": [{"name": "^io", "version": "^2"}]},
            [{"scope.name": "io", "scope.version": "2.1"}],
            [{"scope.name": "io"}],
        ),
    ],
)
def test_regular_expressions_are_found_anywhere(
    properties: dict[str, Any], yes: list[dict[str, Any]], no: list[dict[str, Any]]
) -> None:
    regexp = {"match_type": "regexp", **properties}
    assert matched("traces", regexp, *yes, *no) == [True] * len(yes) + [False] * len(no)


def test_what_is_excluded_is_left_out_of_what_is_included() -> None:
    def named(*names: str) -> MatchProperties:
        return MatchProperties(match_type="strict", span_names=names)

    batch = batch_of("traces", *({"span.name": name} for name in "abc"))
    chosen = Selection(named("a", "b"), named("b", "c")).mask(batch)
    assert chosen is not None
    assert chosen.tolist() == [True, False, False]
    assert Selection(None, None).mask(batch) is None


@pytest.mark.parametrize(
    ("properties", "problem"),
    [
        ({"match_type": "strict"}, "at least one property"),
        ({"span_names": ["a"]}, "match_type"),
        ({"match_type": "glob", "span_names": ["a"]}, "'strict' or 'regexp'"),
        ({"match_type": "strict", "span_kinds": ["SERVER"]}, "found 'SERVER'"),
        ({"match_type": "regexp", "span_names": ["("]}, "unclosed group"),
        ({"match_type": "regexp", "libraries": [{"name": "a", "version": "["}]}, "unclosed"),
        ({"match_type": "regexp", "attributes": [{"key": "a", "value": 1}]}, "a value is a text"),
        ({"match_type": "strict", "attributes": [{"key": ""}]}, "at least 1 character"),
        ({"match_type": "strict", "span_names": ["a"], "regexp": {}}, "regexp"),
    ],
)
def test_properties_that_cannot_be_matched_are_refused(
    properties: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValidationError, match=problem):
        MatchProperties.model_validate(properties)


@pytest.mark.parametrize(
    ("signal", "properties", "problem"),
    [
        (Signal.TRACES, {"log_bodies": ["a"]}, "`log_bodies` does not apply to traces"),
        (Signal.LOGS, {"span_names": ["a"]}, "`span_names` does not apply to logs"),
        (Signal.METRICS, {"attributes": [{"key": "a"}]}, "`attributes` does not apply to metrics"),
        (Signal.TRACES, {"services": []}, "expected one of attributes"),
        (Signal.TRACES, {"services": ["a"]}, None),
    ],
)
def test_properties_belong_to_a_signal(
    signal: Signal, properties: dict[str, Any], problem: str | None
) -> None:
    found = MatchProperties.model_validate({"match_type": "strict", **properties}).misfit(signal)
    assert (found or "").startswith(problem or "")
    assert bool(found) == bool(problem)


def test_a_file_is_told_where_properties_do_not_belong() -> None:
    text = """
        receivers: {otlp: {protocols: {grpc: }}}
        processors:
          attributes:
            include: {match_type: strict, log_bodies: [a]}
            actions: [{key: a, action: delete}]
        exporters: {nop: }
        service:
          pipelines:
            traces: {receivers: [otlp], processors: [attributes], exporters: [nop]}
    """
    with pytest.raises(ConfigError, match="include: `log_bodies` does not apply to traces"):
        load_text(text, "gateway.yaml")
