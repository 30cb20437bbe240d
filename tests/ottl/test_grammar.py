"""What is a statement, and where one that is not goes wrong."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.ottl import StatementError
from penstock.ottl.grammar import parse_condition, parse_statement
from penstock.ottl.syntax import Binary, Call, ListOf, Literal, MapOf, Path, Symbol, Unary
from penstock.ottl.tokens import MAX_LENGTH

BAD = [
    ("set(span.name, ", "column 16: expected a value, found the end"),
    ('set(span.name "x")', 'column 15: expected `,` or `)`, found `"x"`'),
    ("set(a, 1) wher true", "column 11: expected `where` or the end, found `wher`"),
    ("set(a, 1) where true x", "column 22: expected the end, found `x`"),
    ('set(a, "x', 'column 8: the string has no end; it is written in one pair of `"`'),
    ("set(a, 'x')", "column 8: `'` has no meaning here; strings are written in `\"`"),
    ("set(a, 0x123)", "column 8: `0x123` has an odd number of digits: half a byte"),
    ("set(a, 9223372036854775808)", "column 8: integers go up to 9223372036854775807"),
    ("set(a, 1)[0]", "column 10: an editor gives nothing that could be indexed"),
    (
        "Set(a, 1)",
        "column 1: a statement begins with an editor, such as `set`, found `Set`",
    ),
    (
        'set(a, concat("x"))',
        "column 8: `concat` is no converter: their names begin with a capital letter",
    ),
    ("set(a,\n  1 +)", "2:6: expected a value, found `)`"),
    ("set(a.b[0] = 1)", "column 12: expected the name of an argument before `=`"),
    ('set(a, "\\d")', "column 8: `\\d` means nothing in a string; write `\\\\d` for a backslash"),
    ('set(a, "\\ud800")', "column 8: 0xd800 is no character of Unicode"),
    ("", "column 1: expected a name, found the end"),
    ("set(a, 1 ? 2)", "column 10: `?` has no meaning here"),
    ("set(" + "(" * 100 + ")", "column 35: nested over 30 deep"),
    ("set(a, 1) where " + "not " * 300 + "true", "column 817: more than 200 operators"),
    ("set(a, 1" + " + 1" * 300 + ")", "column 810: more than 200 operators"),
    (
        "set(a, All(b, (i) => i > 1))",
        "column 19: expressions with `=>` are not supported; a Python processor can do it",
    ),
    (
        "x" * (MAX_LENGTH + 1),
        f"column {MAX_LENGTH}: expected at most 65536 characters, found 65537",
    ),
]


@pytest.mark.parametrize(("text", "problem"), BAD, ids=[text[:20] for text, _ in BAD])
def test_a_bad_statement_is_refused_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(StatementError) as fault:
        parse_statement(text)
    assert str(fault.value) == problem


def told(node: object) -> str:  # noqa: PLR0911  (a kind of node each)
    """A tree as text with every bracket."""
    match node:
        case Binary():
            return f"({told(node.left)} {node.operator} {told(node.right)})"
        case Unary():
            return f"({node.operator} {told(node.operand)})"
        case Literal():
            return repr(node.value)
        case Path():
            steps = (
                segment.name + "".join(f"[{told(key)}]" for key in segment.keys)
                for segment in node.segments
            )
            return ".".join(steps)
        case Symbol():
            return node.name
        case ListOf():
            return f"[{', '.join(map(told, node.items))}]"
        case MapOf():
            return f"{{{', '.join(f'{key}: {told(item)}' for key, item in node.items)}}}"
        case Call():
            names = [f"{one.name}=" if one.name else "" for one in node.arguments]
            given = zip(names, node.arguments, strict=True)
            inner = ", ".join(name + told(one.value) for name, one in given)
            return f"{node.name}({inner})" + "".join(f"[{told(key)}]" for key in node.keys)
    raise AssertionError(node)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a == 1 or b == 2 and not c == 3", "((a == 1) or ((b == 2) and (not (c == 3))))"),
        ("(a == 1 or b == 2) and c == 3", "(((a == 1) or (b == 2)) and (c == 3))"),
        ("1 + 2 * 3 - 4 / 5 > -6", "(((1 + (2 * 3)) - (4 / 5)) > (- 6))"),
        ("(1 + 2) * 3 == .5e1", "(((1 + 2) * 3) == 5.0)"),
        ('a.b["c"][0].d != nil', "(a.b['c'][0].d != None)"),
        ('IsMatch(a, "x")', "IsMatch(a, 'x')"),
        ('Split(a, b = ",")[0] == 0xff', "(Split(a, b=',')[0] == b'\\xff')"),
        ('{"k": [1, true], "l": {}} == []', "({k: [1, True], l: {}} == [])"),
        ('a == "\\"\\\\\\n\\u00e9\\x41"', "(a == '\"\\\\\\néA')"),
        ("STATUS_CODE_OK == a", "(STATUS_CODE_OK == a)"),
        ("nothing == where_ and order > 1", "((nothing == where_) and (order > 1))"),
    ],
)
def test_operators_bind_as_in_the_collector(text: str, tree: str) -> None:
    assert told(parse_condition(text)) == tree


@given(st.text(alphabet='abAB01.,:"\\()[]{}=<>+-*/ \nwhenot', max_size=40))
def test_no_text_does_worse_than_be_refused(text: str) -> None:
    with suppress(StatementError):
        parse_statement(f"set(a, {text}")
