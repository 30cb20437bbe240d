"""Actions on attributes, as the Collector documents them."""

from __future__ import annotations

import hashlib
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from penstock.processors._actions import Action, performs
from penstock.processors._attributes import Attributes
from tests.processors.items import attributes_of, items


def after(attributes: dict[str, Any], *actions: dict[str, Any]) -> dict[str, Any]:
    """What actions make of the attributes of one span."""
    subject = Attributes(items(attributes), "span.attributes")
    for action in actions:
        performs(Action.model_validate(action))(subject, None)
    (found,) = attributes_of(subject.apply())
    return found


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("action", "before", "expected"),
    [
        ({"action": "insert", "key": "a", "value": 1}, {}, {"a": 1}),
        ({"action": "insert", "key": "a", "value": 1}, {"a": 2}, {"a": 2}),
        ({"action": "insert", "key": "a", "from_attribute": "b"}, {"b": 2.5}, {"b": 2.5, "a": 2.5}),
        ({"action": "insert", "key": "a", "from_attribute": "b"}, {"c": 2}, {"c": 2}),
        ({"action": "update", "key": "a", "value": True}, {"a": 2}, {"a": True}),
        ({"action": "update", "key": "a", "value": True}, {"b": 2}, {"b": 2}),
        ({"action": "UPSERT", "key": "a", "value": [1]}, {"a": 2}, {"a": [1]}),
        ({"action": "upsert", "key": "a", "value": {"k": "v"}}, {}, {"a": {"k": "v"}}),
        ({"action": "upsert", "key": "a", "value": 0}, {}, {"a": 0}),
        (
            {"action": "upsert", "key": "a", "from_attribute": "b", "default_value": "x"},
            {},
            {"a": "x"},
        ),
        ({"action": "upsert", "key": "a", "default_value": "x"}, {}, {"a": "x"}),
        ({"action": "delete", "key": "a"}, {"a": 1, "b": 2}, {"b": 2}),
        ({"action": "delete", "pattern": "^h"}, {"host": 1, "hue": 2, "eh": 3}, {"eh": 3}),
        ({"action": "delete", "key": "a", "pattern": "c"}, {"a": 1, "b": 2, "cc": 3}, {"b": 2}),
        ({"action": "hash", "key": "a"}, {"a": "text"}, {"a": sha256(b"text")}),
        ({"action": "hash", "key": "a"}, {"a": ""}, {"a": sha256(b"")}),
        ({"action": "hash", "key": "a"}, {"a": True}, {"a": sha256(b"\1")}),
        ({"action": "hash", "key": "a"}, {"a": 258}, {"a": sha256(b"\2\1" + bytes(6))}),
        ({"action": "hash", "key": "a"}, {"a": 1.0}, {"a": sha256(bytes(6) + b"\xf0?")}),
        ({"action": "hash", "key": "a"}, {"a": [1]}, {"a": ""}),
        ({"action": "hash", "key": "a"}, {"b": "x"}, {"b": "x"}),
        (
            {"action": "hash", "pattern": "^u"},
            {"user": "x", "b": "x"},
            {"user": sha256(b"x"), "b": "x"},
        ),
        (
            {"action": "extract", "key": "a", "pattern": r"^(?P<m>\w+) (?P<p>/\S*)(?P<q>#.*)?"},
            {"a": "GET /x", "m": 1},
            {"a": "GET /x", "m": "GET", "p": "/x", "q": ""},
        ),
        ({"action": "extract", "key": "a", "pattern": r"(?P<m>\d)"}, {"a": "x"}, {"a": "x"}),
        ({"action": "extract", "key": "a", "pattern": r"(?P<m>\d)"}, {"a": 1}, {"a": 1}),
        ({"action": "convert", "key": "a", "converted_type": "int"}, {"a": "-7"}, {"a": -7}),
        ({"action": "convert", "key": "a", "converted_type": "int"}, {"a": "7.5"}, {"a": "7.5"}),
        ({"action": "convert", "key": "a", "converted_type": "int"}, {"a": "1_0"}, {"a": "1_0"}),
        ({"action": "convert", "key": "a", "converted_type": "int"}, {"a": 7.9}, {"a": 7}),
        ({"action": "convert", "key": "a", "converted_type": "int"}, {"a": True}, {"a": 1}),
        (
            {"action": "convert", "key": "a", "converted_type": "int"},
            {"a": "9223372036854775808"},
            {"a": "9223372036854775808"},
        ),
        ({"action": "convert", "key": "a", "converted_type": "double"}, {"a": "1e3"}, {"a": 1e3}),
        ({"action": "convert", "key": "a", "converted_type": "double"}, {"a": " 1"}, {"a": " 1"}),
        ({"action": "convert", "key": "a", "converted_type": "double"}, {"a": 3}, {"a": 3.0}),
        ({"action": "convert", "key": "a", "converted_type": "string"}, {"a": 3.0}, {"a": "3"}),
        (
            {"action": "convert", "key": "a", "converted_type": "string"},
            {"a": {"b": [1.5, None, "<é>"], "a": False}},
            {"a": '{"a":false,"b":[1.5,null,"<é>"]}'},
        ),
    ],
)
def test_an_action_does_what_the_collector_does(
    action: dict[str, Any], before: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = after(before, action)
    assert found == expected
    assert [*map(type, found.values())] == [*map(type, expected.values())]


def test_later_actions_see_what_earlier_ones_left() -> None:
    assert after(
        {"a": "GET /x", "b": 1},
        {"action": "extract", "key": "a", "pattern": r"^(?P<method>\w+)"},
        {"action": "upsert", "key": "copy", "from_attribute": "method"},
        {"action": "delete", "key": "method"},
        {"action": "insert", "key": "method", "from_attribute": "gone"},
        {"action": "delete", "pattern": "^b"},
        {"action": "insert", "key": "b", "value": 2},
    ) == {"a": "GET /x", "copy": "GET", "b": 2}


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"action": "insert", "value": 1}, "needs `key`"),
        ({"action": "delete"}, "needs `key`"),
        ({"action": "insert", "key": "a"}, "needs `value`, `from_attribute` or `default_value`"),
        ({"action": "extract", "key": "a"}, "needs `pattern`"),
        ({"action": "convert", "key": "a"}, "needs `converted_type`"),
        ({"action": "extract", "key": "a", "pattern": "(b)(?P<c>d)"}, "all with names"),
        ({"action": "extract", "key": "a", "pattern": "b"}, "needs groups"),
        ({"action": "extract", "key": "a", "pattern": "(?P<c>d)", "value": 1}, "no `value`"),
        ({"action": "delete", "key": "a", "value": 1}, "takes no `value`"),
        ({"action": "insert", "key": "a", "value": 1, "pattern": "b"}, "takes no `pattern`"),
        ({"action": "insert", "key": "a", "value": 1, "from_attribute": "b"}, "exclude each"),
        ({"action": "hash", "key": "a", "pattern": "("}, "unclosed group"),
        ({"action": "hash", "key": "a", "pattern": "(?=a)"}, "look-around"),
        ({"action": "convert", "key": "a", "converted_type": "bool"}, "'int', 'double'"),
        ({"action": "remove", "key": "a"}, "'insert', 'update'"),
        ({"action": "insert", "key": "a", "from_context": "metadata.x"}, "from_context"),
    ],
)
def test_what_makes_no_action_is_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Action.model_validate(options)


