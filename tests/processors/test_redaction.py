"""The redaction processor."""

from __future__ import annotations

import time
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pydantic import ValidationError

from penstock.pipeline import Batch
from penstock.processors.redaction import Config, Redaction
from tests.kit import records, spans
from tests.processors.items import attributes_of, each, items, processed


def subject(**options: Any) -> Redaction:
    return Redaction(Config.model_validate(options))


def left(attributes: dict[str, Any], **options: Any) -> dict[str, Any]:
    """What is left of the attributes of one span."""
    (found,) = attributes_of(processed(subject(**options), items(attributes)))
    return found


@pytest.mark.parametrize(
    ("options", "before", "after"),
    [
        ({"allowed_keys": ["a"]}, {"a": 1, "b": 2}, {"a": 1}),
        ({}, {"a": 1}, {}),
        ({"allow_all_keys": True}, {"a": 1}, {"a": 1}),
        ({"ignored_keys": ["b"]}, {"a": "x", "b": "y"}, {"b": "y"}),
        ({"ignored_key_patterns": ["^b"]}, {"a": "x", "bb": "y"}, {"bb": "y"}),
        (
            {"allow_all_keys": True, "blocked_values": [r"\d{3}"], "ignored_keys": ["b"]},
            {"a": "no 123!", "b": "123", "c": 123},
            {"a": "no ****!", "b": "123", "c": 123},
        ),
        (
            {"allow_all_keys": True, "blocked_values": ["^4"], "redact_all_types": True},
            {"a": 456, "b": [4], "c": 4.5},
            {"a": "****56", "b": [4], "c": "****.5"},
        ),
        (
            {"allow_all_keys": True, "blocked_key_patterns": ["token"]},
            {"api_token": "abc", "token.n": 7, "b": "abc"},
            {"api_token": "****", "token.n": "****", "b": "abc"},
        ),
        (
            {"allow_all_keys": True, "blocked_values": ["@"], "allowed_values": ["@example.org$"]},
            {"a": "x@example.org", "b": "x@y"},
            {"a": "x@example.org", "b": "x****y"},
        ),
        (
            {"allow_all_keys": True, "blocked_kinds": ["email", "card"]},
            {"a": "a@b.org paid with 4111111111111111"},
            {"a": "**** paid with ****"},
        ),
    ],
)
def test_what_may_stay_stays(
    options: dict[str, Any], before: dict[str, Any], after: dict[str, Any]
) -> None:
    assert left(before, **options) == after
    many = {f"filler.{number}": "" for number in range(100)}
    options = {**options, "ignored_key_patterns": [*options.get("ignored_key_patterns", ()), "^f"]}
    assert left({**before, **many}, **options) == {**after, **many}


SUMMED = {
    "allowed_keys": ["a", "b", "c", "d", "e"],
    "ignored_keys": ["i"],
    "blocked_values": ["x"],
    "allowed_values": ["^fine"],
}


@pytest.mark.parametrize("filler", [0, 100])
def test_a_summary_tells_what_was_done_to_each_item(filler: int) -> None:
    many = {f"filler.{number}": 1 for number in range(filler)}
    batch = items(
        {"a": "x", "b": "x", "c": "fine x", "z": 1, "i": 1, "redaction.masked.keys": "q"},
        {"a": "y", "b": "x", "redaction.masked.count": 4},
        {"a": "y", "y": 1, "z": 1, **many},
    )
    done = attributes_of(processed(subject(**SUMMED, summary="debug"), batch))
    fillers = sorted(many)
    assert done == [
        {
            "a": "****",
            "b": "****",
            "c": "fine x",
            "i": 1,
            "redaction.redacted.count": 1,
            "redaction.redacted.keys": "z",
            "redaction.masked.count": 2,
            "redaction.masked.keys": "a,b,q",
            "redaction.allowed.count": 1,
            "redaction.allowed.keys": "c",
            "redaction.ignored.count": 1,
        },
        {"a": "y", "b": "****", "redaction.masked.count": 5, "redaction.masked.keys": "b"},
        {
            "a": "y",
            "redaction.redacted.count": 2 + filler,
            "redaction.redacted.keys": ",".join([*fillers, "y", "z"]),
        },
    ]
    informed = attributes_of(processed(subject(**SUMMED, summary="info"), batch))[2]
    assert informed == {"a": "y", "redaction.redacted.count": 2 + filler}


