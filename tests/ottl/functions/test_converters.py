"""What each converter gives: the Collector's documented examples, and the edges of each."""

from __future__ import annotations

import time
from typing import Any

import pytest

from penstock.pipeline import Invalid
from tests.ottl.running import result

CASES: list[tuple[str, Any]] = [
    ('Concat(["a", 1, 2.5, true, nil, [1]], "-")', "a-1-2.5-true-<nil>-[1]"),
    ('Concat([0x0102], "")', "0102"),
    ('ConvertCase("myMetric", "snake")', "my_metric"),
    ('ToSnakeCase("HTTPServer2Go")', "http_server_2_go"),
    ('ToCamelCase("my_metric-name")', "MyMetricName"),
    ('ToUpperCase("aß")', "ASS"),
    ('ToLowerCase("ABC")', "abc"),
    ('HasPrefix("ingest_a", "ingest_")', True),
    ('HasSuffix("a_service", "_service")', True),
    ('Index("hello wörld", "rld")', 9),
    ('Index("abc", "x")', -1),
    ('Index([1, "a"], "a")', 1),
    ('IsMatch("/user/1", "^/user/[0-9]+$")', True),
    ('IsMatch(12, "2")', True),
    ('IsMatch(nil, ".*")', False),
    ('Split("a,b,", ",")', ["a", "b", ""]),
    ('Split("a,b", ",")[1]', "b"),
    ("String(1.0)", "1"),
    ("String(1.0e21)", "1e+21"),
    ("String([1, true])", "[1,true]"),
    ('String({"b": 1, "a": nil})', '{"a":null,"b":1}'),
    ("String(0xff)", "ff"),
    ("String(nil)", None),
    ('Substring("123456789", 0, 3)', "123"),
    ('Substring("一二三", 0, 4, true)', "一"),
    ('Substring("ä", 0, 1)', "\ufffd"),
    ('Trim("  a b ")', "a b"),
    ('Trim("!!a!!", "!")', "a"),
    ('TrimPrefix("ingest_a", "ingest_")', "a"),
    ('TrimSuffix("a_b", "_b")', "a"),
    ('Bool("T")', True),
    ('Bool("no")', None),
    ("Bool(0.0)", False),
    ('Coalesce([nil, span.attributes["x"], "c"])', "c"),
    ('Double("2.5")', 2.5),
    ('Double("1_0")', None),
    ("Double(true)", 1.0),
    ('Int("12")', 12),
    ('Int("2.0")', None),
    ("Int(-2.9)", -2),
    ("Int(true)", 1),
    ("Int([])", None),
    ("Int(1.0e300)", None),
    ("IsBool(false)", True),
    ("IsDouble(1)", False),
    ("IsInt(1)", True),
    ("IsList([])", True),
    ("IsMap({})", True),
    ('IsString("")', True),
    ("IsEmpty(0)", True),
    ("IsEmpty(0x0000)", True),
    ('IsEmpty("a")', False),
    ('Len("ä")', 2),
    ("Len([1, 2])", 2),
    ("Log(1)", 0.0),
    ('ParseInt("AA", 16)', 170),
    ('ParseInt("0b1111_0000", 0)', 240),
    ('ParseInt("-0xFF", 0)', -255),
    ('ParseInt("-0o123", 0)', -83),
    ('ParseInt("-20", 8)', -16),
    ('ParseInt("017", 0)', 15),
    ('FNV("hello world")', 8618312879776256743),
    ('MD5("name")', "b068931cc450442b63f5b3d276ea4297"),
    ('SHA1("name")', "6ae999552a0d2dca14d62e2bc8b764d377b1dd6c"),
    ('SHA256("name")', "82a3537ff0dbce7eec35d69edc3a189ee6f17d82f353a553f9aa96cb0be3ce89"),
    ("Hex(1.1)", "3ff199999999999a"),
    ("Hex(12)", "000000000000000c"),
    ('Hex("1")', "31"),
    ("Hex(true)", "01"),
    ("Hex([])", None),
    ('Base64Encode("a?>")', "YT8+"),
    ('Base64Encode("a?>", "base64-raw-url")', "YT8-"),
    ('Decode("aGVsbG8gd29ybGQ=", "base64")', "hello world"),
    ('Decode("aGVsbG8gd29ybGQ", "base64-raw")', "hello world"),
    ('Decode(0xe4, "iso-8859-1")', "ä"),
    ('IsInCIDR("192.168.3.4", ["10.0.0.0/8", "192.168.0.0/16"])', True),
    ('IsInCIDR("x", ["10.0.0.0/8"])', False),
    ('Decode(0xff, "utf-8")', "\ufffd"),
    ('IsInCIDR("fe80::1", ["192.168.0.0/16"])', False),
    ('IsValidLuhn("17893729974")', True),
    ("IsValidLuhn(17893729975)", False),
    ('String(TraceID("a389023abaa839283293ed323892389d"))', "a389023abaa839283293ed323892389d"),
    ('ParseJSON("{\\"a\\": [1, true, null]}")', {"a": [1.0, True, None]}),
    ('ParseJSON("[1]")[0]', 1.0),
    ('ParseKeyValue("k1=v1 k2=\\"v 2\\"  k3=")', {"k1": "v1", "k2": "v 2", "k3": ""}),
    ('ParseKeyValue("k1!v1_k2!v2", "!", "_")', {"k1": "v1", "k2": "v2"}),
    ('ParseCSV("1,\\"a,b\\",", "x,y,z")', {"x": "1", "y": "a,b", "z": ""}),
    (
        'ParseCSV("1|\\"a", "x,y", delimiter = "|", headerDelimiter = ",", mode = "ignoreQuotes")',
        {"x": "1", "y": '"a'},
    ),
    ('ExtractPatterns("GIT_SHA=abc x", "GIT_SHA=(?P<sha>\\\\w+)")', {"sha": "abc"}),
    ('ExtractPatterns("none", "GIT_SHA=(?P<sha>\\\\w+)")', {}),
    ('ToKeyValueString({"b": 1, "a": "x=y"}, sort_output = true)', 'a="x=y" b=1'),
    (
        'URL("http://me:pw@www.example.com:80/foo.gif?k=v#f")',
        {
            "url.original": "http://me:pw@www.example.com:80/foo.gif?k=v#f",
            "url.domain": "www.example.com",
            "url.scheme": "http",
            "url.path": "/foo.gif",
            "url.port": 80,
            "url.fragment": "f",
            "url.query": "k=v",
            "url.extension": "gif",
            "url.user_info": "me:pw",
            "url.username": "me",
            "url.password": "pw",
        },
    ),
    ("ContainsValue([1, 2.0], 2)", True),
    ('Keys({"a": 1})', ["a"]),
    ('Values({"a": 1})', [1]),
    ("Sort([3, 1.5, 2])", [1.5, 2, 3]),
    ('Sort(["b", "a"], "desc")', ["b", "a"]),
    ('Sort([true, "a", 1])', [1, "a", True]),
    ('SliceToMap([{"n": "a", "v": 2}], ["n"], ["v"])', {"a": 2}),
    ('SliceToMap([{"n": "a"}])', {"0": {"n": "a"}}),
    (
        'Format("%02d|%5.1f|%-4s|%v|%x|%q|%t|%%", [7, 2.25, "a", 1.0, 255, "b", true])',
        '07|  2.2|a   |1|ff|"b"|true|%',
    ),
    ('Format("%d %s", ["a"])', "%!d(string=a) %!s(MISSING)"),
    ('Format("%s", ["a", 2])', "a%!(EXTRA int64=2)"),
    ('Seconds(Duration("1h2m3.5s"))', 3723.5),
    ('Milliseconds(Duration("-1.5ms"))', -1),
    ('Microseconds(Duration("1.5µs"))', 1),
    ('Hours(Duration("90m"))', 1.5),
    ('String(Duration("3723.5s"))', "3723500000000"),
    ('UnixNano(Time("2023-02-04 05:06:07.123", "%Y-%m-%d %H:%M:%S.%L"))', 1675487167123000000),
    ('UnixSeconds(Time("02/04/2023", "%D"))', 1675468800),
    ('FormatTime(Unix(0), "%T.%L %r")', "00:00:00 12:00:00 am"),
    ('UnixMilli(Time("Feb 15, 2023", "%b %d, %Y"))', 1676419200000),
    ('Hour(Time("2023-05-26 12:34:56 +0200", "%Y-%m-%d %H:%M:%S %z"))', 12),
    (
        'UnixSeconds(Time("2023-05-26 12:34:56", "%Y-%m-%d %H:%M:%S", "America/New_York"))',
        1685118896,
    ),
    ('UnixSeconds(Time("12:30:00 pm", "%r")) - UnixSeconds(Time("12:30:00 am", "%r"))', 43200),
    ('FormatTime(Time("02/04/2023", "%m/%d/%Y"), "%A %h %e %Y")', "Saturday Feb  4 2023"),
    ('FormatTime(Unix(0, 1500), "%FT%T.%s%j")', "1970-01-01T00:00:00.0000015+00:00"),
    ('FormatTime(TruncateTime(Unix(3725), Duration("1h")), "%T")', "01:00:00"),
    ("Year(Unix(0)) * 10000 + Month(Unix(0)) * 100 + Day(Unix(0))", 19700101),
    ("Weekday(Unix(0))", 4),
    ("Minute(Unix(3725)) * 60 + Second(Unix(3725))", 125),
    ("Nanosecond(Unix(1, 5))", 5),
    ("UnixMicro(Unix(1))", 1_000_000),
    ("String(Unix(0, 500000000))", '"1970-01-01T00:00:00.5Z"'),
]
FAILING = [
    ('Substring("abc", 2, 2)', "2 and 2 are no part of 3 bytes"),
    ('Split(span.attributes["none"], "x")', "expected a string, found nil"),
    ("Len(1.5 + 1)", "expected a string, a list or a map, found a double"),
    ("Log(1 - 1)", "0.0 has no logarithm"),
    ('ParseInt("x", 10)', "the text is no int of base 10"),
    ('ParseInt("1", 1)', "expected a base of 0 or 2 to 36"),
    ('ParseJSON("{")', "the text is no JSON"),
    (
        'ParseJSON("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]")',
        "nested over 28 deep",
    ),
    ('ParseKeyValue("a")', "a part of the text is no pair"),
    ('ParseKeyValue("")', "the text is empty"),
    ('ParseCSV("1", "a,b")', "expected 2 fields, found 1"),
    ('Decode("!", "base64")', "base64"),
    ('IsValidLuhn("12a")', "expected an int or a string of digits"),
    ('TraceID("00")', "expected 16 bytes or 32 hex digits"),
    ('Seconds(Duration("1x"))', "the text is no duration"),
    ('UnixNano(Time("2023-13-01", "%F"))', "month must be in 1..12"),
    ('UnixNano(Time("today", "%F"))', "the text is no time in the format '%F'"),
    ('FormatTime(Unix(9000000000000), "%F")', "is beyond year 9999"),
    ("Sort([[1]])", "expected a list of strings, numbers and bools"),
    ('Split("a", ",")[5]', "index 5 is out of the list of 1"),
    ('Format("%9999d", [1])', "a width or precision is over 1000"),
]


