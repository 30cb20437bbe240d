"""The operators of filelog: what they make of entries, and what is wrong with their settings."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from penstock._kernel import LogFile, LogRecords, LogRules
from penstock.pipeline import Batch
from penstock.receivers.filelog import Config

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.receivers._tail_options import FileOptions


def read(
    path: Path, text: str | bytes, operators: list[Any], name: str = "app.log", **options: Any
) -> tuple[list[dict[str, Any]], LogRecords]:
    """The log records that a file becomes, and what became of other entries."""
    file = path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    usual = {"include": ["*"], "include_file_name": False}
    config = Config.model_validate(usual | options | {"operators": operators})
    log, records = LogFile(LogRules(config.rules()), gzip=False), LogRecords()
    log.describe(json.dumps(said(config, file)))
    log.open(str(file))
    log.read(records, 1 << 20, time.time_ns(), all=True)
    log.finish(records)
    native = records.take()
    return Batch(native).rows() if native else [], records


def said(config: FileOptions, file: Path) -> dict[str, str]:
    return config.describe(str(file), file.stat())


def one(path: Path, line: str, *operators: Any, **options: Any) -> dict[str, Any]:
    """The log record of a line with which nothing went wrong."""
    rows, records = read(path, line, list(operators), **options)
    assert records.tally() == ([], [])
    row = rows[0]
    del row["observed_time_unix_nano"], row["scope"]
    if not row["resource"]:
        del row["resource"]
    return row


JSON = {"type": "json_parser"}
BODY = {"type": "json_parser", "parse_to": "body"}
K8S = "var/log/pods/shop_cart-7d_49cc7c1f-d370/web/3.log"


def test_json_becomes_attributes(tmp_path: Path) -> None:
    line = '{"a": "x\\n", "b": 1, "c": [true, null, {"d": 1.5}], "a": "y"}'
    assert one(tmp_path, line, JSON) == {
        "body": line,
        "attributes": {"a": "y", "b": 1.0, "c": [True, None, {"d": 1.5}]},
    }


def test_json_has_integers_if_asked_for(tmp_path: Path) -> None:
    row = one(tmp_path, '{"a": 1, "b": 2.0}', JSON | {"parse_ints": True})
    assert [type(value) for value in row["attributes"].values()] == [int, float]


CASES: dict[str, tuple[str, list[Any], dict[str, Any]]] = {
    "a severity and a time within a parser": (
        '{"at": "2024-03-30T08:31:20.545Z", "level": "WARNING"}',
        [
            BODY
            | {
                "timestamp": {"parse_from": "body.at", "layout": "%Y-%m-%dT%H:%M:%S.%LZ"},
                "severity": {"parse_from": "body.level"},
            }
        ],
        {
            "body": {"at": "2024-03-30T08:31:20.545Z", "level": "WARNING"},
            "time_unix_nano": 1711787480545000000,
            "severity_number": 13,
            "severity_text": "WARNING",
        },
    ),
    "named groups": (
        "ERROR: it broke",
        [{"type": "regex_parser", "regex": r"^(?P<level>\w+): (?P<what>.*)( (?P<more>x))?$"}],
        {
            "body": "ERROR: it broke",
            "attributes": {"level": "ERROR", "what": "it broke", "more": ""},
        },
    ),
    "csv": (
        '1,"a ""b"", c",',
        [{"type": "csv_parser", "header": "id,text,none", "parse_to": "body"}],
        {"body": {"id": "1", "text": 'a "b", c', "none": ""}},
    ),
    "pairs": (
        "level=info msg=\"it works\" at='2 pm'",
        [{"type": "key_value_parser", "parse_to": "body"}],
        {"body": {"level": "info", "msg": "it works", "at": "2 pm"}},
    ),
    "move, copy, add and remove": (
        '{"a": {"b": 1, "c": 2}, "d": 3}',
        [
            BODY,
            {"type": "move", "from": "body.a.b", "to": "attributes.moved"},
            {"type": "copy", "from": "body.d", "to": 'resource["the.d"]'},
            {"type": "add", "field": "attributes.new", "value": ["x"]},
            {
                "type": "add",
                "field": "attributes.made",
                "value": 'EXPR("<" + attributes.new2 + ">")',
                "if": "attributes.new2 != nil",
            },
            {"type": "remove", "field": "body.d"},
        ],
        {
            "body": {"a": {"c": 2.0}},
            "attributes": {"moved": 1.0, "new": ["x"]},
            "resource": {"attributes": {"the.d": 3.0}},
        },
    ),
    "retain": (
        '{"a": {"b": 1, "c": 2}, "d": 3}',
        [BODY, {"type": "retain", "fields": ["body.a.c", "attributes.none"]}],
        {"body": {"a": {"c": 2.0}}},
    ),
    "flatten": (
        '{"a": {"b": 1, "c": {"d": 2}}}',
        [BODY, {"type": "flatten", "field": "body.a"}],
        {"body": {"b": 1.0, "c": {"d": 2.0}}},
    ),
    "a map in place of a body": (
        '{"a": {"b": 1}}',
        [JSON, {"type": "move", "from": "attributes.a", "to": "body"}],
        {"body": {"b": 1.0}},
    ),
    "a trace": (
        '{"trace_id": "0102030405060708090a0b0c0d0e0f10", "span_id": "0102030405060708"}',
        [BODY, {"type": "trace_parser"}, {"type": "retain", "fields": ["body.none"]}],
        {"trace_id": "0102030405060708090a0b0c0d0e0f10", "span_id": "0102030405060708"},
    ),
    "a route": (
        "<x>",
        [
            {
                "type": "router",
                "routes": [
                    {"output": "json", "expr": 'body startsWith "{"'},
                    {"output": "end", "expr": 'body matches "^<"', "attributes": {"kind": "xml"}},
                ],
            },
            {"type": "json_parser", "id": "json"},
            {"type": "noop", "id": "end"},
        ],
        {"body": "<x>", "attributes": {"kind": "xml"}},
    ),
    "docker": (
        '{"log":"it works","stream":"stderr","time":"2024-03-30T08:31:20.545192187Z"}',
        [{"type": "container"}],
        {
            "body": "it works",
            "time_unix_nano": 1711787480545192187,
            "attributes": {"log.iostream": "stderr"},
        },
    ),
    "containerd": (
        "2024-03-30T08:31:20.545192187Z stdout F it works",
        [{"type": "container", "format": "containerd"}],
        {
            "body": "it works",
            "time_unix_nano": 1711787480545192187,
            "attributes": {"logtag": "F", "log.iostream": "stdout"},
        },
    ),
    "crio": (
        "2024-03-30T03:31:20.5-05:00 stdout F ",
        [{"type": "container"}],
        {
            "body": "",
            "time_unix_nano": 1711787480500000000,
            "attributes": {"logtag": "F", "log.iostream": "stdout"},
        },
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_operators_change_entries(
    tmp_path: Path, case: tuple[str, list[Any], dict[str, Any]]
) -> None:
    line, operators, expected = case
    operators = [
        {"add_metadata_from_filepath": False, **operator}
        if operator["type"] == "container"
        else operator
        for operator in operators
    ]
    assert one(tmp_path, line, *operators) == expected


def test_the_path_tells_of_the_pod(tmp_path: Path) -> None:
    line = "2024-03-30T08:31:20Z stdout F it works"
    row = one(tmp_path, line, {"type": "container"}, name=K8S, include_file_path=True)
    assert row["resource"]["attributes"] == {
        "k8s.namespace.name": "shop",
        "k8s.pod.name": "cart-7d",
        "k8s.pod.uid": "49cc7c1f-d370",
        "k8s.container.name": "web",
        "k8s.container.restart_count": "3",
    }


def test_parts_of_lines_become_lines_by_stream(tmp_path: Path) -> None:
    lines = ["stdout P one", "stderr F other", "stdout F  line", "stdout F last"]
    text = "".join(f"2024-03-30T08:31:20Z {line}\n" for line in lines)
    operators = [{"type": "container", "add_metadata_from_filepath": False}]
    rows, _ = read(tmp_path, text, operators)
    assert [row["body"] for row in rows] == ["other", "one line", "last"]


RECOMBINED = {
    "by their first": (
        {"is_first_entry": 'body matches "^[^ ]"'},
        "a\n 1\n 2\nb\nc\n 3\n",
        ["a\n 1\n 2", "b", "c\n 3"],
    ),
    "by their last": (
        {"is_last_entry": 'body endsWith ";"', "combine_with": ""},
        "a\nb;\nc;\nd\n",
        ["ab;", "c;", "d"],
    ),
    "unmatched, some at a time": (
        {"is_first_entry": 'body == "log1"', "max_unmatched_batch_size": 3},
        "log2\nlog3\nlog4\nlog5\nlog1\nlog6\nlog7\nlog1\nlog8\nlog1\n",
        ["log2\nlog3\nlog4", "log5", "log1\nlog6\nlog7", "log1\nlog8", "log1"],
    ),
    "until they are large": (
        {"is_first_entry": "body == nil", "max_log_size": 3},
        "a\nb\nc\n",
        ["a\nb", "c"],
    ),
}


@pytest.mark.parametrize("case", RECOMBINED.values(), ids=RECOMBINED)
def test_entries_are_put_together(
    tmp_path: Path, case: tuple[dict[str, Any], str, list[str]]
) -> None:
    settings, text, expected = case
    operator = {"type": "recombine", "combine_field": "body"} | settings
    rows, _ = read(tmp_path, text, [operator], preserve_leading_whitespaces=True)
    assert [row["body"] for row in rows] == expected
