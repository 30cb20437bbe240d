"""The operators of filelog: what they make of entries, and what is wrong with their settings."""

from __future__ import annotations

import json
import re
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from penstock._kernel import LogFile, LogRecords, LogRules
from penstock.config.load import load_text
from penstock.pipeline import Batch
from penstock.pipeline.errors import ConfigError
from penstock.receivers.filelog import Config

if TYPE_CHECKING:
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


TIMES = {
    "%Y-%m-%d %H:%M:%S.%f %z": ("2022-01-02 07:24:56,123 -0700", 1641133496123000000),
    "%Y-%m-%dT%H:%M:%S.%LZ": ("2022-01-02T14:24:56Z", 1641133496000000000),
    "%d/%b/%Y:%H:%M:%S %z": ("02/Jan/2022:14:24:56 +0000", 1641133496000000000),
    "%m/%d/%y %I:%M:%S %p": ("01/02/22 02:24:56 PM", 1641133496000000000),
    "%a %b %e %H:%M:%S %Z %Y": ("Sun Jan  2 14:24:56 UTC 2022", 1641133496000000000),
    "%d %B %Y": ("29 February 2024", 1709164800000000000),
}


@pytest.mark.parametrize(("layout", "text", "expected"), [(k, *v) for k, v in TIMES.items()])
def test_times_are_read_by_layouts(tmp_path: Path, layout: str, text: str, expected: int) -> None:
    parser = {"type": "time_parser", "parse_from": "body", "layout": layout, "location": "UTC"}
    assert one(tmp_path, text, parser)["time_unix_nano"] == expected


GO = {
    "2006-01-02T15:04:05.999999999Z07:00": ("2022-01-02T09:24:56.5-05:00", 1641133496500000000),
    "Jan 2 15:04:05 MST 2006": ("Jan 2 14:24:56 EST 2022", 1641151496000000000),
    "02/01/06 03:04:05.000 PM": ("02/01/22 02:24:56.123 PM", 1641133496123000000),
}


@pytest.mark.parametrize(("layout", "text", "expected"), [(k, *v) for k, v in GO.items()])
def test_times_are_read_by_layouts_of_go(
    tmp_path: Path, layout: str, text: str, expected: int
) -> None:
    parser = {"type": "time_parser", "parse_from": "body", "layout": layout, "location": "UTC"}
    row = one(tmp_path, text, parser | {"layout_type": "gotime"})
    assert row["time_unix_nano"] == expected


EPOCHS = {
    "s": ("1136214245", 1136214245000000000),
    "ms": ("1136214245123", 1136214245123000000),
    "us": ("1136214245123456", 1136214245123456000),
    "ns": ('"1136214245123456789"', 1136214245123456789),
    "s.ms": ("1136214245.123", 1136214245123000000),
    "s.ns": ('"1136214245.123456789"', 1136214245123456789),
}


@pytest.mark.parametrize(("layout", "number", "expected"), [(k, *v) for k, v in EPOCHS.items()])
def test_times_are_read_as_epochs(tmp_path: Path, layout: str, number: str, expected: int) -> None:
    timestamp = {"parse_from": "attributes.at", "layout_type": "epoch", "layout": layout}
    row = one(tmp_path, f'{{"at": {number}}}', JSON | {"parse_ints": True, "timestamp": timestamp})
    assert row["time_unix_nano"] == pytest.approx(expected, abs=100)


@pytest.mark.parametrize(
    ("text", "offset"), [("2024-01-15 12:00:00", -5), ("2024-07-15 12:00:00", -4)]
)
def test_times_without_a_zone_are_of_the_location(tmp_path: Path, text: str, offset: int) -> None:
    parser = {
        "type": "time_parser",
        "parse_from": "body",
        "layout": "%Y-%m-%d %H:%M:%S",
        "location": "America/New_York",
    }
    moment = datetime.fromisoformat(f"{text}+00:00") - timedelta(hours=offset)
    assert one(tmp_path, text, parser)["time_unix_nano"] == int(moment.timestamp()) * 10**9


@given(st.integers(86_400, 9_000_000_000), st.integers(0, 999_999), st.integers(-720, 720))
def test_times_are_those_that_python_reads(second: int, micro: int, minutes: int) -> None:
    zone = timezone(timedelta(minutes=minutes))
    aware = datetime.fromtimestamp(second, zone).replace(microsecond=micro)
    text = aware.strftime("%Y-%m-%dT%H:%M:%S.%f%z")
    parser = {"type": "time_parser", "parse_from": "body", "layout": "%Y-%m-%dT%H:%M:%S.%f%z"}
    with TemporaryDirectory() as folder:
        found = one(Path(folder), text, parser).get("time_unix_nano", 0)
    assert found == second * 10**9 + micro * 1000


SEVERITIES = {
    '"ERROR"': (17, "ERROR"),
    '"err2"': (18, "err2"),
    "404": (17, "404"),
    "503": (21, "503"),
    "250": (5, "250"),
    '"HEY"': (9, "HEY"),
    "12": (12, "12"),
    '"unheard of"': (None, "unheard of"),
}


