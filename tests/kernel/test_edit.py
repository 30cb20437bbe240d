"""Edits against the official protobuf library: what it leaves when it does the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from penstock.pipeline import Batch
from penstock.pipeline.batch import Column
from tests.kernel.messages import REQUESTS, SIGNALS, payloads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from google.protobuf.message import Message

    Parents = tuple[Message, ...]
    """Resource group, scope group, perhaps metric and data, and item."""

signals = pytest.mark.parametrize("signal", SIGNALS)
KEYS = ["a", "b", 'ä"\\/\u2028\0🦀', "new"]

GROUPS = {
    "traces": ("resource_spans", "scope_spans", "spans"),
    "metrics": ("resource_metrics", "scope_metrics", "metrics"),
    "logs": ("resource_logs", "scope_logs", "log_records"),
}


def items(signal: str, request: Message) -> Iterator[Parents]:
    groups, scopes, members = GROUPS[signal]
    for group in getattr(request, groups):
        for scope in getattr(group, scopes):
            for member in getattr(scope, members):
                if signal != "metrics":
                    yield group, scope, member
                    continue
                data = member.WhichOneof("data")
                for point in getattr(member, data).data_points if data else ():
                    yield group, scope, member, getattr(member, data), point


_MEMBERS = {bool: "bool", int: "int", float: "double", str: "string", bytes: "bytes"}


def encode(value: Any) -> AnyValue:
    made = AnyValue()
    if isinstance(value, list):
        made.array_value.SetInParent()
        made.array_value.values.extend(map(encode, value))
    elif isinstance(value, dict):
        made.kvlist_value.SetInParent()
        made.kvlist_value.values.extend(pairs(value))
    elif value is not None:
        setattr(made, f"{_MEMBERS[type(value)]}_value", value)
    return made


def pairs(value: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=encode(inner)) for key, inner in value.items()]


def put(attributes: Any, key: str, value: Any) -> None:
    """Set or, for None, delete an attribute: one pair of the key stays, in the first place."""
    places = [place for place, pair in enumerate(attributes) if pair.key == key]
    for place in reversed(places if value is None else places[1:]):
        del attributes[place]
    if value is not None:
        if not places:
            attributes.add(key=key)
        pair = attributes[places[0]] if places else attributes[-1]
        pair.Clear()
        pair.key = key
        pair.value.CopyFrom(encode(value))


def put_field(message: Any, name: str, value: Any) -> None:
    message.ClearField(name)
    if value is not None:
        setattr(message, name, value)


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(max_size=5),
    st.binary(max_size=5),
)
any_values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
texts = st.none() | st.text(max_size=5)
uint32s = st.none() | st.integers(0, 2**32 - 1)
uint64s = st.none() | st.integers(0, 2**64 - 1)
ids = st.none() | st.binary(max_size=16)

Place = tuple[str, st.SearchStrategy[Any], "Callable[[Parents, Any], None]"]


def attributes_of(context: str, find: Callable[[Parents], Any]) -> list[Place]:
    def at(key: str) -> Place:
        escaped = key.replace("\\", "\\\\").replace('"', '\\"').replace("\0", "\\u0000")
        return (
            f'{context}.attributes["{escaped}"]',
            any_values,
            lambda parents, value: put(find(parents), key, value),
        )

    return [at(key) for key in KEYS]


def field_of(
    path: str, values: st.SearchStrategy[Any], level: int, inside: str | None = None
) -> Place:
    def edit(parents: Parents, value: Any) -> None:
        message, name = parents[level], path.rsplit(".", 1)[1]
        if inside:
            if value is None and not message.HasField(inside):
                return
            message = getattr(message, inside)
            message.SetInParent()
        if name in message.DESCRIPTOR.fields_by_name:
            put_field(message, name, value)

    return path, values, edit


def body(parents: Parents, value: Any) -> None:
    log: Any = parents[-1]
    log.ClearField("body")
    if value is not None:
        log.body.CopyFrom(encode(value))


def value_of_point(parents: Parents, value: Any) -> None:
    point: Any = parents[-1]
    if point.DESCRIPTOR.name != "NumberDataPoint":
        return
    point.ClearField("as_int")
    point.ClearField("as_double")
    if value is not None:
        setattr(point, "as_int" if isinstance(value, int) else "as_double", value)


def all_attributes(parents: Parents, value: Any) -> None:
    item: Any = parents[-1]
    del item.attributes[:]
    item.attributes.extend(pairs(value or {}))


def status(parents: Parents, value: Any) -> None:
    span: Any = parents[-1]
    span.ClearField("status")
    if value is not None:
        span.status.SetInParent()
        for name, inner in value.items():
            setattr(span.status, name, inner)


def events(parents: Parents, value: Any) -> None:
    span: Any = parents[-1]
    del span.events[:]
    for event in value or ():
        made = span.events.add(name=event["name"], time_unix_nano=event["time_unix_nano"])
        made.attributes.extend(pairs(event["attributes"]))


maps = st.none() | st.dictionaries(st.sampled_from(KEYS), any_values, max_size=3)
COMMON: list[Place] = [
    *attributes_of("resource", lambda parents: parents[0].resource.attributes),  # type: ignore[attr-defined]
    *attributes_of("scope", lambda parents: parents[1].scope.attributes),  # type: ignore[attr-defined]
    field_of("resource.dropped_attributes_count", uint32s, 0, "resource"),
    field_of("resource.schema_url", texts, 0),
    field_of("scope.name", texts, 1, "scope"),
    field_of("scope.version", texts, 1, "scope"),
]
PLACES: dict[str, list[Place]] = {
    "traces": [
        *COMMON,
        *attributes_of("span", lambda parents: parents[-1].attributes),  # type: ignore[attr-defined]
        *(field_of(f"span.{name}", texts, -1) for name in ("name", "trace_state")),
        *(field_of(f"span.{name}", ids, -1) for name in ("trace_id", "span_id")),
        field_of("span.kind", st.none() | st.integers(-(2**31), 2**31 - 1), -1),
        field_of("span.start_time_unix_nano", uint64s, -1),
        field_of("span.flags", uint32s, -1),
        field_of("span.status.message", texts, -1, "status"),
        field_of("span.status.code", st.none() | st.integers(0, 3), -1, "status"),
        ("span.attributes", maps, all_attributes),
        (
            "span.status",
            st.none() | st.fixed_dictionaries({"message": st.text(max_size=3)}),
            status,
        ),
        (
            "span.events",
            st.none()
            | st.lists(
                st.fixed_dictionaries(
                    {
                        "name": st.text(max_size=3),
                        "time_unix_nano": st.integers(0, 2**64 - 1),
                        "attributes": st.dictionaries(st.text(max_size=3), any_values, max_size=2),
                    }
                ),
                max_size=2,
            ),
            events,
        ),
    ],
    "logs": [
        *COMMON,
        *attributes_of("log", lambda parents: parents[-1].attributes),  # type: ignore[attr-defined]
        ("log.body", any_values, body),
        ("log.attributes", maps, all_attributes),
        field_of("log.severity_text", texts, -1),
        field_of("log.severity_number", st.none() | st.integers(0, 24), -1),
        field_of("log.time_unix_nano", uint64s, -1),
        field_of("log.event_name", texts, -1),
    ],
    "metrics": [
        *COMMON,
        *attributes_of("datapoint", lambda parents: parents[-1].attributes),  # type: ignore[attr-defined]
        *(field_of(f"metric.{name}", texts, 2) for name in ("name", "description", "unit")),
        *(field_of(f"datapoint.{name}", uint64s, -1) for name in ("time_unix_nano", "count")),
        field_of("datapoint.flags", uint32s, -1),
        field_of("metric.aggregation_temporality", st.none() | st.integers(0, 2), 3),
        field_of("metric.is_monotonic", st.none() | st.booleans(), 3),
        (
            "datapoint.value",
            st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats(),
            value_of_point,
        ),
    ],
}


LEVELS = {"resource": 0, "scope": 1, "metric": 2}
"""Of those who share a parent, the last one's value counts."""