def test_resources_scopes_and_span_events_are_redacted_too() -> None:
    event = {"name": "e", "time_unix_nano": 1, "attributes": {"a": "no 1", "b": 2}}
    batch = spans(2).set("span.events", each([[event, event], []]))
    batch = batch.set("resource.attributes", {"a": "1", "b": 1}).set("scope.attributes", {"b": 1})
    done = processed(subject(allowed_keys=["a"], blocked_values=[r"\d"], summary="info"), batch)
    counts = {"redaction.redacted.count": 1}
    masked = {"redaction.masked.count": 1, **counts}
    assert done.column("resource.attributes").values == [{"a": "****", **masked}]
    assert done.column("scope.attributes").values == [counts]
    events = done.column("spanevent.attributes").to_list()
    assert events == [{"a": "no ****", **masked}] * 2


def test_a_key_that_occurs_twice_hides_nothing() -> None:
    request: Any = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    for value in ("fine", "a@b.org"):
        span.attributes.add(key="k").value.string_value = value
    batch = Batch.from_otlp("traces", request.SerializeToString())
    done = processed(subject(allow_all_keys=True, blocked_kinds=["email"]), batch)
    assert b"a@b.org" not in done.to_otlp()


def log(body: Any, **options: Any) -> tuple[Any, dict[str, Any]]:
    """What is left of the body and the attributes of a log record."""
    done = processed(subject(**options), records(1).set("log.body", each([body])))
    return done.column("log.body").values[0], attributes_of(done)[0]


def test_texts_in_bodies_are_masked() -> None:
    options = {"blocked_values": [r"\d+"], "summary": "debug"}
    told = {"redaction.body.masked.count": 1, "redaction.body.masked.keys": "body"}
    assert log("id 42", **options) == ("id ****", told)
    assert log(42, **options) == ("****", told)
    assert log("fine", **options) == ("fine", {})


def test_bodies_that_are_maps_are_redacted_all_the_way_down() -> None:
    body = {"a": [{"b": "id 42", "z": 1}, "7"], "k": "x", "z": {"b": 1}}
    left, told = log(
        body,
        allowed_keys=["a", "b", "k"],
        blocked_key_patterns=["^k"],
        blocked_values=[r"\d"],
        summary="debug",
    )
    assert left == {"a": [{"b": "id ********"}, "****"], "k": "****"}
    assert told == {
        "redaction.body.redacted.count": 2,
        "redaction.body.redacted.keys": "a.[0].z,z",
        "redaction.body.masked.count": 3,
        "redaction.body.masked.keys": "a.[0].b,a.[1],k",
    }


def test_a_batch_without_anything_to_hide_is_passed_on_as_it_is() -> None:
    batch = items({"a": "x"}, {"a": 1})
    assert subject(allow_all_keys=True, blocked_values=["y"]).process(batch) is batch


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"blocked_values": ["("]}, "unclosed group"),
        ({"summary": "all"}, "'silent', 'info' or 'debug'"),
        ({"hash_function": "crc32"}, "'sha1'"),
        ({"hash_function": "hmac-sha256", "hmac_key": "short"}, "32 bytes or more"),
        ({"blocked_kinds": ["phone"]}, "'email', 'card' or 'token'"),
        ({"url_sanitizer": {}}, "url_sanitizer"),
    ],
)
def test_what_cannot_be_done_is_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Config.model_validate(options)


def test_a_key_is_never_shown() -> None:
    key = "0123456789abcdef" * 2
    config = Config.model_validate({"hash_function": "HMAC-SHA256", "hmac_key": key})
    assert key not in repr(config)


@pytest.mark.parametrize("options", [{}, {"allow_all_keys": True, "blocked_kinds": ["email"]}])
def test_thousands_of_keys_cost_no_square(options: dict[str, Any]) -> None:
    batch: Batch = items({f"key.{number}": "a@b.org" for number in range(10_000)})
    before = time.process_time()
    processed(subject(**options), batch)
    assert time.process_time() - before < 2