@pytest.mark.parametrize(("level", "expected"), SEVERITIES.items())
def test_severities_are_found_by_names_numbers_and_ranges(
    tmp_path: Path, level: str, expected: tuple[int | None, str]
) -> None:
    mapping = {"error": ["4xx"], "fatal": "5xx", "debug": {"min": 200, "max": 299}, "info": "hey"}
    severity = {"parse_from": "attributes.level", "mapping": mapping}
    row = one(tmp_path, f'{{"level": {level}}}', JSON | {"severity": severity})
    assert (row.get("severity_number"), row["severity_text"]) == expected


def test_the_text_of_a_severity_can_become_its_name(tmp_path: Path) -> None:
    parser = {"type": "severity_parser", "parse_from": "body", "overwrite_text": True}
    assert one(tmp_path, "warning3", parser)["severity_text"] == "WARN3"


EXPRESSIONS = {
    'body.a == "x"': True,
    'body["a"] != "x"': False,
    "body.n > 4 and body.n <= 5.0": True,
    "body.n < 4 || body.t": True,
    "not (body.n == 5)": False,
    "!body.t": False,
    'body.a in ["y", "x"]': True,
    "body.n not in [1, 2]": True,
    'body.s contains "wor" && body.s startsWith "it" && body.s endsWith "ks"': True,
    r'body.s matches "^it\\s"': True,
    "body.s matches `^no`": False,
    "body.none == nil": True,
    "body?.deep.er == 1": True,
    'attributes["log.file.name"] == "app.log"': True,
    'body.a + "!" == "x!"': True,
    '$.a == "x"': True,
    'env("NOT_SET_ANYWHERE") == nil': True,
}


@pytest.mark.parametrize(("expression", "holds"), EXPRESSIONS.items())
def test_expressions_are_evaluated(tmp_path: Path, expression: str, holds: bool) -> None:
    line = '{"a": "x", "n": 5, "t": true, "s": "it works", "deep": {"er": 1}}'
    rows, records = read(
        tmp_path, line, [BODY, {"type": "filter", "expr": expression}], include_file_name=True
    )
    assert records.tally() == ([(1, 1)] if holds else [], [])
    assert bool(rows) is not holds


FAULTS: dict[str, tuple[str, Any, str]] = {
    "no JSON": ("{", JSON, "it is no JSON, at column 1"),
    "no object": ("[1]", JSON, "it is JSON, and no object"),
    "no match": ("x", {"type": "regex_parser", "regex": "(?P<a>y)"}, "the pattern does not match"),
    "too few columns": (
        "x",
        {"type": "csv_parser", "header": "a,b"},
        "expected 2 columns, found 1",
    ),
    "an open quote": ('"x', {"type": "csv_parser", "header": "a"}, "a quote is not closed"),
    "no pair": ("x", {"type": "key_value_parser"}, 'a pair has no "="'),
    "no field": ("x", {"type": "remove", "field": "body.a"}, "the entry has no such field"),
    "no time": (
        "2024-02-30",
        {"type": "time_parser", "parse_from": "body", "layout": "%Y-%m-%d"},
        "it is no time in that layout",
    ),
    "no truth": (
        "x",
        {"type": "filter", "expr": "body"},
        "the expression is neither true nor false",
    ),
    "no line of a container": (
        "x",
        {"type": "container", "add_metadata_from_filepath": False},
        "it is no line of a container runtime",
    ),
}


@pytest.mark.parametrize(("line", "operator", "fault"), FAULTS.values(), ids=FAULTS)
def test_an_entry_of_which_nothing_can_be_made_goes_on_or_is_dropped(
    tmp_path: Path, line: str, operator: Any, fault: str
) -> None:
    rows, records = read(tmp_path, line, [operator])
    assert [row["body"] for row in rows] == [line]
    assert records.tally() == ([], [(0, 1, 0, fault)])
    rows, records = read(tmp_path, line, [operator | {"on_error": "drop"}])
    assert rows == []


WRONG: dict[str, tuple[list[Any], str]] = {
    "an operator that there is not": ([{"type": "jason_parser"}], "jason_parser"),
    "one that is not here": ([{"type": "uri_parser"}], "there is no operator uri_parser: use"),
    "an output that leads nowhere": ([JSON | {"output": "x"}], "no operator has the id 'x'"),
    "an output that leads back": (
        [{"type": "noop", "id": "a"}, {"type": "noop", "output": "a"}],
        "'a' comes before it",
    ),
    "an id given twice": ([JSON | {"id": "a"}, BODY | {"id": "a"}], "the id 'a' is given twice"),
    "a field of nothing": ([{"type": "remove", "field": "user"}], "write body.user"),
    "a pattern without groups": (
        [{"type": "regex_parser", "regex": "x"}],
        "expected groups with names",
    ),
    "an expression that ends": (
        [JSON | {"if": "body =="}],
        "column 8: expected a value, found the",
    ),
    "an expression of more": (
        [JSON | {"if": "len(body) > 1"}],
        "column 1: expected body, attributes and resource",
    ),
    "a bad pattern in it": ([JSON | {"if": 'body matches "("'}], "column 14: "),
    "a layout that is none": (
        [{"type": "time_parser", "parse_from": "body", "layout": "%Q"}],
        "`%Q` is no directive",
    ),
    "a severity that is none": (
        [{"type": "severity_parser", "parse_from": "body", "mapping": {"bad": "x"}}],
        "'bad' is no severity",
    ),
    "no boundary": (
        [{"type": "recombine", "combine_field": "body"}],
        "either is_first_entry or is_last_entry",
    ),
}


