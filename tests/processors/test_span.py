"""The span processor."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from penstock.pipeline import Batch, Signal
from penstock.processors.span import Config, SpanProcessor
from tests.processors.items import attributes_of, each, items, processed


def subject(**options: Any) -> SpanProcessor:
    return SpanProcessor(Config.model_validate(options))


def named(*names: str) -> Batch:
    return items(*({} for _ in names)).set("span.name", each(list(names)))


def names(batch: Batch) -> list[str]:
    return batch.column("span.name").to_list()


def test_a_name_is_made_of_attributes_if_all_are_there() -> None:
    batch = items(
        {"db": "orders", "op": "get", "n": 2.5},
        {"db": "orders", "n": True, "op": 7},
        {"db": "orders", "op": [1], "n": 1},
        {"db": "orders"},
        {},
    )
    done = processed(subject(name={"from_attributes": ["db", "op", "n"], "separator": "::"}), batch)
    assert names(done) == [
        "orders::get::2.5",
        "orders::7::true",
        "orders::<unknown-attribute-type>::1",
        "span 3",
        "span 4",
    ]
    assert attributes_of(done) == attributes_of(batch)


def test_groups_of_a_rule_become_attributes_and_leave_their_names() -> None:
    rules = [r"^/api/v1/document/(?P<document>[^/]+)/(?P<verb>\w+)$"]
    done = processed(
        subject(name={"to_attributes": {"rules": rules}}),
        named("/api/v1/document/ä🦀/update", "/api/v2", ""),
    )
    assert names(done) == ["/api/v1/document/{document}/{verb}", "/api/v2", ""]
    assert attributes_of(done) == [{"document": "ä🦀", "verb": "update"}, {}, {}]


@pytest.mark.parametrize(
    ("options", "name", "attributes"),
    [
        ({}, "{a}-{b}", {"a": "x", "b": "y"}),
        ({"break_after_match": True}, "{a}-y", {"a": "x"}),
        ({"keep_original_name": True}, "x-y", {"a": "x", "b": "y"}),
    ],
)
def test_each_rule_works_on_what_the_one_before_has_left(
    options: dict[str, Any], name: str, attributes: dict[str, str]
) -> None:
    rules = [r"^(?P<a>x)", r"(?P<b>y)$"]
    done = processed(subject(name={"to_attributes": {"rules": rules, **options}}), named("x-y"))
    assert names(done) == [name]
    assert attributes_of(done) == [attributes]


def test_a_group_that_takes_no_part_is_an_empty_attribute() -> None:
    rules = [r"^(?P<a>x)?(?P<b>y(?P<c>z))"]
    done = processed(subject(name={"to_attributes": {"rules": rules}}), named("yz!"))
    assert names(done) == ["{b}!"]
    assert attributes_of(done) == [{"a": "", "b": "yz", "c": "z"}]


def test_rules_see_the_name_that_attributes_have_made() -> None:
    options = {"from_attributes": ["path"], "to_attributes": {"rules": [r"/(?P<id>\d+)"]}}
    done = processed(subject(name=options), items({"path": "/users/42"}))
    assert names(done) == ["/users/{id}"]
    assert attributes_of(done) == [{"path": "/users/42", "id": "42"}]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"code": "Error", "description": "bad"}, (2, "bad")),
        ({"code": "Ok"}, (1, "")),
        ({"code": "Unset"}, (0, "")),
    ],
)
def test_the_status_is_set(status: dict[str, str], expected: tuple[int, str]) -> None:
    batch = named("a").set("span.status", {"code": 2, "message": "was"})
    done = processed(subject(status=status), batch)
    code = done.column("span.status.code").to_list()
    assert (*code, *done.column("span.status.message").to_list()) == expected


def test_only_what_is_included_is_worked_on() -> None:
    chosen = {"match_type": "strict", "span_names": ["b"]}
    done = processed(subject(status={"code": "Error"}, include=chosen), named("a", "b"))
    assert done.column("span.status.code").to_list() == [0, 2]
    untouched = named("a")
    assert subject(status={"code": "Error"}, include=chosen).process(untouched) is untouched


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, "expected name.from_attributes"),
        ({"name": {"separator": "-"}}, "expected name.from_attributes"),
        ({"status": {"code": "OK"}}, "'Unset', 'Ok' or 'Error'"),
        ({"status": {"code": "Ok", "description": "x"}}, "goes with `code: Error`"),
        ({"name": {"to_attributes": {"rules": ["("]}}}, "unclosed group"),
        ({"name": {"to_attributes": {"rules": ["(a)"]}}}, "every group needs a name"),
    ],
)
def test_what_does_nothing_or_cannot_be_done_is_refused(
    options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValidationError, match=problem):
        Config.model_validate(options)


def test_only_spans_have_it() -> None:
    assert Config.signals == {Signal.TRACES}
