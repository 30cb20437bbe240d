"""The bearertokenauth extension."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from penstock.extensions import _credentials
from penstock.extensions.bearertokenauth import BearerTokenAuth, Config
from penstock.pipeline import StartError, Unauthenticated
from penstock.pipeline.auth import Side
from tests.extensions.settings import put, refusal
from tests.kit import context, eventually, in_loop

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SECRET = "s3cr3t"


def config(**settings: Any) -> Config:
    """Settings as a file has them."""
    return Config.model_validate(settings)


async def accepts(subject: BearerTokenAuth, *values: str, header: str = "authorization") -> bool:
    """Whether a request with these values of a header is let in."""
    headers: dict[str, Sequence[str]] = {header: values}
    try:
        await subject.authenticate(headers)
    except Unauthenticated:
        return False
    return True


def test_options_and_defaults_are_the_collectors_and_one_extension_serves_both_sides() -> None:
    settings = config(token=SECRET)
    assert settings.model_dump(exclude={"token"}) == {
        "header": "Authorization",
        "scheme": "Bearer",
        "tokens": (),
        "filename": "",
    }
    assert settings.sides == {Side.SERVER, Side.CLIENT}
    assert SECRET not in repr(settings)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({}, "expected token, tokens or filename"),
        ({"token": "a", "tokens": ["b"]}, "keep one"),
        ({"token": ""}, "printable ASCII"),
        ({"token": f"{SECRET}\n"}, "printable ASCII"),
        ({"tokens": [f"{SECRET} x"]}, "printable ASCII"),
        ({"token": f"ü{SECRET}"}, "printable ASCII"),
        ({"token": "a", "scheme": "Bearer "}, "expected one word"),
        ({"token": "a", "header": "x:y"}, "not the name of a header"),
        ({"token": "a", "header": ""}, "not the name of a header"),
        ({"token": "a", "header": "grpc-status"}, "gRPC does not take"),
        ({"token": "a", "header": "key-BIN"}, "gRPC does not take"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: Any, complaint: str) -> None:
    report = refusal("bearertokenauth", settings)
    assert complaint in report
    assert SECRET not in report


@in_loop
async def test_a_sender_may_use_any_of_the_tokens_and_exporters_use_the_first() -> None:
    async with context() as given:
        subject = BearerTokenAuth(config(tokens=["one", "two"]), given)
        await subject.start()
        assert await accepts(subject, "Bearer one")
        assert await accepts(subject, "Bearer two")
        assert subject.headers == {"authorization": "Bearer one"}
        assert subject.challenge == 'Bearer realm="penstock"'
        await subject.stop()


@pytest.mark.parametrize(
    "value",
    [
        *("", "Bearer", "Bearer ", "one", "bearer one", "Bearer  one", "Bearer one ", "Basic one"),
        *("Bearer on", "Bearer onex", "Bearer ONE", "Bearer one,Bearer one", "Bearer \xfc"),
    ],
)
@in_loop
async def test_anything_but_scheme_and_token_as_they_stand_is_refused(value: str) -> None:
    async with context() as given:
        assert not await accepts(BearerTokenAuth(config(token="one"), given), value)


@in_loop
async def test_a_refusal_does_not_quote_what_was_sent() -> None:
    async with context() as given:
        with pytest.raises(Unauthenticated) as raised:
            await BearerTokenAuth(config(token="one"), given).authenticate(
                {"authorization": [f"Bearer {SECRET}"]}
            )
    assert SECRET not in str(raised.value)


@in_loop
async def test_none_and_two_of_the_header_are_refused() -> None:
    async with context() as given:
        subject = BearerTokenAuth(config(token="one"), given)
        assert not await accepts(subject)
        assert not await accepts(subject, "Bearer one", "Bearer one")


@in_loop
async def test_the_token_may_be_alone_in_a_header_of_its_own() -> None:
    async with context() as given:
        subject = BearerTokenAuth(config(token="one", header="X-API-Key", scheme=""), given)
        assert subject.credentials == {"x-api-key"}
        assert subject.headers == {"x-api-key": "one"}
        assert subject.challenge == 'Bearer realm="penstock"'
        assert await accepts(subject, "one", header="x-api-key")
        assert not await accepts(subject, "Bearer one", header="x-api-key")


@in_loop
async def test_a_file_has_a_token_a_line_and_goes_before_the_token_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_credentials, "INTERVAL", 0.005)
    path = tmp_path / "tokens"
    put(path, "# of the agents\n\none\n  two  since May\n")
    changes: list[str] = []
    async with context() as given:
        subject = BearerTokenAuth(config(token="old", filename=str(path)), given)
        await subject.start()
        subject.follow(lambda: changes.append("changed"))
        assert [await accepts(subject, f"Bearer {token}") for token in ("one", "two")] == [True] * 2
        assert not any([await accepts(subject, f"Bearer {token}") for token in ("old", "#", "")])

        put(path, "three\n")
        await eventually(lambda: changes)
        assert await accepts(subject, "Bearer three")
        assert not await accepts(subject, "Bearer one")
        assert subject.headers == {"authorization": "Bearer three"}
        await subject.stop()


@pytest.mark.parametrize(
    ("content", "cause"), [("\n# none\n", "it has no token"), ("s3cr3tü", "is not printable ASCII")]
)
@in_loop
async def test_a_file_without_a_token_stops_the_start(
    tmp_path: Path, content: str, cause: str
) -> None:
    path = tmp_path / "tokens"
    put(path, content)
    async with context("tokens") as given:
        with pytest.raises(StartError, match=cause) as raised:
            await BearerTokenAuth(config(filename=str(path)), given).start()
    assert SECRET not in str(raised.value)


@in_loop
async def test_a_refused_exporter_reads_the_file_again(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    put(path, "one")
    async with context() as given:
        subject = BearerTokenAuth(config(filename=str(path)), given)
        await subject.start()
        put(path, "two")
        await subject.renew()
        assert subject.headers == {"authorization": "Bearer two"}
        await subject.stop()