@pytest.mark.parametrize(("operators", "problem"), WRONG.values(), ids=WRONG)
def test_operators_that_make_no_sense_are_refused(operators: list[Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(problem)):
        Config.model_validate({"include": ["*"], "operators": operators})


MISTAKEN = """
receivers:
  filelog:
    include: [/var/log/app.log]
    operators:
      - {type: json_parser, cache: {size: 1}}
      - {type: container, parse_to: body}
      - {type: noop, parse_to: body}
exporters: {debug: }
service: {pipelines: {logs: {receivers: [filelog], exporters: [debug]}}}
"""


def test_an_option_is_refused_with_the_remedy_of_its_own_operator_and_of_no_other() -> None:
    with pytest.raises(ConfigError) as refused:
        load_text(MISTAKEN, "agent.yaml")
    of_json, of_container, of_noop = str(refused.value).splitlines()[1:]
    assert of_json.endswith("nothing is gained by one; remove it")
    assert of_container.endswith("what the runtime says becomes attributes; move them")
    assert "operators[2].parse_to: unknown option" in of_noop


@pytest.mark.parametrize(
    ("multiline", "text", "expected"),
    [
        (
            {"line_start_pattern": "^LOG"},
            "before\nLOG 1\n more\nLOG 2\nLOG 3",
            ["before", "LOG 1\n more", "LOG 2", "LOG 3"],
        ),
        ({"line_start_pattern": "^LOG ", "omit_pattern": True}, "LOG 1\nLOG 2\n", ["1", "2"]),
        ({"line_end_pattern": "END"}, "a\nbEND c END\nrest", ["a\nbEND", "c END", "rest"]),
        ({"line_end_pattern": ";", "omit_pattern": True}, "a;b;", ["a", "b"]),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16le", "utf-16be"])
def test_entries_of_several_lines_begin_or_end_with_a_pattern(
    tmp_path: Path, multiline: dict[str, Any], text: str, expected: list[str], encoding: str
) -> None:
    rows, _ = read(tmp_path, text.encode(encoding), [], multiline=multiline, encoding=encoding)
    assert [row["body"] for row in rows] == expected


@pytest.mark.parametrize(
    ("encoding", "raw", "expected"),
    [
        ("utf-8", "\ufeffü\n\r\n".encode() + b"\xff\n", ["ü", "�"]),
        ("utf-16le", "😀 a\nb\n".encode("utf-16le"), ["😀 a", "b"]),
        ("big5", "中文\n".encode("big5"), ["中文"]),
        ("latin1", b"\xfc\n", ["ü"]),
        ("nop", b"\xff\n", [b"\xff"]),
    ],
)
def test_text_is_decoded(tmp_path: Path, encoding: str, raw: bytes, expected: list[Any]) -> None:
    rows, _ = read(tmp_path, raw, [], encoding=encoding)
    assert [row["body"] for row in rows] == expected


@given(st.binary(max_size=400), st.integers(64, 90))
def test_lines_are_those_of_the_file_in_pieces_of_the_greatest_size(raw: bytes, most: int) -> None:
    options: dict[str, Any] = {
        "preserve_leading_whitespaces": True,
        "preserve_trailing_whitespaces": True,
    }
    with TemporaryDirectory() as folder:
        rows, _ = read(Path(folder), raw, [], encoding="nop", max_log_size=most, **options)
    lines = [line.removesuffix(b"\r") for line in raw.split(b"\n")[:-1]] + raw.split(b"\n")[-1:]
    pieces = [line[at : at + most] for line in lines for at in range(0, len(line), most)]
    if all(len(line) < most for line in lines):
        assert [row["body"] for row in rows] == pieces
    assert b"".join(row["body"] for row in rows).replace(b"\r", b"") == b"".join(pieces).replace(
        b"\r", b""
    )


def test_a_pattern_of_nothing_does_not_split_characters(tmp_path: Path) -> None:
    text = "äöü\nx".encode("utf-16le")
    options: dict[str, Any] = {"multiline": {"line_start_pattern": "x*"}, "encoding": "utf-16le"}
    rows, _ = read(tmp_path, text, [], **options)
    assert "".join(row["body"] for row in rows) == "äöüx"
