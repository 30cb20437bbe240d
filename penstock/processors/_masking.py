"""What must not be read in texts: found, and replaced by asterisks or a hash."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Literal, TypeAlias

from penstock._kernel import Pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Mask: TypeAlias = "Callable[[str], str]"
"""What takes the place of a text."""

Kind: TypeAlias = Literal["email", "card", "token"]

PATTERNS: dict[Kind, str] = {
    "email": r"[A-Za-z0-9._%+\-]+@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)*\.[A-Za-z]{2,}",
    "card": r"\b[0-9](?:[ \-]?[0-9]){12,18}\b",
    "token": (
        r"\beyJ[0-9A-Za-z_\-]{8,}\.[0-9A-Za-z_\-]{8,}\.[0-9A-Za-z_\-]*"  # JSON web tokens
        r"|(?i:\b(?:bearer|basic)\s+[0-9A-Za-z_.~+/\-]{8,}=*)"
        r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"  # AWS
        r"|\bgh[pousr]_[0-9A-Za-z_]{36,}|\bgithub_pat_[0-9A-Za-z_]{22,}|\bglpat-[0-9A-Za-z_\-]{20,}"
        r"|\bxox[abeoprs]-[0-9A-Za-z_\-]{10,}"  # Slack
        r"|\bAIza[0-9A-Za-z_\-]{35}"  # Google
        r"|\b[rs]k_(?:live|test)_[0-9A-Za-z_]{16,}"  # Stripe
        r"|-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.)*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)"
    ),
}
"""Ready-made patterns. What looks like the number of a card is one if its check digit is right."""

_ALL = Pattern(".*")


def asterisks(_: str) -> str:
    """As many for every text, so that nothing can be told from them."""
    return "****"


def hashing(function: str, key: bytes) -> Mask:
    """A hash in hex, keyed where the function is."""
    if not function:
        return asterisks
    if function.startswith("hmac-"):
        digest = function.removeprefix("hmac-")
        return lambda text: hmac.new(key, text.encode(), digest).hexdigest()
    name = {"sha3": "sha3_256"}.get(function, function)
    return lambda text: hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()


class Masker:
    """Masks what patterns find."""

    def __init__(self, patterns: Iterable[str], kinds: Iterable[Kind], mask: Mask) -> None:
        self._mask = mask
        self._finders: list[tuple[Pattern, Callable[[str], bool]]]
        self._finders = [(Pattern(pattern), _anything) for pattern in patterns]
        for kind in kinds:
            self._finders.append(
                (Pattern(PATTERNS[kind]), is_card if kind == "card" else _anything)
            )

    def masked(self, texts: list[str]) -> list[str]:
        """The texts without what is found in them, one pattern after the other; the same list if
        there is nothing."""
        for pattern, is_it in self._finders:
            if not any(pattern.found(texts)):
                continue
            places = pattern.spans(texts)
            texts = [
                self._without(text, found, is_it) if found else text
                for text, found in zip(texts, places, strict=True)
            ]
        return texts

    def whole(self, text: str) -> str:
        """The text with each of its lines masked."""
        (places,) = _ALL.spans([text])
        return self._without(text, places, _anything)

    def _without(
        self, text: str, places: list[tuple[int, int]], is_it: Callable[[str], bool]
    ) -> str:
        left, at = [], 0
        for begin, end in places:
            found = text[begin:end]
            left += [text[at:begin], self._mask(found) if is_it(found) else found]
            at = end
        return "".join((*left, text[at:]))


def is_card(text: str) -> bool:
    """Whether the check digit is right: https://en.wikipedia.org/wiki/Luhn_algorithm."""
    digits = [int(character) for character in reversed(text) if character.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _anything(_: str) -> bool:
    return True