@pytest.mark.parametrize(("expression", "expected"), CASES)
def test_a_converter_gives_what_the_collectors_gives(expression: str, expected: Any) -> None:
    found = result(expression)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(("expression", "problem"), FAILING)
def test_what_a_converter_cannot_work_with_fails_its_item(expression: str, problem: str) -> None:
    with pytest.raises(Invalid, match=problem):
        result(expression)


def test_ids_that_are_made_are_others_for_every_item() -> None:
    from tests.ottl.running import after, attributes, with_attributes

    batch = after(
        with_attributes({}, {}),
        'set(span.attributes["four"], UUID())',
        'set(span.attributes["seven"], UUIDv7())',
    )
    one, other = attributes(batch)
    assert one["four"] != other["four"]
    assert one["four"][14] == "4"
    assert one["seven"] != other["seven"]
    assert one["seven"][14] == "7"


@pytest.mark.parametrize(
    "expression",
    [
        'ParseJSON(span.attributes["deep"])',
        'ParseInt(span.attributes["long"], 3)',
        'Double(span.attributes["long"])',
        'Log(span.attributes["long"])',
        'Int(span.attributes["long"])',
        'ParseKeyValue(span.attributes["long"])',
        'Duration(span.attributes["long"])',
        'Time(span.attributes["long"], "%Y-%m-%d")',
        'IsInCIDR(span.attributes["long"], ["10.0.0.0/8"])',
        'ToSnakeCase(span.attributes["long"])',
        'URL(span.attributes["long"])',
        'ParseCSV(span.attributes["long"], "a,b")',
    ],
)
def test_hostile_text_costs_no_more_than_its_length_and_is_not_repeated(expression: str) -> None:
    given = {"deep": "[" * 1000 + "]" * 1000, "long": "1" * 1_000_000}
    before = time.process_time()
    said = ""
    try:
        result(expression, **given)
    except Invalid as fault:
        said = str(fault)
    assert time.process_time() - before < 1
    assert len(said) < 200


def test_now_is_now() -> None:
    found = result("UnixNano(Now())")
    assert 0 <= time.time_ns() - found < 60 * 10**9
