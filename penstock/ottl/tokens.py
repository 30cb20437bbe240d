"""The words of a statement."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from penstock.ottl.errors import StatementError
from penstock.ottl.syntax import Position

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LENGTH = 64 * 1024
"""Characters of a statement. People write up to some hundreds."""

_LARGEST = 2**63 - 1

_WORD = re.compile(
    r"""
    (?P<space>\s+)
    | (?P<bytes>0x[0-9a-fA-F]+)
    | (?P<float>[0-9]*\.[0-9]+(?:[eE][-+]?[0-9]+)?)
    | (?P<integer>[0-9]+)
    | (?P<string>"(?:\\.|[^\\"])*")
    | (?P<operator>==|!=|<=|>=|=>|[<>+\-*/=()\[\]{},:.])
    | (?P<upper>[A-Z][A-Za-z0-9_]*)
    | (?P<lower>[a-z_][A-Za-z0-9_]*)
    """,
    re.VERBOSE | re.DOTALL,
)
KEYWORDS = frozenset({"and", "or", "not", "where", "true", "false", "nil"})


class Token(NamedTuple):
    """A word: `kind` is the operator or keyword itself, or what sort of word it is."""

    kind: str
    text: str
    at: Position

    def __str__(self) -> str:
        return "the end" if self.kind == "end" else f"`{self.text}`"


def tokens(text: str) -> Iterator[Token]:
    """Every word of a statement, then the end. Raises `StatementError`."""
    if len(text) > MAX_LENGTH:
        at = Position(1, MAX_LENGTH)
        raise StatementError(at, f"expected at most {MAX_LENGTH} characters, found {len(text)}")
    offset = 0
    while offset < len(text):
        match = _WORD.match(text, offset)
        if not match:
            raise _unreadable(text, offset)
        if match.lastgroup != "space":
            yield Token(_kind(match), match[0], _position(text, offset))
        offset = match.end()
    yield Token("end", "", _position(text, len(text)))


def _kind(match: re.Match[str]) -> str:
    group = match.lastgroup or ""
    return match[0] if group == "operator" or match[0] in KEYWORDS else group


def _position(text: str, offset: int) -> Position:
    return Position(text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


def _unreadable(text: str, offset: int) -> StatementError:
    at, character = _position(text, offset), text[offset]
    if character == '"':
        return StatementError(at, 'the string has no end; it is written in one pair of `"`')
    remedy = '; strings are written in `"`' if character in "'`" else ""
    return StatementError(at, f"`{character}` has no meaning here{remedy}")


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)", re.DOTALL)
_SURROGATES = range(0xD800, 0xE000)
_LAST = 0x10FFFF


def string(token: Token) -> str:
    """The text of a string, with Go's escapes."""

    def character(match: re.Match[str]) -> str:
        code = match[1]
        if len(code) > 1:
            return _character(token, int(code, 8) if code[0].isdigit() else int(code[1:], 16))
        if code not in _ESCAPES and code not in "\\\"'":
            problem = f"`\\{code}` means nothing in a string; write `\\\\{code}` for a backslash"
            raise StatementError(token.at, problem)
        return _ESCAPES.get(code, code)

    return _ESCAPE.sub(character, token.text[1:-1])


def _character(token: Token, number: int) -> str:
    if number in _SURROGATES or number > _LAST:
        raise StatementError(token.at, f"{number:#x} is no character of Unicode")
    return chr(number)


def integer(token: Token) -> int:
    """An integer of 64 bits."""
    if len(token.text) > len(str(_LARGEST)) or int(token.text) > _LARGEST:
        raise StatementError(token.at, f"integers go up to {_LARGEST}")
    return int(token.text)


def octets(token: Token) -> bytes:
    """The bytes that `0x…` stands for."""
    if len(token.text) % 2:
        raise StatementError(token.at, f"{token} has an odd number of digits: half a byte")
    return bytes.fromhex(token.text[2:])
