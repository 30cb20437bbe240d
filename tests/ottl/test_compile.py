"""What statements may say, and what they are told else."""

from __future__ import annotations

import pytest

from penstock.ottl import Condition, Statement, StatementError
from penstock.ottl.functions.catalog import CONVERTERS, NOT_HERE
from penstock.ottl.signature import parameters
from penstock.ottl.statements import EDITORS
from penstock.pipeline import Signal

BAD = [
    ("set(span.nam, 1)", "column 5: `span.nam` is not a path of span; did you mean `span.name`?"),
    ("set(name, 1)", "column 5: a path begins with its context; did you mean `span.name`?"),
    (
        "set(nothing, 1)",
        "column 5: `nothing` is not a path; one begins with resource, scope, span, spanevent",
    ),
    (
        "set(log.body, 1)",
        "column 5: `log.body` cannot be used here: expected one of resource, scope, span",
    ),
    (
        "set(exemplar.value, 1)",
        "column 5: the context exemplar is not supported; use the path `datapoint.exemplars`",
    ),
    ('set(span.name["a"], 1)', "column 5: `span.name` cannot be indexed"),
    ('set("x", 1)', "column 5: expected a path that can be set"),
    ("sett(span.name, 1)", "column 1: there is no editor `sett`; did you mean `set`?"),
    ("set(span.name)", "column 1: `set(target, value)` needs `value`"),
    ("set(span.name, 1, 2)", "column 19: `set` takes 2 arguments, found 3"),
    ("set(span.name, valu = 1)", "column 16: `set` has no argument `valu`; did you mean `value`?"),
    ("set(target = span.name, 1)", "column 25: arguments without a name come before named ones"),
    ('set(span.name, "a", value = "b")', "column 21: `value` is given twice"),
    ("set(span.name, Foo(1))", "column 16: there is no converter `Foo`"),
    ("set(span.name, Sha256(1))", "there is no converter `Sha256`; did you mean `SHA256`?"),
    ("set(span.name, Concat)", "column 16: `Concat` needs its arguments in brackets"),
    ("set(span.kind, SPAN_KIND_SERVR)", "is no enum; did you mean `SPAN_KIND_SERVER`?"),
    ("set(span.name, 1 == 1)", "column 18: expected a value, found a condition"),
    ("set(span.name, 1) where 1 + 1", "column 27: expected a condition: a comparison"),
    ("set(span.name, 1) where span.name", "column 25: expected a condition: a comparison"),
    ("set(span.name, Substring(1, 2, 3))", "column 26: `target`: expected a string, found an int"),
    ("delete_key(span.attributes, span.name)", "column 29: expected a string that is written here"),
    ('merge_maps(span.attributes, {}, "put")', "expected insert, update or upsert, found 'put'"),
    ('set(span.name, ConvertCase(span.name, "up"))', "expected lower, upper, snake or camel"),
    ('set(span.name, Time(span.name, "%Q"))', "column 32: `%Q` is no directive of a time's format"),
    ('set(span.name, Time(span.name, "2006-01-02"))', "expected a format such as %Y-%m-%d"),
    ('set(span.name, Time("x", "%Y", "Mars"))', "there is no time zone 'Mars'"),
    ('set(span.name, Decode(span.name, "zip"))', "there is no encoding 'zip'"),
    ('set(span.name, GetXML(span.name, "/a"))', "`GetXML` is not supported: XML is not supported"),
    ('set(span.name, "x") where IsMatch(span.name, "(?=a)")', "look-around"),
    ('set(span.name, "x") where IsMatch(span.name, span.name)', "a literal"),
    ('replace_pattern(span.name, "a{1000}{1000}{1000}", "")', "exceeds size limit"),
    ('replace_pattern(span.name, "a", "b", Foo)', "expected the name of a converter"),
    ('replace_pattern(span.name, "a", "b", Split)', "`Split` takes more than a string"),
    ('replace_pattern(span.name, "a", "b", SHA256, "x")', "expected a format with one %s"),
    ('replace_all_patterns(span.attributes, "all", "a", "b")', "expected key or value"),
    ("limit(span.attributes, -1, [])", "expected an int that is not negative, found -1"),
    ('limit(span.attributes, 1, ["a", "b"])', "2 keys with priority exceed the limit"),
    ('truncate_all(span.attributes, 1, true, "..")', "the truncation_marker is longer than"),
    ("set(span.attributes.a, 1)", "column 5: `span.attributes.a` is not a path of span"),
]


@pytest.mark.parametrize(("text", "problem"), BAD, ids=[text for text, _ in BAD])
def test_what_cannot_be_is_refused_with_its_place_and_what_was_meant(
    text: str, problem: str
) -> None:
    with pytest.raises(StatementError) as fault:
        Statement.compile(text, Signal.TRACES)
    assert problem in str(fault.value)


@pytest.mark.parametrize("name", NOT_HERE)
def test_a_converter_that_is_not_here_is_refused_with_what_to_do(name: str) -> None:
    with pytest.raises(StatementError, match=f"column 16: `{name}` is not supported: .*(use|can)"):
        Statement.compile(f"set(span.name, {name}(span.name))", Signal.TRACES)


def test_with_a_context_paths_need_not_begin_with_it() -> None:
    for text in ('name == "a"', 'span.name == "a"', 'resource.attributes["a"] == 1'):
        Condition.compile(text, Signal.TRACES, "span")
    with pytest.raises(StatementError, match="cannot be used here: expected one of resource, sc"):
        Condition.compile('span.name == "a"', Signal.TRACES, "scope")
    with pytest.raises(StatementError, match="is not a path of span; did you mean `name`"):
        Condition.compile('nam == "a"', Signal.TRACES, "span")


def test_functions_of_a_context_are_refused_in_others() -> None:
    Condition.compile("IsRootSpan()", Signal.TRACES)
    with pytest.raises(StatementError, match="`IsRootSpan` is for the context span"):
        Condition.compile("IsRootSpan()", Signal.LOGS)
    with pytest.raises(StatementError, match="is for the context metric"):
        Condition.compile('HasAttrKeyOnDatapoint("a")', Signal.METRICS, "datapoint")


@pytest.mark.parametrize("name", [*CONVERTERS, *EDITORS])
def test_every_function_says_what_it_takes(name: str) -> None:
    function = (CONVERTERS | EDITORS)[name]
    assert function.__doc__
    assert name not in NOT_HERE
    assert [one.name for one in parameters(function) if one.kind is None] == []
