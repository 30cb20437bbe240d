"""The grammar of OTTL: text to syntax tree.

    statement   = lower "(" arguments ")" [ "where" condition ]
    condition   = conjunction { "or" conjunction }
    conjunction = negation { "and" negation }
    negation    = "not" negation | comparison
    comparison  = sum [ ( "==" | "!=" | "<" | "<=" | ">" | ">=" ) sum ]
    sum         = product { ( "+" | "-" ) product }
    product     = signed { ( "*" | "/" ) signed }
    signed      = ( "+" | "-" ) signed | atom
    atom        = literal | path | upper [ "(" arguments ")" keys ] | "(" condition ")" | list | map
    path        = lower keys { "." lower keys }
    keys        = { "[" condition "]" }
    arguments   = [ argument { "," argument } ]
    argument    = [ lower "=" ] condition

Values and conditions share one grammar, so that nothing has to be read twice to tell `(a + b) > c`
from `(a > b) and c`. `compile.py` refuses a condition where a value must be, and a value where a
condition must be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from penstock.ottl import syntax
from penstock.ottl.errors import StatementError
from penstock.ottl.tokens import Token, integer, octets, string, tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.ottl.syntax import Node

T = TypeVar("T")

MAX_DEPTH = 30
"""How deeply brackets may be nested. Reading them recurses, with a dozen calls for each."""

MAX_OPERATORS = 200
"""Operators in a statement: what walks its tree recurses as deep."""

LAMBDAS = "expressions with `=>` are not supported; a Python processor can do it"
"""What is said of functions that are given some, too."""

_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
_CONSTANTS = {"true": True, "false": False, "nil": None}
_LITERALS: dict[str, Callable[[Token], object]] = {
    "string": string,
    "integer": integer,
    "float": lambda token: float(token.text),
    "bytes": octets,
}
_NAMES = {"lower": "a name", "upper": "a function", "string": "a string", "end": "the end"}


def parse_statement(text: str) -> syntax.Statement:
    """Read `editor(…) where …`. Raises `StatementError`."""
    return _Parser(text).statement()


def parse_condition(text: str) -> Node:
    """Read a condition. Raises `StatementError`."""
    parser = _Parser(text)
    condition = parser.condition()
    parser.expect("end")
    return condition


class _Parser:
    """Reads from the first token that is not yet read."""

    def __init__(self, text: str) -> None:
        self._rest = tokens(text)
        self._next = next(self._rest)
        self._depth = 0
        self._operators = 0

    def statement(self) -> syntax.Statement:
        name = self._next
        if name.kind == "upper":
            problem = f"a statement begins with an editor, such as `set`, found {name}"
            raise StatementError(name.at, problem)
        self.expect("lower")
        editor = self._call(name)
        if self._next.kind == "[":
            raise StatementError(self._next.at, "an editor gives nothing that could be indexed")
        condition = self.condition() if self._accept("where") else None
        if self._next.kind != "end":
            raise self._unexpected("the end" if condition else "`where` or the end")
        return syntax.Statement(editor, condition)

    def condition(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise StatementError(self._next.at, f"nested over {MAX_DEPTH} deep")
        node = self._chain({"or"}, lambda: self._chain({"and"}, self._negation))
        self._depth -= 1
        return node

    def expect(self, kind: str) -> Token:
        """The next token, which must be of that kind."""
        if self._next.kind != kind:
            raise self._unexpected(_NAMES.get(kind, f"`{kind}`"))
        return self._advance()

    def _advance(self) -> Token:
        token = self._next
        if token.kind != "end":
            self._next = next(self._rest)
        return token

    def _operator(self) -> Token:
        self._operators += 1
        if self._operators > MAX_OPERATORS:
            raise StatementError(self._next.at, f"more than {MAX_OPERATORS} operators")
        return self._advance()

    def _accept(self, kind: str) -> bool:
        found = self._next.kind == kind
        if found:
            self._advance()
        return found

    def _unexpected(self, expected: str) -> StatementError:
        if self._next.kind == "=>":
            return StatementError(self._next.at, LAMBDAS)
        return StatementError(self._next.at, f"expected {expected}, found {self._next}")

    def _chain(self, operators: set[str], part: Callable[[], Node]) -> Node:
        node = part()
        while self._next.kind in operators:
            operator = self._operator()
            node = syntax.Binary(operator.at, operator.kind, node, part())
        return node

    def _prefixed(self, operators: set[str], part: Callable[[], Node]) -> Node:
        prefixes = []
        while self._next.kind in operators:
            prefixes.append(self._operator())
        node = part()
        for prefix in reversed(prefixes):
            node = syntax.Unary(prefix.at, prefix.kind, node)
        return node

    def _negation(self) -> Node:
        return self._prefixed({"not"}, self._comparison)

    def _comparison(self) -> Node:
        left = self._sum()
        if self._next.kind not in _COMPARISONS:
            return left
        operator = self._operator()
        return syntax.Binary(operator.at, operator.kind, left, self._sum())

    def _sum(self) -> Node:
        return self._chain({"+", "-"}, lambda: self._chain({"*", "/"}, self._signed))

    def _signed(self) -> Node:
        return self._prefixed({"+", "-"}, self._atom)

    def _atom(self) -> Node:  # noqa: PLR0911  (a kind of atom each)
        token = self._next
        if token.kind in _LITERALS:
            return syntax.Literal(token.at, _LITERALS[self._advance().kind](token))
        if token.kind in _CONSTANTS:
            return syntax.Literal(token.at, _CONSTANTS[self._advance().kind])
        match token.kind:
            case "lower":
                return self._path()
            case "upper":
                self._advance()
                is_call = self._next.kind == "("
                return self._call(token) if is_call else syntax.Symbol(token.at, token.text)
            case "(":
                self._advance()
                node = self.condition()
                self.expect(")")
                return node
            case "[":
                return syntax.ListOf(token.at, self._between("[", "]", self.condition))
            case "{":
                return syntax.MapOf(token.at, self._between("{", "}", self._entry))
        raise self._unexpected("a value")

    def _path(self) -> Node:
        first = self._next
        segments = [self._segment()]
        while self._accept("."):
            segments.append(self._segment())
        if self._next.kind == "(":
            problem = f"`{first.text}` is no converter: their names begin with a capital letter"
            raise StatementError(first.at, problem)
        return syntax.Path(first.at, tuple(segments))

    def _segment(self) -> syntax.Segment:
        return syntax.Segment(self.expect("lower").text, self._keys())

    def _keys(self) -> tuple[Node, ...]:
        keys = []
        while self._accept("["):
            keys.append(self.condition())
            self.expect("]")
        return tuple(keys)

    def _call(self, name: Token) -> syntax.Call:
        arguments = self._between("(", ")", self._argument)
        keys = self._keys() if name.kind == "upper" else ()
        return syntax.Call(name.at, name.text, arguments, keys)

    def _argument(self) -> syntax.Argument:
        at = self._next.at
        node = self.condition()
        if self._next.kind != "=":
            return syntax.Argument(at, None, node)
        if not isinstance(node, syntax.Path) or len(node.segments) > 1 or node.segments[0].keys:
            raise StatementError(self._next.at, "expected the name of an argument before `=`")
        self._advance()
        return syntax.Argument(at, node.segments[0].name, self.condition())

    def _entry(self) -> tuple[str, Node]:
        key = string(self.expect("string"))
        self.expect(":")
        return key, self.condition()

    def _between(self, begin: str, end: str, part: Callable[[], T]) -> tuple[T, ...]:
        """Parts with commas between them, in brackets."""
        self.expect(begin)
        parts: list[T] = []
        while not self._accept(end):
            if parts and not self._accept(","):
                raise self._unexpected(f"`,` or `{end}`")
            parts.append(part())
        return tuple(parts)
