"""Expressions of operators, the part of expr-lang that they need: compiled to data, which the
kernel evaluates."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import AfterValidator

from penstock.config.regexps import compiled
from penstock.receivers._operators_fields import MAX_KEYS, ROOTS, FieldPath

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_LENGTH = 16 * 1024
MAX_DEPTH = 20
"""Expressions in parentheses, within each other."""

_WORD = re.compile(
    r"""
    (?P<space>\s+)
    | (?P<number>\d+(?:\.\d+)?)
    | (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)
    | (?P<operator>==|!=|<=|>=|&&|\|\||\?\.|[<>!()\[\],.+])
    | (?P<name>\$?[A-Za-z_]\w*|\$)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMPARISONS = {
    "==": "equal",
    "!=": "unequal",
    "<": "less",
    "<=": "less_or_equal",
    ">": "greater",
    ">=": "greater_or_equal",
    "contains": "contains",
    "startsWith": "starts_with",
    "endsWith": "ends_with",
}
_CONSTANTS = {"true": True, "false": False, "nil": None}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


class Token(NamedTuple):
    """A word, its sort, and its place, counted from 1."""

    sort: str
    text: str
    at: int

    def __str__(self) -> str:
        return "the end" if self.sort == "end" else f"`{self.text}`"


def compile_expression(text: str) -> Any:
    """An expression as the kernel takes it. Raises `ValueError` with the column of a fault."""
    if len(text) > MAX_LENGTH:
        msg = f"expected at most {MAX_LENGTH} characters, found {len(text)}"
        raise ValueError(msg)
    parser = _Parser(_tokens(text))
    tree = parser.any_of()
    parser.expect("end", "the end or an operator")
    return tree


def compile_value(text: str) -> Any:
    """A value that `add` gives: a text as it is, or what is in `EXPR(…)`."""
    inner = re.fullmatch(r"EXPR\((.*)\)", text, re.DOTALL)
    return compile_expression(inner[1]) if inner else {"value": text}


def _is_expression(text: str) -> str:
    compile_expression(text)
    return text


Expression = Annotated[str, AfterValidator(_is_expression)]
"""A condition on entries."""


def _tokens(text: str) -> list[Token]:
    found, at = [], 0
    while at < len(text):
        word = _WORD.match(text, at)
        if word is None:
            raise _fault(at + 1, f"`{text[at]}` has no meaning in the expressions that are here")
        if word.lastgroup != "space":
            found.append(Token(word.lastgroup or "", word[0], at + 1))
        at = word.end()
    return [*found, Token("end", "", len(text) + 1)]


def _fault(at: int, problem: str) -> ValueError:
    return ValueError(f"column {at}: {problem}")


class _Parser:
    """Goes over the words once. Each method reads what binds as strongly as its name says."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens[::-1]
        self._depth = 0

    @property
    def _next(self) -> Token:
        return self._tokens[-1]

    def _taken(self, *texts: str) -> Token | None:
        taken = self._next.sort in {"operator", "name"} and self._next.text in texts
        return self._tokens.pop() if taken else None

    def expect(self, text: str, what: str) -> Token:
        """Take a word that must be there. Raises `ValueError`."""
        if text not in {self._next.sort, self._next.text}:
            raise _fault(self._next.at, f"expected {what}, found {self._next}")
        return self._tokens.pop()

    def any_of(self) -> Any:
        return self._several("or", self._all_of, "or", "||")

    def _all_of(self) -> Any:
        return self._several("and", self._negation, "and", "&&")

    def _several(self, name: str, part: Callable[[], Any], *texts: str) -> Any:
        parts = [part()]
        while self._taken(*texts):
            parts.append(part())
        return {name: parts} if len(parts) > 1 else parts[0]

    def _negation(self) -> Any:
        if self._taken("not", "!"):
            return {"not": self._within(self._negation)}
        return self._comparison()

    def _within(self, part: Callable[[], Any]) -> Any:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _fault(self._next.at, f"expected at most {MAX_DEPTH} levels of parentheses")
        found = part()
        self._depth -= 1
        return found

    def _comparison(self) -> Any:
        left = self._sum()
        negated = self._taken("not")
        operator = self._taken(*_COMPARISONS, "matches", "in")
        if operator is None:
            if negated:
                raise _fault(negated.at, "expected an operator before `not`")
            return left
        made = self._compared(left, operator)
        return {"not": made} if negated else made

    def _compared(self, left: Any, operator: Token) -> Any:
        if operator.text == "matches":
            pattern = self.expect("string", "a pattern in quotes")
            return {"matches": [left, _pattern(pattern)]}
        if operator.text == "in":
            return {"in": [left, self._list()]}
        return {"compare": [_COMPARISONS[operator.text], left, self._sum()]}

    def _sum(self) -> Any:
        return self._several("join", self._value, "+")

    def _list(self) -> list[Any]:
        self.expect("[", "a list such as [1, 2]")
        if self._taken("]"):
            return []
        values = [self._sum()]
        while self._taken(","):
            values.append(self._sum())
        self.expect("]", "`,` or `]`")
        return values

    def _value(self) -> Any:
        token = self._tokens.pop()
        if token.text == "(":
            inner = self._within(self.any_of)
            self.expect(")", "`)`")
            return inner
        if token.sort == "string":
            return {"value": _string(token)}
        if token.sort == "number":
            return {"value": json.loads(token.text)}
        if token.sort == "name":
            return self._named(token)
        raise _fault(token.at, f"expected a value, found {token}")

    def _named(self, token: Token) -> Any:
        name = "body" if token.text == "$" else token.text.removeprefix("$")
        if name in _CONSTANTS:
            return {"value": _CONSTANTS[name]}
        if name == "env":
            return {"value": self._variable()}
        if name not in ROOTS:
            known = "body, attributes and resource"
            raise _fault(token.at, f"expected {known}, a text, a number or env(), found {token}")
        return {"path": FieldPath(name, tuple(self._keys())).data()}

    def _variable(self) -> str | None:
        self.expect("(", "`(`")
        name = self.expect("string", "the name of a variable")
        self.expect(")", "`)`")
        return os.environ.get(_string(name))

    def _keys(self) -> list[str]:
        keys: list[str] = []
        while step := self._taken(".", "?.", "["):
            if step.text == "[":
                keys.append(_string(self.expect("string", "a key in quotes")))
                self.expect("]", "`]`")
            else:
                keys.append(self.expect("name", "a key").text)
            if len(keys) > MAX_KEYS:
                raise _fault(step.at, f"expected at most {MAX_KEYS} keys")
        return keys


def _pattern(token: Token) -> str:
    try:
        return compiled(_string(token)).pattern
    except ValueError as error:
        raise _fault(token.at, str(error)) from error


def _string(token: Token) -> str:
    if token.text[0] == "`":
        return token.text[1:-1]

    def character(match: re.Match[str]) -> str:
        if match[1] not in {*_ESCAPES, "\\", '"', "'", "`"}:
            problem = f"`{match[0]}` means nothing in a text; write `\\{match[0]}` for a backslash"
            raise _fault(token.at, problem)
        return _ESCAPES.get(match[1], match[1])

    return re.sub(r"\\(.)", character, token.text[1:-1], flags=re.DOTALL)
