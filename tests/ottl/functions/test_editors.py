"""What each editor leaves of a span's attributes."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.ottl.editing import MANY_KEYS
from penstock.pipeline import Invalid, Signal
from tests.ottl.running import after, attributes, of_json, with_attributes

CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ('set(span.attributes["b"], 1)', {"a": 1}, {"a": 1, "b": 1}),
    ('set(span.attributes["a"], nil)', {"a": 1}, {"a": 1}),
    ('set(span.attributes["a"], span.attributes["none"])', {"a": 1}, {"a": 1}),
    ('set(span.attributes["a"]["b"], 2)', {"a": {"c": 1}}, {"a": {"c": 1, "b": 2}}),
    ('set(span.attributes["a"][1], "x")', {"a": [1, 2]}, {"a": [1, "x"]}),
    ('set(span.attributes["a"][1]["k"], "x")', {"a": [1, {}]}, {"a": [1, {"k": "x"}]}),
    ('set(span.attributes[span.name], "x")', {}, {"span 0": "x"}),
    ('set(span.attributes[Concat(["a", "b"], "")], "x")', {}, {"ab": "x"}),
    ('set(span.attributes, {"b": [true]})', {"a": 1}, {"b": [True]}),
    ('delete_key(span.attributes, "a")', {"a": 1, "b": 2}, {"b": 2}),
    ('delete_key(span.attributes["m"], "a")', {"m": {"a": 1, "b": 2}}, {"m": {"b": 2}}),
    ('delete_matching_keys(span.attributes, "^a")', {"a1": 1, "ba": 2}, {"ba": 2}),
    ('delete_matching_keys(span.attributes["m"], "a")', {"m": {"a": 1}}, {"m": {}}),
    ('keep_matching_keys(span.attributes, "^a")', {"a1": 1, "ba": 2}, {"a1": 1}),
    ('keep_keys(span.attributes, ["a", "none"])', {"a": 1, "b": 2}, {"a": 1}),
    ('keep_keys(span.attributes["m"], ["a"])', {"m": {"a": 1, "b": 2}}, {"m": {"a": 1}}),
    (
        'replace_pattern(span.attributes["a"], "/user/(?P<id>[0-9]+)", "/user/<${id}>")',
        {"a": "/user/42/user/7"},
        {"a": "/user/<42>/user/<7>"},
    ),
    ('replace_pattern(span.attributes["a"], "b", "c")', {"a": 1}, {"a": 1}),
    ('replace_pattern(span.attributes["a"], "b", span.name)', {"a": "abc"}, {"a": "aspan 0c"}),
    (
        'replace_pattern(span.attributes["a"], "([a-z])([0-9])", "$2", ToUpperCase, "<%s$1>")',
        {"a": "a1 b2"},
        {"a": "<1$1> <2$1>"},
    ),
    (
        'replace_pattern(span.attributes["a"], "^b", "c", function = SHA1)',
        {"a": "bb"},
        {"a": "84a516841ba77a5b4648de2cd0dfcb30ea46dbb4b"},
    ),
    (
        'replace_match(span.attributes["a"], "/user/*/list/*", "/user/{id}/list/{id}")',
        {"a": "/user/1/list/2", "b": "/user/1/list/2"},
        {"a": "/user/{id}/list/{id}", "b": "/user/1/list/2"},
    ),
    ('replace_match(span.attributes["a"], "?[!b-d]{x,yz}", "!")', {"a": "aayz"}, {"a": "!"}),
    ('replace_match(span.attributes["a"], "a.c", "!")', {"a": "abc"}, {"a": "abc"}),
    (
        'replace_match(span.attributes["a"], "a*", "x", ToUpperCase, "<%s>")',
        {"a": "abc"},
        {"a": "<X>"},
    ),
    (
        'replace_all_patterns(span.attributes, "value", "[0-9]+", "#")',
        {"a": "a1", "b": 1, "c": "x"},
        {"a": "a#", "b": 1, "c": "x"},
    ),
    (
        'replace_all_patterns(span.attributes, "key", "^kube_([a-z]+)", "k8s.$1")',
        {"kube_pod": 1, "other": 2},
        {"k8s.pod": 1, "other": 2},
    ),
    (
        'replace_all_matches(span.attributes, "a*", "A")',
        {"a": "abc", "b": "bcd", "c": 1},
        {"a": "A", "b": "bcd", "c": 1},
    ),
    (
        'merge_maps(span.attributes, {"a": 2, "b": 3}, "insert")',
        {"a": 1},
        {"a": 1, "b": 3},
    ),
    ('merge_maps(span.attributes, {"a": 2, "b": 3}, "update")', {"a": 1}, {"a": 2}),
    ('merge_maps(span.attributes, {"a": 2, "b": 3}, "upsert")', {"a": 1}, {"a": 2, "b": 3}),
    (
        'merge_maps(span.attributes["m"], span.attributes["n"], "insert")',
        {"m": {"a": 1}, "n": {"a": 2, "b": 3}},
        {"m": {"a": 1, "b": 3}, "n": {"a": 2, "b": 3}},
    ),
    ("limit(span.attributes, 3, [])", {"a": 1, "b": 2}, {"a": 1, "b": 2}),
    ('limit(span.attributes, 2, ["c"])', {"a": 1, "b": 2, "c": 3}, {"a": 1, "c": 3}),
    ("truncate_all(span.attributes, 3)", {"a": "abcd", "b": 1}, {"a": "abc", "b": 1}),
    ("truncate_all(span.attributes, 3)", {"a": "äää"}, {"a": "ä"}),
    (
        'truncate_all(span.attributes, 5, truncation_marker = "..")',
        {"a": "abcdef", "b": "abcde"},
        {"a": "abc..", "b": "abcde"},
    ),
    (
        "stringify_all(span.attributes)",
        {"a": 1, "b": True, "c": 2.5, "d": [1, "x"], "e": b"x", "f": "y"},
        {"a": "1", "b": "true", "c": "2.5", "d": '[1,"x"]', "e": "eA==", "f": "y"},
    ),
    (
        "flatten(span.attributes)",
        {"a": {"b": {"c": 1}, "d": [1, {"e": 2}]}, "f": 3},
        {"a.b.c": 1, "a.d.0": 1, "a.d.1.e": 2, "f": 3},
    ),
    ('flatten(span.attributes, "p", 1)', {"a": {"b": {"c": 1}}}, {"p.a.b": {"c": 1}}),
    (
        "flatten(span.attributes, resolveConflicts = true)",
        {"a": {"b": 1}, "a.b": 2, "l": ["x", "y"]},
        {"a.b": 1, "a.b.0": 2, "l": "x", "l.0": "y"},
    ),
    ('append(span.attributes["a"], "x")', {"a": 1}, {"a": [1, "x"]}),
    ('append(span.attributes["a"], "x")', {}, {"a": ["x"]}),
    ('append(span.attributes["a"], values = ["x", 2])', {"a": [1]}, {"a": [1, "x", 2]}),
    ('delete_index(span.attributes["a"], 0)', {"a": [1, 2]}, {"a": [2]}),
    ('delete_index(span.attributes["a"], 1, 3)', {"a": [1, 2, 3, 4]}, {"a": [1, 4]}),
    (
        'delete_index(span.attributes["a"], Len(span.attributes["a"]) - 1)',
        {"a": [1, 2]},
        {"a": [1]},
    ),
]


@pytest.mark.parametrize(("statement", "given", "expected"), CASES)
def test_an_editor_changes_what_it_says_and_nothing_else(
    statement: str, given: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert attributes(after(with_attributes(given), statement))[0] == expected


@pytest.mark.parametrize(("statement", "given", "expected"), CASES)
def test_items_that_the_condition_leaves_out_stay_as_they_are(
    statement: str, given: dict[str, Any], expected: dict[str, Any]
) -> None:
    batch = with_attributes({"other": "abc 1"}, given, given)
    left = after(batch, f'{statement} where span.name == "span 1"')
    expected = {key.replace("span 0", "span 1"): value for key, value in expected.items()}
    if expected.get("a") == "aspan 0c":
        expected = {"a": "aspan 1c"}
    assert attributes(left) == [{"other": "abc 1"}, expected, given]


FAILING = [
    ('set(span.attributes["a"][3], 1)', {"a": [1]}, "a list has no place at that int"),
    ('set(span.attributes["a"][0]["k"], 1)', {"a": [1]}, "an int has no place at that string"),
    ('set(span.attributes["a"], Now())', {}, "an attribute cannot hold a time"),
    ('flatten(span.attributes["a"])', {"a": 1}, "expected a map, found an int"),
    ('merge_maps(span.attributes, span.attributes["a"], "upsert")', {"a": 1}, "expected a map"),
    ('delete_index(span.attributes["a"], 5)', {"a": [1]}, "5 to 6 is out of the list of 1"),
    ("set(span.name, 1)", {}, "it takes a string, found an int"),
    ("set(span.kind, 3000000000)", {}, "it takes -2147483648 to 2147483647, found 3000000000"),
    ("set(span.trace_id, 0x00)", {}, "it takes 16 bytes, found bytes"),
    ("set(span.start_time_unix_nano, -1)", {}, "it takes 0 to 18446744073709551615, found -1"),
    ('replace_pattern(span.name, "a", "b", Duration)', {}, "the text is no duration"),
    ('replace_pattern(span.name, "a", "b", Len)', {}, "the function gave an int, not a string"),
    ('replace_match(span.name, "*", "b", Duration)', {}, "the text is no duration"),
    ('replace_pattern(span.name, "a", span.attributes["none"])', {}, "expected a string"),
]


@pytest.mark.parametrize(("statement", "given", "problem"), FAILING)
def test_what_cannot_be_done_fails_its_item_and_leaves_it(
    statement: str, given: dict[str, Any], problem: str
) -> None:
    batch = with_attributes(given)
    assert after(batch, statement, mode="silent").to_otlp() == batch.to_otlp()
    with pytest.raises(Invalid, match=problem):
        after(batch, statement)


@pytest.mark.parametrize(
    "statement",
    [
        "truncate_all(span.attributes, 4)",
        'replace_all_patterns(span.attributes, "value", "v", "wwww")',
        "limit(span.attributes, 10000, [])",
        'delete_matching_keys(span.attributes, "[13579]$")',
        'merge_maps(span.attributes, span.attributes, "upsert")',
    ],
)
def test_ten_thousand_attributes_are_changed_as_few_are(statement: str) -> None:
    many = {f"k{number}": f"v{number}" for number in range(10_000)}
    few = dict(list(many.items())[: MANY_KEYS // 2])
    (changed,) = attributes(after(with_attributes(many), statement))
    (expected,) = attributes(after(with_attributes(few), statement))
    assert {key: changed.get(key) for key in few} == {key: expected.get(key) for key in few}


def test_values_of_a_megabyte_are_changed() -> None:
    batch = with_attributes({"a": "ab" * 500_000})
    text = 'replace_pattern(span.attributes["a"], "(a|aa)+b", "c")'
    assert attributes(after(batch, text))[0]["a"] == "c" * 500_000
    assert attributes(after(batch, "truncate_all(span.attributes, 10)"))[0]["a"] == "ab" * 5


def test_keys_of_events_and_of_what_items_share_are_chosen_too() -> None:
    batch = of_json(
        Signal.TRACES,
        {"name": "a", "events": [{"name": "x", "attributes": [KEY]}, {"name": "y"}]},
    )
    batch = batch.set("resource.attributes", {"a1": 1, "b": 2})
    left = after(
        batch,
        'delete_matching_keys(spanevent.attributes, "^k")',
        'keep_matching_keys(resource.attributes, "^b")',
        'keep_keys(scope.attributes, ["none"])',
        "truncate_all(spanevent.attributes, 1)",
    )
    assert left.column("span.events").to_list() == [[{"name": "x"}, {"name": "y"}]]
    assert attributes(left, "resource.attributes") == [{"b": 2}]


KEY = {"key": "k", "value": {"stringValue": "v"}}


def test_metadata_and_bodies_are_maps_as_attributes_are() -> None:
    metric = {"name": "m", "metadata": [KEY], "gauge": {"dataPoints": [{"asInt": "1"}]}}
    left = after(
        of_json(Signal.METRICS, metric),
        'replace_all_patterns(metric.metadata, "value", "v", "w")',
        'set(metric.metadata["n"], 1)',
    )
    assert attributes(left, "metric.metadata") == [{"k": "w", "n": 1}]
    body = {"body": {"kvlistValue": {"values": [KEY]}}}
    left = after(
        of_json(Signal.LOGS, body),
        'merge_maps(log.body, {"n": {"deep": 1}}, "upsert")',
        'delete_key(log.body, "k")',
        "flatten(log.body)",
    )
    assert left.column("log.body").to_list() == [{"n.deep": 1}]