def canonical(request: Message) -> bytes:
    return request.SerializeToString(deterministic=True)


@signals
@given(data=st.data())
def test_an_edit_does_what_the_official_library_does(signal: str, data: st.DataObject) -> None:
    payload = data.draw(payloads(signal))
    request = REQUESTS[signal].FromString(payload)
    batch = Batch.from_otlp(signal, payload)
    edits = batch.edit()
    for path, values, oracle in data.draw(st.lists(st.sampled_from(PLACES[signal]), max_size=3)):
        column = data.draw(st.lists(values, min_size=1, max_size=3))
        codes = data.draw(
            st.lists(st.integers(0, len(column) - 1), min_size=len(batch), max_size=len(batch))
        )
        mask = data.draw(st.lists(st.booleans(), min_size=len(batch), max_size=len(batch)))
        edits.set(
            path, Column(np.array(codes, dtype=np.uint32), column), np.array(mask, dtype=np.bool_)
        )
        members = list(items(signal, request))
        level = LEVELS.get(path.partition(".")[0], -1)
        last = {id(members[i][level]): i for i, wanted in enumerate(mask) if wanted}
        for i in last.values():
            oracle(members[i], column[codes[i]])
    edited = edits.apply()
    assert canonical(REQUESTS[signal].FromString(edited.to_otlp())) == canonical(request)
    again = Batch.from_otlp(signal, edited.to_otlp())
    assert [part.to_otlp() for part in edited.split(max_items=1)] == [
        part.to_otlp() for part in again.split(max_items=1)
    ]