KEYS = ["a", "b", 'q"\\\n']
ACTIONS = st.one_of(
    st.builds(
        lambda action, key, value: {"action": action, "key": key, "value": value},
        st.sampled_from(["insert", "update", "upsert"]),
        st.sampled_from(KEYS),
        st.sampled_from([0, "x", False]),
    ),
    st.builds(
        lambda action, key, source: {"action": action, "key": key, "from_attribute": source},
        st.sampled_from(["insert", "update", "upsert"]),
        st.sampled_from(KEYS),
        st.sampled_from(KEYS),
    ),
    st.builds(lambda key: {"action": "delete", "key": key}, st.sampled_from(KEYS)),
    st.just({"action": "delete", "pattern": "[ab]"}),
    st.just({"action": "hash", "pattern": "[aq]"}),
    st.just({"action": "convert", "key": "b", "converted_type": "string"}),
)
MAPS = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["x", "y", 1, True, 2.5]), max_size=3)


@given(st.lists(st.tuples(MAPS, st.booleans()), min_size=1, max_size=5), st.lists(ACTIONS))
def test_items_are_worked_on_as_if_each_were_alone(
    given_items: list[tuple[dict[str, Any], bool]], actions: list[dict[str, Any]]
) -> None:
    subject = Attributes(items(*(found for found, _ in given_items)), "span.attributes")
    where = np.array([chosen for _, chosen in given_items])
    for action in actions:
        performs(Action.model_validate(action))(subject, where)
    expected = [after(found, *actions) if chosen else found for found, chosen in given_items]
    assert attributes_of(subject.apply()) == expected


@pytest.mark.parametrize("action", ["hash", "delete"])
def test_thousands_of_keys_cost_no_square(action: str) -> None:
    many = {f"key.{number}": number for number in range(10_000)}
    before = time.process_time()
    found = after({**many, "other": 1}, {"action": action, "pattern": "^key"})
    assert time.process_time() - before < 2
    assert found["other"] == 1
    assert found.get("key.1") == {"hash": sha256(b"\1" + bytes(7))}.get(action)


def test_a_value_of_a_megabyte_is_worked_on_like_any_other() -> None:
    large = "x" * 1_000_000
    assert after({"a": large}, {"action": "hash", "key": "a"}) == {"a": sha256(large.encode())}
