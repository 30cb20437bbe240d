"""Credentials in a file: taken at the start and when it changes, kept when it breaks."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from penstock.extensions import _credentials
from penstock.extensions._credentials import MAX_BYTES, CredentialsFile
from penstock.pipeline import StartError
from penstock.pipeline.status import State, Status
from tests.extensions.settings import put, swap
from tests.kit import context, eventually, in_loop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_credentials, "INTERVAL", 0.005)


class Taker:
    """Takes every text but those with the word `broken`."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, text: str) -> None:
        if "broken" in text:
            msg = "line 1 is wrong"
            raise ValueError(msg)
        self.texts.append(text)


@asynccontextmanager
async def watched(path: Path, take: Taker, state: State | None = None) -> AsyncIterator[Taker]:
    """A file that is looked after."""
    async with context("lock", status=state or State()) as given:
        file = CredentialsFile(str(path), take, given)
        await file.start()
        yield take
        file.stop()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "credentials"
    put(path, "one")
    return path


@in_loop
async def test_what_is_there_is_taken_at_the_start_and_a_byte_order_mark_is_none_of_it(
    path: Path,
) -> None:
    put(path, b"\xef\xbb\xbfone")
    async with watched(path, Taker()) as taker:
        assert taker.texts == ["one"]


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (None, "No such file or directory"),
        (b"broken", "line 1 is wrong"),
        (b"\xff\xfesecret", "not UTF-8 text"),
        (b"x" * (MAX_BYTES + 1), "over 4194304 bytes"),
    ],
)
@in_loop
async def test_a_file_that_cannot_be_used_stops_the_start(
    path: Path, content: bytes | None, cause: str
) -> None:
    put(path, content)
    async with context("lock") as given:
        with pytest.raises(StartError, match=f"lock: cannot use .*credentials: {cause}") as raised:
            await CredentialsFile(str(path), Taker(), given).start()
    assert "secret" not in str(raised.value)


@in_loop
async def test_a_change_is_taken_once(path: Path) -> None:
    async with watched(path, Taker()) as taker:
        put(path, "two")
        await eventually(lambda: "two" in taker.texts)
        swap(path, "three")
        await eventually(lambda: "three" in taker.texts)
    assert taker.texts == ["one", "two", "three"]


@in_loop
async def test_what_only_one_look_has_seen_is_not_taken(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = ["one", "tw", "two thr", "two three", "two three"]
    monkeypatch.setattr(
        _credentials, "_read", lambda _path: looks.pop(0) if len(looks) > 1 else looks[0]
    )
    async with watched(path, Taker()) as taker:
        await eventually(lambda: len(taker.texts) > 1)
    assert taker.texts == ["one", "two three"]


@in_loop
async def test_who_cannot_wait_takes_what_is_there(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_credentials, "INTERVAL", 3600)
    async with context("lock") as given:
        file = CredentialsFile(str(path), taker := Taker(), given)
        await file.start()
        put(path, "two")
        await file.renew()
        await file.renew()
        file.stop()
    assert taker.texts == ["one", "two"]


@pytest.mark.parametrize("content", [b"broken: secret", b"\xffsecret", None])
@in_loop
async def test_a_broken_file_keeps_the_old_credentials_and_is_told_of_once(
    path: Path,
    content: bytes | None,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: list[str] = []
    read = _credentials._read

    def look(path: str) -> str:
        looks.append(path)
        return read(path)

    monkeypatch.setattr(_credentials, "_read", look)
    state = State()
    state.live(Status.OK)
    async with watched(path, Taker(), state) as taker:
        put(path, content)
        await eventually(lambda: state.report.status is Status.RECOVERABLE_ERROR)
        enough = len(looks) + 5
        await eventually(lambda: len(looks) >= enough)
        put(path, "two")
        await eventually(lambda: state.report.status is Status.OK)
    assert taker.texts == ["one", "two"]
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert "keeping the credentials from before" in record.getMessage()
    assert "secret" not in caplog.text


@in_loop
async def test_a_file_that_is_mended_to_what_it_was_is_well_again(path: Path) -> None:
    state = State()
    state.live(Status.OK)
    async with watched(path, Taker(), state):
        put(path, "broken")
        await eventually(lambda: state.report.status is Status.RECOVERABLE_ERROR)
        put(path, "one")
        await eventually(lambda: state.report.status is Status.OK)