ATTRIBUTES = {
    "traces": "span.attributes",
    "metrics": "datapoint.attributes",
    "logs": "log.attributes",
}


@signals
@given(data=st.data())
def test_keys_are_those_of_every_item_and_can_be_kept(signal: str, data: st.DataObject) -> None:
    payload = data.draw(payloads(signal))
    request = REQUESTS[signal].FromString(payload)
    batch = Batch.from_otlp(signal, payload)
    members: list[Any] = [parents[-1] for parents in items(signal, request)]
    found = dict.fromkeys(pair.key for member in members for pair in member.attributes)
    assert batch.keys(ATTRIBUTES[signal]) == list(found)
    assert batch.repeats(ATTRIBUTES[signal]) == any(
        len({pair.key for pair in member.attributes}) < len(member.attributes) for member in members
    )
    kept = data.draw(st.sets(st.sampled_from([*found, "new"])))
    mask = data.draw(st.lists(st.booleans(), min_size=len(batch), max_size=len(batch)))
    for member, wanted in zip(members, mask, strict=True):
        for place in reversed(range(len(member.attributes) if wanted else 0)):
            if member.attributes[place].key not in kept:
                del member.attributes[place]
    edited = (
        batch.edit().keep_keys(ATTRIBUTES[signal], kept, np.array(mask, dtype=np.bool_)).apply()
    )
    assert canonical(REQUESTS[signal].FromString(edited.to_otlp())) == canonical(request)


def span_with(**attributes: Any) -> Batch:
    request: Any = REQUESTS["traces"]()
    span = request.resource_spans.add().scope_spans.add().spans.add(name="a")
    span.attributes.extend(pairs(attributes))
    return Batch.from_otlp("traces", request.SerializeToString())


def attributes_after(batch: Batch) -> dict[str, Any]:
    found: dict[str, Any] = batch.rows()[0].get("attributes", {})
    return found


def test_an_entry_of_a_map_is_set_where_it_lies_and_made_where_it_is_absent() -> None:
    batch = span_with(user={"id": 1, "name": {"first": "Ada"}}, plain="x")
    edits = batch.edit()
    edits.set('span.attributes["user"]["id"]', 2)
    edits.set('span.attributes["user"]["name"]["last"]', "L")
    edits.set('span.attributes["new"]["deep"]["er"]', True)
    edits.set('span.attributes["plain"]["id"]', 3)
    edits.delete('span.attributes["user"]["name"]["first"]')
    edits.delete('span.attributes["gone"]["deep"]')
    assert attributes_after(edits.apply()) == {
        "user": {"id": 2, "name": {"last": "L"}},
        "plain": "x",
        "new": {"deep": {"er": True}},
    }


def test_a_key_that_occurs_twice_occurs_once_when_set_and_not_at_all_when_deleted() -> None:
    request: Any = REQUESTS["traces"]()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    for value in ("one", "two"):
        span.attributes.add(key="k").value.string_value = value
    batch = Batch.from_otlp("traces", request.SerializeToString())
    assert batch.set('span.attributes["k"]', "***").to_otlp().count(b"\x01k") == 1
    assert b"two" not in batch.delete('span.attributes["k"]').to_otlp()


