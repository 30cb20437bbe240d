"""Rules of relabelling, after what Prometheus documents and tests of its own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from penstock.prometheus.labels import LabelSets
from penstock.prometheus.relabel import Rule, relabel, relabelled

POD = {"__meta_kubernetes_pod_container_port_name": "web", "__meta_port": "9091"}
PORTS = {"__tmp_port": "1234", "__port1": "1234", "__port2": "5678"}
SECRET = "path:/secret,job:some-job,label:foo=bar"

CASES: dict[str, tuple[dict[str, str], list[dict[str, Any]], dict[str, str] | None]] = {
    "replace writes what the groups of a match held": (
        {"a": "foo"},
        [
            {
                "source_labels": ["a"],
                "regex": "f(.*)",
                "target_label": "d",
                "replacement": "ch${1}-ch${1}",
            }
        ],
        {"a": "foo", "d": "choo-choo"},
    ),
    "a rule sees what the rule before it wrote": (
        {"a": "foo", "b": "bar", "c": "baz"},
        [
            {
                "source_labels": ["a", "b"],
                "regex": "f(.*);(.*)r",
                "target_label": "a",
                "replacement": "b${1}${2}m",
            },
            {
                "source_labels": ["c", "a"],
                "regex": "(b).*b(.*)ba(.*)",
                "target_label": "d",
                "replacement": "$1$2$2$3",
            },
        ],
        {"a": "boobam", "b": "bar", "c": "baz", "d": "boooom"},
    ),
    "replace does nothing where there is no match": (
        {"a": "boo"},
        [{"source_labels": ["a"], "regex": "f", "target_label": "b", "replacement": "bar"}],
        {"a": "boo"},
    ),
    "replace without more copies a label": (
        {"a": "x"},
        [{"source_labels": ["a"], "target_label": "b"}],
        {"a": "x", "b": "x"},
    ),
    "replace of nothing sets a label": (
        {"a": "x"},
        [{"target_label": "env", "replacement": "prod"}],
        {"a": "x", "env": "prod"},
    ),
    "an empty replacement deletes the label": (
        {"a": "x", "b": "y"},
        [{"target_label": "b", "replacement": ""}],
        {"a": "x"},
    ),
    "the name of the target may be a part of the match": (
        {"a": "some-name-value"},
        [
            {
                "source_labels": ["a"],
                "regex": "some-([^-]+)-([^,]+)",
                "replacement": "${2}",
                "target_label": "${1}",
            }
        ],
        {"a": "some-name-value", "name": "value"},
    ),
    "a target without a name is not written": (
        {"a": "some-name-0"},
        [
            {
                "source_labels": ["a"],
                "regex": "some-([^-]+)-([^,]+)",
                "replacement": "${1}",
                "target_label": "${3}",
            }
        ],
        {"a": "some-name-0"},
    ),
    "a group that there is not is empty, and deletes": (
        {"a": "some-name-value", "name": "x"},
        [
            {
                "source_labels": ["a"],
                "regex": "some-([^-]+)-([^,]+)",
                "replacement": "${3}",
                "target_label": "${1}",
            }
        ],
        {"a": "some-name-value"},
    ),
    "tags of service discovery become labels": (
        {"__meta_sd_tags": SECRET},
        [
            {
                "source_labels": ["__meta_sd_tags"],
                "regex": "(?:.+,|^)path:(/[^,]+).*",
                "target_label": "__metrics_path__",
            },
            {
                "source_labels": ["__meta_sd_tags"],
                "regex": "(?:.+,|^)job:([^,]+).*",
                "target_label": "job",
            },
            {
                "source_labels": ["__meta_sd_tags"],
                "regex": "(?:.+,|^)label:([^=]+)=([^,]+).*",
                "target_label": "${1}",
                "replacement": "${2}",
            },
        ],
        {"__meta_sd_tags": SECRET, "__metrics_path__": "/secret", "job": "some-job", "foo": "bar"},
    ),
    "drop drops what matches": (
        {"a": "foo"},
        [{"source_labels": ["a"], "regex": ".*o.*", "action": "drop"}],
        None,
    ),
    "drop leaves what does not match": (
        {"a": "foo"},
        [{"source_labels": ["a"], "regex": "no-match", "action": "drop"}],
        {"a": "foo"},
    ),
    "a match is one of the whole value": (
        {"a": "foo"},
        [{"source_labels": ["a"], "regex": "f|o", "action": "drop"}],
        {"a": "foo"},
    ),
    "a dot also stands for the end of a line": (
        {"a": "foo\nbar"},
        [{"source_labels": ["a"], "regex": "foo.bar", "action": "drop"}],
        None,
    ),
    "keep drops what does not match": (
        {"a": "foo"},
        [{"source_labels": ["a"], "regex": "no-match", "action": "keep"}],
        None,
    ),
    "keep leaves what matches": (
        {"a": "foo"},
        [{"source_labels": ["a"], "regex": "f.*", "action": "Keep"}],
        {"a": "foo"},
    ),
    "what was dropped stays so": (
        {"a": "foo"},
        [
            {"source_labels": ["a"], "regex": "foo", "action": "drop"},
            {"target_label": "a", "replacement": "bar"},
        ],
        None,
    ),
    "keepequal leaves what is equal": (
        PORTS,
        [{"source_labels": ["__tmp_port"], "target_label": "__port1", "action": "keepequal"}],
        PORTS,
    ),
    "keepequal drops what differs": (
        PORTS,
        [{"source_labels": ["__tmp_port"], "target_label": "__port2", "action": "keepequal"}],
        None,
    ),
    "dropequal drops what is equal": (
        PORTS,
        [{"source_labels": ["__tmp_port"], "target_label": "__port1", "action": "dropequal"}],
        None,
    ),
    "dropequal leaves what differs": (
        PORTS,
        [{"source_labels": ["__tmp_port"], "target_label": "__port2", "action": "dropequal"}],
        PORTS,
    ),
    "hashmod is that of Prometheus": (
        {"c": "baz"},
        [{"source_labels": ["c"], "target_label": "d", "action": "hashmod", "modulus": 1000}],
        {"c": "baz", "d": "976"},
    ),
    "hashmod takes any text": (
        {"a": "foo\nbar"},
        [{"source_labels": ["a"], "target_label": "b", "action": "hashmod", "modulus": 1000}],
        {"a": "foo\nbar", "b": "734"},
    ),
    "labelmap copies labels by their names": (
        {"a": "foo", "__meta_my_bar": "aaa", "__meta_my_baz": "bbb", "__meta_other": "ccc"},
        [{"regex": "__meta_(my.*)", "action": "labelmap"}],
        {
            "a": "foo",
            "__meta_my_bar": "aaa",
            "__meta_my_baz": "bbb",
            "__meta_other": "ccc",
            "my_bar": "aaa",
            "my_baz": "bbb",
        },
    ),
    "labelmap names the copies by its replacement": (
        {"b1": "bar", "b2": "baz"},
        [{"regex": "(b.*)", "replacement": "bar_${1}", "action": "labelmap"}],
        {"b1": "bar", "b2": "baz", "bar_b1": "bar", "bar_b2": "baz"},
    ),
    "labeldrop deletes labels by their names": (
        {"a": "foo", "b1": "bar", "b2": "baz"},
        [{"regex": "(b.*)", "action": "labeldrop"}],
        {"a": "foo"},
    ),
    "labelkeep deletes all other labels": (
        {"a": "foo", "b1": "bar", "b2": "baz"},
        [{"regex": "(b.*)", "action": "labelkeep"}],
        {"b1": "bar", "b2": "baz"},
    ),
    "a label that was deleted can be written again": (
        POD,
        [
            {"regex": "^__meta_kubernetes_pod_container_port_name$", "action": "labeldrop"},
            {
                "source_labels": ["__meta_port"],
                "regex": "(.+)",
                "replacement": "metrics",
                "target_label": "__meta_kubernetes_pod_container_port_name",
            },
            {
                "source_labels": ["__meta_kubernetes_pod_container_port_name"],
                "regex": "^metrics$",
                "action": "keep",
            },
        ],
        POD | {"__meta_kubernetes_pod_container_port_name": "metrics"},
    ),
    "letters become small or capital": (
        {"foo": "bAr123Foo"},
        [
            {"source_labels": ["foo"], "action": "uppercase", "target_label": "up"},
            {"source_labels": ["foo"], "action": "lowercase", "target_label": "low"},
        ],
        {"foo": "bAr123Foo", "up": "BAR123FOO", "low": "bar123foo"},
    ),
    "numbers in YAML are texts": (
        {"a": "1"},
        [{"source_labels": ["a"], "regex": 1, "target_label": "port", "replacement": 9090}],
        {"a": "1", "port": "9090"},
    ),
    "labels may have names in any script": (
        {"größe": "xl"},
        [{"source_labels": ["größe"], "target_label": "http.size"}],
        {"größe": "xl", "http.size": "xl"},
    ),
}


def rules(settings: list[dict[str, Any]]) -> list[Rule]:
    return [Rule.model_validate(each) for each in settings]


@pytest.mark.parametrize(("labels", "settings", "expected"), CASES.values(), ids=CASES)
def test_rules(
    labels: dict[str, str], settings: list[dict[str, Any]], expected: dict[str, str] | None
) -> None:
    assert relabelled(rules(settings), labels) == expected


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"action": "keeep"}, "keepequal"),
        ({}, "the action replace needs a target_label"),
        ({"action": "lowercase"}, "the action lowercase needs a target_label"),
        ({"action": "hashmod", "target_label": "a"}, "needs a modulus that is not 0"),
        ({"action": "hashmod", "target_label": "$1", "modulus": 2}, "cannot be the target_label"),
        ({"action": "uppercase", "target_label": "${3}"}, "cannot be the target_label"),
        ({"target_label": "a${"}, "cannot be the target_label"),
        ({"action": "labelmap", "replacement": "$"}, "cannot be the replacement"),
        ({"action": "labelmap", "replacement": ""}, "cannot be the replacement"),
        ({"action": "lowercase", "target_label": "a", "replacement": "b"}, "takes no replacement"),
        ({"action": "labeldrop", "source_labels": ["a"]}, "takes only regex"),
        (
            {"action": "keepequal", "target_label": "a", "regex": "b"},
            "takes only source_labels and target_label",
        ),
        ({"target_label": "a", "regex": "(?=a)"}, "no regular expression in RE2's syntax"),
        ({"target_label": "a", "modulus": -1}, "greater than or equal to 0"),
        ({"target_label": "a", "source": "b"}, "Extra inputs"),
    ],
)
def test_what_makes_no_sense_is_refused(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Rule.model_validate(settings)


TEXTS = st.text("ab1", max_size=3)
SETS = st.dictionaries(st.sampled_from(["a", "b", "c", "__name__"]), TEXTS.filter(bool))


@st.composite
def any_rule(draw: st.DrawFn) -> Rule:
    settings: dict[str, Any] = {
        "action": draw(
            st.sampled_from(["replace", "keep", "drop", "labelmap", "hashmod", "uppercase"])
        )
    }
    if settings["action"] != "labelmap":
        settings["source_labels"] = draw(st.lists(st.sampled_from(["a", "b", "c"]), max_size=2))
        settings["target_label"] = draw(st.sampled_from(["a", "d"]))
    if settings["action"] != "uppercase":
        settings["replacement"] = draw(st.sampled_from(["$1", "x$1", "y"]))
        settings["regex"] = draw(st.sampled_from(["(.*)", "(a).*", "(.)", "[ab;]*"]))
    if settings["action"] == "hashmod":
        settings["modulus"] = 3
    if settings["action"] == "replace":
        settings["target_label"] = draw(st.sampled_from(["a", "d", "t$1"]))
    return Rule.model_validate(settings)


@given(st.lists(SETS, min_size=1, max_size=5), st.lists(any_rule(), max_size=3))
def test_many_label_sets_fare_as_each_by_itself(
    sets: list[dict[str, str]], chosen: list[Rule]
) -> None:
    together = relabel(chosen, LabelSets.of(sets)).to_dicts()
    assert together == [relabelled(chosen, labels) for labels in sets]


def test_what_was_written_is_told() -> None:
    sets = LabelSets.of([{"a": "x", "b": "y"}])
    relabel(rules([{"source_labels": ["a"], "target_label": "c"}]), sets)
    assert sets.written == {"c"}
