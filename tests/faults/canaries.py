"""Secrets that are planted in settings and looked for in everything that Penstock says."""

from __future__ import annotations

import json
from base64 import b64encode
from itertools import count
from urllib.parse import quote, quote_plus


class Canaries:
    """Secrets no two of which are alike, and where each was planted.

    Each holds characters that URLs, JSON and base64 write in another way.
    """

    def __init__(self) -> None:
        self._planted: dict[str, str] = {}
        self._numbers = count(100)

    def __len__(self) -> int:
        return len(self._planted)

    def new(self, where: str) -> str:
        """A secret for that place."""
        secret = f"cAnArY{next(self._numbers)}/Xq+Zj=&w"
        self._planted[secret] = where
        return secret

    def plant(self, template: object, where: str) -> object:
        """The settings, each text `{canary}` in them replaced by a secret of its own."""
        if isinstance(template, dict):
            return {key: self.plant(each, f"{where}.{key}") for key, each in template.items()}
        if isinstance(template, list):
            return [self.plant(each, where) for each in template]
        if isinstance(template, str):
            while "{canary}" in template:
                template = template.replace("{canary}", self.new(where), 1)
        return template

    def sung(self, said: str | bytes) -> list[str]:
        """The places whose secrets stand in what was said, as they are or written otherwise."""
        data = said.encode() if isinstance(said, str) else said
        return sorted(
            f"{where} as {form}"
            for secret, where in self._planted.items()
            for form, text in forms(secret)
            if text.encode() in data
        )


def forms(secret: str) -> list[tuple[str, str]]:
    """A secret as it is, and every other way in which it may come to light."""
    escaped = json.dumps(secret).strip('"').replace("/", "\\/")
    return [
        ("it is", secret),
        ("the start of it", secret.partition("/")[0]),
        ("a URL", quote(secret, safe="")),
        ("a form", quote_plus(secret)),
        ("JSON", escaped),
        ("hexadecimal", secret.encode().hex()),
        *((f"base64 at {offset}", _base64(secret, offset)) for offset in range(3)),
    ]


def _base64(secret: str, offset: int) -> str:
    """What stands in base64 for a secret that begins at that offset of three bytes, without the
    letters at both ends in which its neighbours have a part."""
    whole = b64encode(bytes(offset) + secret.encode()).decode().rstrip("=")
    return whole[(0, 2, 3)[offset] : len(whole) - 1]
