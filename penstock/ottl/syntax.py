"""What a statement is made of: its syntax tree. Every part knows where it begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Position:
    """Line and column of a character in a statement, both counted from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"column {self.column}" if self.line == 1 else f"{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Literal:
    """A string, number, `true`, `false`, `nil` or `0x…`."""

    at: Position
    value: Any


@dataclass(frozen=True, slots=True)
class Segment:
    """A name within a path, and the keys in brackets behind it."""

    name: str
    keys: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Path:
    """`span.attributes["key"]`."""

    at: Position
    segments: tuple[Segment, ...]

    def __str__(self) -> str:
        return ".".join(segment.name for segment in self.segments)


@dataclass(frozen=True, slots=True)
class Symbol:
    """An enum, or a function that is given to another: `STATUS_CODE_ERROR`, `SHA256`."""

    at: Position
    name: str


@dataclass(frozen=True, slots=True)
class Argument:
    """What a function is given, perhaps by name."""

    at: Position
    name: str | None
    value: Node


@dataclass(frozen=True, slots=True)
class Call:
    """`Split(span.name, "/")[0]`: a function, its arguments, and keys into what it returns."""

    at: Position
    name: str
    arguments: tuple[Argument, ...]
    keys: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class ListOf:
    """`[1, span.name]`."""

    at: Position
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class MapOf:
    """`{"key": span.name}`."""

    at: Position
    items: tuple[tuple[str, Node], ...]


@dataclass(frozen=True, slots=True)
class Unary:
    """`not` and the signs."""

    at: Position
    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary:
    """`and`, `or`, comparison and arithmetic. It is at its operator."""

    at: Position
    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Statement:
    """An editor, and the condition under which it does its work."""

    editor: Call
    condition: Node | None


Node = Literal | Path | Symbol | Call | ListOf | MapOf | Unary | Binary
