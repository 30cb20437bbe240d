from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest

from penstock.cli.effective import as_json, as_yaml
from penstock.config.document import Entry, Mapping, Node, Scalar, Sequence, plain
from penstock.config.effective import effective
from penstock.config.load import load_text
from penstock.config.problems import Place
from penstock.config.read import read_text

DEFAULT = files("penstock") / "default.yaml"


def document(text: str) -> Mapping:
    """A mapping of its own, checked by nobody."""
    return read_text(text, "a.yaml", {"PORT": "4317"}).root


def node(value: Any) -> Node:
    """A value as if it stood in a file."""
    place = Place(1, 1, "a.yaml")
    if isinstance(value, dict):
        return Mapping(place, {key: Entry(place, node(below)) for key, below in value.items()})
    if isinstance(value, list):
        return Sequence(place, [node(item) for item in value])
    return Scalar(place, "source", ".inf", value)


def printed(settings: Mapping) -> str:
    return "".join(f"{text}{origin}\n" for text, origin in as_yaml(settings))


def test_each_value_has_its_origin_beside_it() -> None:
    text = "a:\n  b: 1\n  list:\n  - x\n  - c: ${env:PORT}\n    d: e\nempty: {}\n"

    assert printed(document(text)) == (
        "a:\n"
        "  b: 1         # a.yaml:2:6\n"
        "  list:\n"
        "    - x        # a.yaml:4:5\n"
        "    - c: 4317  # a.yaml:5:8\n"
        "      d: e     # a.yaml:6:8\n"
        "empty: {}      # a.yaml:7:8\n"
    )


def test_an_empty_value_has_the_origin_of_its_key() -> None:
    settings = document("a:\nb:\n  c:\n")

    assert printed(settings) == "a: null    # a.yaml:1:1\nb:\n  c: null  # a.yaml:3:3\n"
    assert [origin["line"] for origin in as_json(settings)["origins"]] == [1, 3]


def test_origins_behind_a_long_value_do_not_push_the_others_away() -> None:
    long = "x" * 60
    lines = printed(document(f"a: {long}\nb: 1\n")).splitlines()

    assert lines == [f"a: {long}  # a.yaml:1:4", f"{'b: 1':48}  # a.yaml:2:4"]


@pytest.mark.parametrize(
    "value",
    [
        "text",
        "with: colon",
        "ends:",
        "# no comment",
        "a # b",
        "'quoted'",
        '"quoted"',
        "$1 ${env:X} $$",
        "",
        "null",
        "true",
        "1",
        "0x10",
        "1e3",
        "- item",
        "[a]",
        "{a}",
        "&a",
        "*a",
        "!tag",
        "%x",
        "@x",
        "---",
        "two\nlines",
        "tab\there",
        "bell\x07 and \x85 and \x9b",
        "ünïcode 🎉",
        " spaces ",
        1,
        0.5,
        1e300,
        float("inf"),
        True,
        None,
        [],
        {},
        ["a", ["b", {"c": ["d"]}]],
        {"1": 2, "a b": {"null": "x"}},
    ],
)
def test_what_is_printed_loads_as_the_same(value: object) -> None:
    settings = node({"a": value})
    assert isinstance(settings, Mapping)

    assert plain(document(printed(settings))) == {"a": value}


@pytest.mark.parametrize("defaults", [False, True])
def test_the_embedded_default_is_the_same_when_it_is_printed_and_loaded(defaults: bool) -> None:
    text = printed(effective([DEFAULT], defaults=defaults))

    assert load_text(text, "printed") == load_text(DEFAULT.read_text(), "default")


def test_json_has_the_place_of_every_value_and_none_for_defaults() -> None:
    source = "yaml:{receivers: {otlp: {protocols: {grpc: }}}, exporters: {nop: },"
    source += " service: {pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}}"

    found = as_json(effective([source], defaults=True))

    assert found["settings"]["receivers"]["otlp"]["protocols"]["grpc"]["max_recv_msg_size_mib"]
    places = {origin["path"]: origin for origin in found["origins"]}
    grpc = "receivers.otlp.protocols.grpc.endpoint"
    assert places[grpc] == {"path": grpc, "file": None, "line": None, "column": None}
    first = "service.pipelines.traces.receivers[0]"
    assert places[first]["column"] == source.index("[otlp]") + 2 - len("yaml:")
