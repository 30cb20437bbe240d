"""What differs between what was expected and what there is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

NOTHING = "nothing"
"""What is shown where there is no value."""


class Difference(NamedTuple):
    """One of them: where, what was expected there, and what there is; both as text."""

    path: str
    expected: str
    got: str


def differences(expected: Any, got: Any, path: str = "") -> Iterator[Difference]:
    """Where `got` is not what is expected: more keys than expected are fine, `None` is absent.

    Values are of the same type: `1` is neither `1.0` nor `True`.
    """
    if isinstance(expected, dict) and isinstance(got, dict):
        for key, value in expected.items():
            yield from differences(value, got.get(key), path + _step(key))
    elif isinstance(expected, list) and isinstance(got, list):
        yield from _in_lists(expected, got, path)
    elif not _same(expected, got):
        yield Difference(path, shown(expected), shown(got))


def shown(value: Any) -> str:
    """A value as a test would write it."""
    return NOTHING if value is None else json.dumps(value, ensure_ascii=False, default=bytes.hex)


def _in_lists(expected: list[Any], got: list[Any], path: str) -> Iterator[Difference]:
    if len(expected) != len(got):
        yield Difference(f"number of {path}", str(len(expected)), str(len(got)))
    for index, (value, found) in enumerate(zip(expected, got, strict=False)):
        yield from differences(value, found, f"{path}[{index}]")
    for index in range(len(got), len(expected)):
        yield Difference(f"{path}[{index}]", shown(expected[index]), NOTHING)
    for index in range(len(expected), len(got)):
        yield Difference(f"{path}[{index}]", NOTHING, shown(got[index]))


def _same(expected: Any, got: Any) -> bool:
    return type(expected) is type(got) and expected == got


def _step(key: str) -> str:
    return f".{key}" if key.isidentifier() else f"[{json.dumps(key, ensure_ascii=False)}]"
