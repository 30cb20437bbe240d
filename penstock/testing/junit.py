"""Verdicts as JUnit's XML, which systems of continuous integration read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from penstock.testing.judge import Verdict

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(verdicts: Mapping[str, Sequence[Verdict]]) -> str:
    """The document, of verdicts by file."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>"]
    for file, found in verdicts.items():
        lines += _suite(file, found)
    return "\n".join([*lines, "</testsuites>"])


def _suite(file: str, verdicts: Sequence[Verdict]) -> Iterator[str]:
    failed = sum(not verdict.passed for verdict in verdicts)
    yield f'  <testsuite name={_quoted(file)} tests="{len(verdicts)}" failures="{failed}">'
    for verdict in verdicts:
        attributes = f"classname={_quoted(file)} name={_quoted(verdict.name)}"
        yield f'    <testcase {attributes} time="{verdict.seconds:.3f}">'
        if not verdict.passed:
            yield f'      <failure message="{len(verdict.differences)} differences">'
            yield from (
                escape(_legal(f"{it.path}: expected {it.expected}, got {it.got}"))
                for it in verdict.differences
            )
            yield "      </failure>"
        yield "    </testcase>"
    yield "  </testsuite>"


def _quoted(text: str) -> str:
    return quoteattr(_legal(text))


def _legal(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