def test_of_the_items_of_one_resource_the_last_says_what_becomes_of_it() -> None:
    request: Any = REQUESTS["traces"]()
    scope = request.resource_spans.add().scope_spans.add()
    scope.spans.add(name="a")
    scope.spans.add(name="b")
    batch = Batch.from_otlp("traces", request.SerializeToString())
    named = batch.set('resource.attributes["from"]', batch.column("span.name"))
    assert named.column('resource.attributes["from"]').to_list() == ["b", "b"]


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("span.name", 1, "expected str, found int"),
        ("span.name", "\ud800", "surrogates"),
        ("span.kind", "SERVER", "expected int, found str"),
        ("span.kind", True, "expected int, found bool"),
        ("span.kind", 2**31, "out of the field's range"),
        ("span.flags", -1, "out of the field's range"),
        ("span.trace_id", "xyz", "an id in hex"),
        ("span.start_time_unix_nano", 1.5, "expected int, found float"),
        ("span.attributes", [], "expected dict, found list"),
        ('span.attributes["a"]', {1, 2}, "expected list, found set"),
        ('span.attributes["a"]', 2**63, "out of the field's range"),
        ('span.attributes["a"]', {1: 2}, "expected str, found int"),
        ("span.status", {"colour": 1}, "Status has no field colour"),
        ("span.duration", 1, "cannot be set"),
        ("span.no_such", 1, "is not a path"),
    ],
)
def test_what_a_field_cannot_hold_is_refused_with_its_path(
    path: str, value: Any, problem: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=problem) as fault:
        span_with().set(path, value)
    assert path in str(fault.value)


def nested(depth: int) -> Any:
    return {"k": nested(depth - 1)} if depth else "x"


def test_a_value_may_be_nested_as_deep_as_receivers_accept_and_no_deeper() -> None:
    batch = span_with().set('span.attributes["a"]', nested(28))
    assert Batch.from_otlp("traces", batch.to_otlp()).rows() == batch.rows()
    with pytest.raises(ValueError, match="nested too deeply"):
        span_with().set('span.attributes["a"]', nested(29))


def test_codes_must_be_as_many_as_items() -> None:
    with pytest.raises(ValueError, match="expected 1 codes, found 2"):
        span_with().set("span.name", Column(np.zeros(2, dtype=np.uint32), ["a"]))


def test_more_edits_than_one_pass_can_hold_are_all_made() -> None:
    edits = span_with(**{f"old{i}": i for i in range(70)}).edit()
    for i in range(70):
        edits.delete(f'span.attributes["old{i}"]').set(f'span.attributes["new{i}"]', i)
    assert attributes_after(edits.apply()) == {f"new{i}": i for i in range(70)}


@given(data=st.data())
def test_events_of_spans_have_columns_and_edits_of_their_own(data: st.DataObject) -> None:
    payload = data.draw(payloads("traces"))
    request: Any = REQUESTS["traces"].FromString(payload)
    batch = Batch.from_otlp("traces", payload)
    spans: list[Any] = [parents[-1] for parents in items("traces", request)]
    owners = [place for place, span in enumerate(spans) for _ in span.events]
    assert batch.owners().tolist() == owners
    events = [event for span in spans for event in span.events]
    assert batch.column("spanevent.name").to_list() == [event.name for event in events]
    masks = st.lists(st.booleans(), min_size=len(events), max_size=len(events))
    renamed, tagged, dropped = (np.array(data.draw(masks), dtype=np.bool_) for _ in range(3))
    edits = batch.edit().set("spanevent.name", "new", renamed)
    edits.set('spanevent.attributes["a"]', 1, tagged).delete("spanevent", dropped)
    for event, rename, tag in zip(events, renamed, tagged, strict=True):
        if rename:
            event.name = "new"
        if tag:
            put(event.attributes, "a", 1)
    left = iter(~dropped)
    for span in spans:
        for place in reversed([i for i, _ in enumerate(list(span.events)) if not next(left)]):
            del span.events[place]
    edited = REQUESTS["traces"].FromString(edits.apply().to_otlp())
    assert canonical(edited) == canonical(request)
