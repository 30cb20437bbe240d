"""What must not be read, in texts."""

from __future__ import annotations

import hashlib
import hmac
import time

import pytest

from penstock.processors._masking import PATTERNS, Kind, Masker, asterisks, hashing, is_card

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N"


def masked(text: str, *patterns: str, kinds: tuple[Kind, ...] = ()) -> str:
    (found,) = Masker(patterns, kinds, asterisks).masked([text])
    return found


def test_what_patterns_find_is_masked_one_after_the_other() -> None:
    assert masked("id 42, id 43", r"\d+") == "id ****, id ****"
    assert masked("ab", "a", r"\*+b") == "****"
    assert masked("ä🦀4", r"\d") == "ä🦀****"
    assert masked("nothing", r"\d") == "nothing"


@pytest.mark.parametrize(
    ("kind", "text", "left"),
    [
        ("email", "to a.b+c@mail.example.org, d@e.de.", "to ****, ****."),
        ("email", "user@localhost and @all", "user@localhost and @all"),
        ("card", "4111 1111 1111 1111 and 4111111111111111", "**** and ****"),
        ("card", "378282246310005", "****"),
        ("card", "4111111111111112 is none", "4111111111111112 is none"),
        ("card", "order 1234567890", "order 1234567890"),
        ("token", f"cookie={JWT};", "cookie=****;"),
        ("token", "Authorization: Bearer abcdef123456==", "Authorization: ****"),
        ("token", "AKIAIOSFODNN7EXAMPLE", "****"),
        ("token", "ghp_" + "a" * 36, "****"),
        ("token", "glpat-" + "a" * 20, "****"),
        ("token", "xoxb-123456789012", "****"),
        ("token", "sk_live_" + "a" * 24, "****"),
        ("token", "-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----.", "****."),
        ("token", "-----BEGIN PRIVATE KEY-----\ncut off", "****"),
        ("token", "a bearer of news", "a bearer of news"),
    ],
)
def test_ready_made_patterns_find_their_kind(kind: Kind, text: str, left: str) -> None:
    assert masked(text, kinds=(kind,)) == left


def test_the_check_digit_of_a_card_is_luhns() -> None:
    assert is_card("79927398713")
    assert not is_card("79927398710")


@pytest.mark.parametrize("function", ["sha1", "md5"])
def test_a_hash_takes_the_place_of_what_is_found(function: str) -> None:
    (found,) = Masker([r"\d+"], (), hashing(function, b"")).masked(["id 42"])
    assert found == f"id {hashlib.new(function, b'42').hexdigest()}"


def test_sha3_has_256_bits_and_hmac_has_a_key() -> None:
    assert hashing("sha3", b"")("x") == hashlib.sha3_256(b"x").hexdigest()
    assert hashing("hmac-sha512", b"k")("x") == hmac.new(b"k", b"x", "sha512").hexdigest()


def test_lines_are_masked_each_for_itself() -> None:
    masker = Masker((), (), asterisks)
    assert [masker.whole(text) for text in ("", "abc", "a\nb")] == ["****", "****", "****\n****"]


@pytest.mark.parametrize("kind", PATTERNS)
@pytest.mark.parametrize("text", ["a@" * 50_000, "1 " * 50_000, "eyJ" * 30_000, "Bearer " * 10_000])
def test_hostile_texts_cost_no_more_than_their_length(kind: Kind, text: str) -> None:
    before = time.process_time()
    masked(text, kinds=(kind,))
    assert time.process_time() - before < 1
