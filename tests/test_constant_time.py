"""Secrets are compared in constant time: the code that has them in its hands compares nothing else
than what stands here, and being wrong late takes no longer than being wrong at once."""

from __future__ import annotations

import ast
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from penstock.extensions._htpasswd import Users
from penstock.extensions.bearertokenauth import BearerTokenAuth, Config
from penstock.pipeline import Unauthenticated
from tests.kit import context, in_loop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from penstock.pipeline import Context

ROOT = Path(__file__).parents[1]

HANDS = [
    ROOT / "penstock/pipeline/auth.py",
    ROOT / "penstock/exporters/_auth.py",
    ROOT / "penstock/receivers/_gate.py",
    *(
        path
        for path in sorted((ROOT / "penstock/extensions").glob("*.py"))
        if path.stem in {"_credentials", "_htpasswd"} or "Authenticator" in path.read_text()
    ),
]
"""The modules that have credentials in their hands; every extension that authenticates is one."""

NO_SECRET = {
    "len(values) != 1": "a count",
    "_mark(text) != self._used": "hashes of our own files",
    "seen == before": "the same",
    "cause != self._complaint": "lines of the log",
    "name in self._hashes": "a name; who does not exist is checked like who does",
    "name in users": "the same",
    "':' in name": "a name of our own settings",
    "(self.htpasswd is None) == (self.client_auth is None)": "which settings there are",
    "scheme.lower() != 'basic'": "the word before the credentials",
}
"""What may be compared as usual there, and what it is."""

MEGABYTE = 1 << 20


def comparisons(source: str) -> Iterator[str]:
    """Every comparison whose time could depend on what is compared."""
    kinds = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare) and any(isinstance(it, kinds) for it in node.ops):
            yield ast.unparse(node)


@pytest.mark.parametrize("path", HANDS, ids=lambda path: path.stem)
def test_who_has_secrets_in_hand_compares_them_by_compare_digest_only(path: Path) -> None:
    assert [it for it in comparisons(path.read_text()) if it not in NO_SECRET] == []


def test_the_kernel_finds_credentials_by_their_hashes_and_compares_none() -> None:
    lines = (ROOT / "kernel/src/intake/auth.rs").read_text().splitlines()
    compared = [line.strip() for line in lines if " == " in line or " != " in line]
    assert compared == ["if state.epoch != epoch {"]


async def token(context: Context, secret: str) -> Callable[[str], Awaitable[None]]:
    """An offer of tokens to who knows one."""
    subject = BearerTokenAuth(Config.model_validate({"token": secret}), context)

    async def offer(guess: str) -> None:
        with suppress(Unauthenticated):
            await subject.authenticate({"authorization": [guess]})

    return offer


async def password(_: Context, secret: str) -> Callable[[str], Awaitable[None]]:
    """An offer of passwords for a user whose password stands in clear in the file."""
    users = Users(f"anna:{secret}")

    async def offer(guess: str) -> None:
        assert not users.is_right("anna", guess)

    return offer


@pytest.mark.parametrize(("kind", "prefix"), [(token, "Bearer "), (password, "")])
@in_loop
async def test_wrong_from_the_first_byte_takes_as_long_as_wrong_in_the_last(
    kind: Callable[[Context, str], Awaitable[Callable[[str], Awaitable[None]]]], prefix: str
) -> None:
    secret = "x" * MEGABYTE
    guesses = [f"{prefix}y{secret[1:]}", f"{prefix}{secret[:-1]}y"]
    times: list[list[float]] = [[], []]
    async with context() as given:
        offer = await kind(given, secret)
        for _ in range(25):
            for guess, taken in zip(guesses, times, strict=True):
                begin = time.perf_counter()
                await offer(guess)
                taken.append(time.perf_counter() - begin)
    first, last = map(min, times)  # of which other work on the machine has no part
    assert 0.5 < first / last < 2
