"""As `confmap` of the Collector merges; `key+` is ours."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.config.document import Mapping, find, plain
from penstock.config.merge import Merger
from penstock.config.parse import parse
from penstock.config.sources import Source


def merge(*texts: str) -> tuple[Any, list[str], list[str]]:
    """What texts come to, with the warnings and the faults."""
    root, merger = merged(*texts)
    warnings = [fault.line for fault in merger.warnings]
    return plain(root), warnings, [fault.line for fault in merger.faults]


def merged(*texts: str) -> tuple[Mapping, Merger]:
    roots = []
    for name, text in zip("abcdef", texts, strict=False):
        node, _ = parse(Source(name, text))
        assert isinstance(node, Mapping)
        roots.append(node)
    merger = Merger()
    return merger.merge(roots), merger


@pytest.mark.parametrize(
    ("texts", "result"),
    [
        (["a: 1", "b: 2"], {"a": 1, "b": 2}),
        (["a: {b: 1, c: {d: 2}}", "a: {c: {e: 3}, b: 4}"], {"a": {"b": 4, "c": {"d": 2, "e": 3}}}),
        (["a: [1, 2]", "a: [3]"], {"a": [3]}),
        (["a: [{b: 1}]", "a: [{c: 1}]"], {"a": [{"c": 1}]}),
        (["a: {b: 1}", "a: 2"], {"a": 2}),
        (["a: 2", "a: {b: 1}"], {"a": {"b": 1}}),
        (["a:", "a: {b: 1}"], {"a": {"b": 1}}),
        (["a: {b: 1}", "a: {}"], {"a": {"b": 1}}),
        (["a: {b: 1}", "a:"], {"a": None}),
        (["a: 1", "a: 2", "a: 3"], {"a": 3}),
    ],
)
def test_mappings_are_merged_and_all_else_is_replaced(texts: list[str], result: Any) -> None:
    assert merge(*texts)[0] == result


@pytest.mark.parametrize(
    ("texts", "result"),
    [
        (["a: [1, 2]", "a+: [3, 2]"], {"a": [1, 2, 3]}),
        (["a: [1]", "a+: [2]", "a+: [3]"], {"a": [1, 2, 3]}),
        (["x: {a: [1]}", "x: {a+: [2]}"], {"x": {"a": [1, 2]}}),
        (["a: [{b: 1}]", "a+: [{b: 1}, {b: 2}]"], {"a": [{"b": 1}, {"b": 2}]}),
        (["b: 1", "a+: [2]"], {"b": 1, "a": [2]}),
        (["a:", "a+: [2]"], {"a": [2]}),
        (["a+: [2]\na: [1]"], {"a": [1, 2]}),
        (["a: [1]", "a+: [2]", "a: [3]"], {"a": [3]}),
        (["a+: text"], {"a+": "text"}),
    ],
)
def test_a_plus_adds_to_a_list_what_is_not_in_it(texts: list[str], result: Any) -> None:
    assert merge(*texts) == (result, [], [])


def test_a_plus_needs_a_list_to_add_to() -> None:
    result, _, faults = merge("a: {b: 1}", "\na+: [2]")

    assert result == {"a": {"b": 1}}
    assert faults == ["b:2:1: a+: adds to a list, and a:1:1 is none"]


def test_nothing_in_the_place_of_something_is_worth_a_warning() -> None:
    _, warnings, _ = merge("a: {b: 1}\nc: {}\nd: 5", "a:\nc:\nd:")

    assert warnings == ["b:1:1: a: replaces what a:1:1 has with nothing; leave it out to keep it"]


def test_every_value_keeps_its_place() -> None:
    root, _ = merged("x:\n  a: 1\n  l: [1]", "x:\n  l+:\n    - 2\n  b: 3")

    places = [find(root, path) for path in [("x", "a"), ("x", "b"), ("x", "l", 0), ("x", "l", 1)]]
    assert [node.place.named for node in places if node] == ["a:2:6", "b:4:6", "a:3:7", "b:3:7"]


def test_what_is_merged_is_left_as_it_was() -> None:
    first, _ = merged("a: {b: 1, c: [1]}")

    Merger().merge([first, merged("a: {b: 2, c+: [2]}")[0]])

    assert plain(first) == {"a": {"b": 1, "c": [1]}}
