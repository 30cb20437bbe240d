"""Attributes by which what is made of spans is told apart."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pydantic import ValidationError

from penstock.connectors import _definitions as of
from penstock.connectors._dimensions import (
    OF_EVENTS,
    OF_SPANS,
    Dimensions,
    Selected,
    check_names,
    of_spans,
)
from penstock.connectors._measuring import Items
from penstock.pipeline import Batch, Signal
from tests.connectors.telling import put


def items(kind: str = "spans", **more: str) -> Items:
    """A span with an event, of which attributes say where they are."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    put(group.resource, {"here": "resource", "r": "resource", "a.r": "resource"} | more)
    span = group.scope_spans.add().spans.add(kind=99)
    put(span, {"here": "span", "s": "span", "a.s": "span"})
    put(span.events.add(), {"here": "event", "e": "event", "r": "event", "a.e": "event"})
    return Items(Batch.from_otlp(Signal.TRACES, request.SerializeToString()), of.KINDS[kind])


def said(found: Items, levels: tuple[str, ...], *wanted: dict[str, Any]) -> dict[str, Any]:
    """What the attributes are, without those that there are none of."""
    columns = Dimensions([Selected.model_validate(each) for each in wanted], levels).of(found)
    values = {name: column.to_list()[0] for name, column in columns.items()}
    return {name: value for name, value in values.items() if value is not None}


def test_what_is_nearer_to_the_item_counts() -> None:
    wanted = [{"name": name} for name in ("here", "s", "r", "e")]
    assert said(items(), OF_SPANS, *wanted) == {"here": "span", "s": "span", "r": "resource"}
    assert said(items("spanevents"), OF_EVENTS, *wanted) == {
        "here": "span",
        "s": "span",
        "r": "event",
        "e": "event",
    }


def test_what_is_missing_has_its_default() -> None:
    wanted = [{"name": "s", "default": "x"}, {"name": "q", "default": "x"}, {"name": "p"}]
    assert said(items(), OF_SPANS, *wanted) == {"s": "span", "q": "x"}


def test_globs_find_attributes_wherever_they_may_be() -> None:
    assert said(items("spanevents"), OF_EVENTS, {"glob": "a.*"}, {"name": "a.s"}) == {
        "a.s": "span",
        "a.e": "event",
        "a.r": "resource",
    }


def test_globs_find_no_more_attributes_than_there_can_be_columns() -> None:
    many = {f"b{number}": "x" for number in range(300)}
    assert len(said(items(**many), OF_SPANS, {"glob": "b*"})) == 100


def test_numbers_without_a_name_have_none() -> None:
    columns = of_spans(items())
    assert [column.to_list() for column in columns.values()] == [
        [None],
        [""],
        [""],
        ["STATUS_CODE_UNSET"],
    ]


@pytest.mark.parametrize(
    "settings",
    [{}, {"name": "a", "glob": "b"}, {"glob": "a*", "default": "x"}, {"name": ""}, {"glob": ""}],
)
def test_an_attribute_is_asked_for_by_a_name_or_by_a_glob(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Selected.model_validate(settings)


@pytest.mark.parametrize("wanted", [{"name": "span.name"}, {"glob": "span.*"}, {"name": "x"}])
def test_no_attribute_is_asked_for_twice(wanted: dict[str, Any]) -> None:
    wanted_too = [Selected(name="x"), Selected.model_validate(wanted)]
    with pytest.raises(ValueError, match="there already"):
        check_names(wanted_too, ["span.name"])
