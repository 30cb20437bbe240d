"""Secrets that no written line may hold, whoever says them: a back end may repeat what it was sent.

What is a secret is told once, when it becomes known; `penstock.logs.printable` hides it.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HIDDEN = "[REDACTED]"
"""What stands for a secret, as in the Collector."""

_SHORTEST = 8
"""Characters of the shortest secret that is looked for: shorter ones are parts of common words."""

_MOST = 4096
"""Ways of writing secrets that are looked for: those of some hundred. The oldest are forgotten,
which with tokens that change were used long ago."""

_BETWEEN = re.compile(r"[\s;,]+|(?<=\w)=(?=.)")

_known: tuple[str, ...] = ()


def keep_secret(secrets: Iterable[str]) -> None:
    """Hide these from now on: each as a whole, the words in it, and other ways of writing them."""
    global _known  # noqa: PLW0603  (there is one log, and whatever knows a secret tells it)
    texts = {text for secret in secrets for text in (secret, *_BETWEEN.split(secret))}
    worth_it = {text for text in texts if len(text) >= _SHORTEST and not text.endswith("-----")}
    forms = {form for text in worth_it for form in _forms(text)}
    _known = tuple(dict.fromkeys((*sorted(forms, key=len, reverse=True), *_known)))[:_MOST]


def redacted(text: str) -> str:
    """The text, `HIDDEN` in the place of every secret that was told."""
    for form in _known:
        if form in text:
            text = text.replace(form, HIDDEN)
    return text


def _forms(text: str) -> Iterator[str]:
    yield text
    yield json.dumps(text)[1:-1]
    yield quote(text)
    yield quote(text, safe="")
    yield quote_plus(text)
    for offset in range(3):
        letters = _base64(text.encode(), offset)
        yield letters
        yield letters.translate(str.maketrans("+/", "-_"))


def _base64(data: bytes, offset: int) -> str:
    """What stands in base64 for bytes that begin at that offset of three, but for the letters at
    both ends in which their neighbours have a part."""
    letters = b64encode(bytes(offset) + data).decode().rstrip("=")
    return letters[(0, 2, 3)[offset] : len(letters) - ((offset + len(data)) % 3 != 0)]
