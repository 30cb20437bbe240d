"""Secrets that were told are hidden in whatever is written."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest

from penstock import redaction
from penstock.logs import printable
from penstock.redaction import keep_secret, redacted

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "hunter2/Xq+Zj=&w~"


@pytest.fixture(autouse=True)
def _nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_known", ())


@pytest.mark.parametrize(
    "written",
    [
        str,
        json.dumps,
        quote,
        quote_plus,
        lambda secret: quote(secret, safe=""),
        lambda secret: f"https://user:{secret}@host/",
        *(
            lambda secret, before=before, encode=encode: encode(
                f"{before}{secret}!".encode()
            ).decode()
            for before in ("", "a", "ab")
            for encode in (b64encode, urlsafe_b64encode)
        ),
    ],
)
def test_a_secret_is_hidden_however_it_is_written(written: Callable[[str], str]) -> None:
    keep_secret([SECRET])
    shown = redacted(f"before {written(SECRET)} after")
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    assert "[REDACTED]" in shown
    left = shown.removeprefix("before ").removesuffix(" after").replace("[REDACTED]", "")
    assert len(left) < len("https://user:@host/") + 1


def test_the_words_of_a_secret_are_hidden_too() -> None:
    keep_secret(["Bearer abcdefghij", "session=klmnopqrst; path=/"])
    assert redacted("abcdefghij klmnopqrst") == "[REDACTED] [REDACTED]"


def test_what_is_too_short_to_be_a_secret_is_left() -> None:
    keep_secret(["secret", "", "-----BEGIN PRIVATE KEY-----"])
    assert redacted("a secret PRIVATE KEY-----") == "a secret PRIVATE KEY-----"


def test_only_so_many_are_looked_for_and_the_newest_are() -> None:
    keep_secret(f"secret-number-{number}" for number in range(10_000))
    keep_secret([SECRET])
    assert len(redaction._known) == redaction._MOST
    assert redacted(SECRET) == "[REDACTED]"


def test_text_made_printable_holds_no_secret() -> None:
    keep_secret([SECRET])
    assert printable(f"{SECRET}\n") == r"[REDACTED]\n"
