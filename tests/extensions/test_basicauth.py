"""The basicauth extension."""

from __future__ import annotations

import asyncio
import threading
from base64 import b64encode
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from penstock.extensions import _credentials, basicauth
from penstock.extensions._htpasswd import Users
from penstock.extensions.basicauth import MAX_WAITING, Client, Config, Server
from penstock.pipeline import Refused, StartError, Unauthenticated
from penstock.pipeline.auth import Side
from tests.extensions.settings import put, refusal
from tests.kit import context, eventually, in_loop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SECRET = "s3cr3t"
BCRYPT = "$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC"  # of myPassword


def encoded(user: str, password: str, *, scheme: str = "Basic") -> str:
    """What a sender puts into the header."""
    return f"{scheme} {b64encode(f'{user}:{password}'.encode()).decode()}"


@asynccontextmanager
async def serving(**htpasswd: str) -> AsyncIterator[Server]:
    """A started authenticator of these users."""
    async with context("basicauth/test") as given:
        subject = Config.model_validate({"htpasswd": htpasswd}).build(given)
        assert isinstance(subject, Server)
        await subject.start()
        yield subject
        await subject.stop()


@asynccontextmanager
async def sending(**client_auth: str) -> AsyncIterator[Client]:
    """A started authenticator of this client."""
    async with context("basicauth/test") as given:
        subject = Config.model_validate({"client_auth": client_auth}).build(given)
        assert isinstance(subject, Client)
        await subject.start()
        yield subject
        await subject.stop()


async def accepts(subject: Server, *values: str) -> bool:
    """Whether a request with these values of `Authorization` is let in."""
    try:
        await subject.authenticate({"authorization": values})
    except Unauthenticated:
        return False
    return True


def test_settings_say_which_side_they_are_for_and_show_no_secret() -> None:
    server = Config.model_validate({"htpasswd": {"inline": f"anna:{SECRET}"}})
    client = Config.model_validate({"client_auth": {"username": "anna", "password": SECRET}})
    assert server.sides == {Side.SERVER}
    assert client.sides == {Side.CLIENT}
    assert SECRET not in repr(server) + repr(client)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({}, "expected either htpasswd, for receivers, or client_auth"),
        ({"htpasswd": {"file": "x"}, "client_auth": {"username": "x"}}, "expected either htpasswd"),
        ({"htpasswd": {}}, "expected file or inline"),
        ({"htpasswd": {"inline": " \n"}}, "expected file or inline"),
        ({"htpasswd": {"inline": SECRET}}, "line 1 is not `user:password`"),
        ({"client_auth": {"password": SECRET}}, "expected username or username_file"),
        ({"client_auth": {"username": "a:b", "password": SECRET}}, "cannot have a colon"),
        ({"client_auth": {"aws_secrets_manager": {}}}, "let its agent write files"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: Any, complaint: str) -> None:
    report = refusal("basicauth", settings)
    assert complaint in report
    assert SECRET not in report


def test_htpasswd_without_its_libraries_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(basicauth, "find_spec", lambda name: None)
    report = refusal("basicauth", {"htpasswd": {"file": "x"}})
    assert "pip install 'penstock[basicauth]'" in report
    assert Config.model_validate({"client_auth": {"username": "anna"}})


@in_loop
async def test_users_are_known_by_their_passwords() -> None:
    async with serving(inline=f"anna:{BCRYPT}\nberta:b:c\nüte:ü") as subject:
        assert await accepts(subject, encoded("anna", "myPassword"))
        assert await accepts(subject, encoded("berta", "b:c", scheme="bAsIc"))
        assert await accepts(subject, encoded("üte", "ü"))


@pytest.mark.parametrize(
    "value",
    [
        encoded("anna", ""),
        encoded("anna", "myPasswor"),
        encoded("anna", "myPasswordX"),
        encoded("anna", "MYPASSWORD"),
        encoded("Anna", "myPassword"),
        encoded("anna", BCRYPT),
        encoded("", ""),
        encoded("nobody", "myPassword"),
        encoded("anna", "myPassword", scheme="Bearer"),
        encoded("anna", "myPassword").removeprefix("Basic "),
        encoded("anna", "myPassword")[:-1],
        f"{encoded('anna', 'myPassword')} ",
        "",
        "Basic",
        "Basic ",
        "Basic anna:myPassword",
        f"Basic {b64encode(b'anna').decode()}",
        f"Basic {b64encode(bytes([0xFF, 0x3A, 0xFF])).decode()}",
        "Basic \xfc",
    ],
)
@in_loop
async def test_anything_else_is_refused(value: str) -> None:
    async with serving(inline=f"anna:{BCRYPT}") as subject:
        assert not await accepts(subject, value)


@in_loop
async def test_a_refusal_does_not_quote_what_was_sent() -> None:
    async with serving(inline=f"anna:{BCRYPT}") as subject:
        for value in (encoded("anna", SECRET), SECRET, f"Basic {SECRET}"):
            with pytest.raises(Unauthenticated) as raised:
                await subject.authenticate({"authorization": [value]})
            assert value not in str(raised.value)
            assert SECRET not in str(raised.value)


@in_loop
async def test_none_and_two_of_the_header_are_refused() -> None:
    async with serving(inline="anna:one") as subject:
        assert not await accepts(subject)
        assert not await accepts(subject, encoded("anna", "one"), encoded("anna", "one"))


@in_loop
async def test_a_change_of_the_file_is_told_and_inline_users_go_before_its(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_credentials, "INTERVAL", 0.005)
    path = tmp_path / ".htpasswd"
    put(path, "anna:file\nberta:file")
    changes: list[str] = []
    async with serving(file=str(path), inline="anna:inline") as subject:
        subject.follow(lambda: changes.append("changed"))
        assert await accepts(subject, encoded("anna", "inline"))
        assert not await accepts(subject, encoded("anna", "file"))
        assert await accepts(subject, encoded("berta", "file"))
        put(path, "clara:file")
        await eventually(lambda: changes)
        assert await accepts(subject, encoded("clara", "file"))
        assert not await accepts(subject, encoded("berta", "file"))


@in_loop
async def test_a_file_that_is_missing_stops_the_start(tmp_path: Path) -> None:
    async with context("basicauth/test") as given:
        settings = {"htpasswd": {"file": str(tmp_path / "none")}}
        with pytest.raises(StartError, match=r"basicauth/test: cannot use .*none: No such file"):
            await Config.model_validate(settings).build(given).start()


class Slow:
    """Checks passwords as slowly as the test says, and remembers whose."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.release = threading.Semaphore(0)
        self.checked: list[str] = []
        check = Users.is_right

        def is_right(users: Users, name: str, password: str) -> bool:
            assert self.release.acquire(timeout=10)
            self.checked.append(name)
            return check(users, name, password)

        monkeypatch.setattr(Users, "is_right", is_right)


@in_loop
async def test_a_flood_of_guesses_keeps_nobody_else_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow = Slow(monkeypatch)
    async with serving(inline="anna:one\nberta:two") as subject:
        names = ["anna", "nobody"] * MAX_WAITING
        flood = [accepts(subject, encoded(name, f"guess {n}")) for n, name in enumerate(names)]
        guesses = [asyncio.ensure_future(guess) for guess in flood]
        await asyncio.sleep(0)
        honest = asyncio.ensure_future(accepts(subject, encoded("berta", "two")))
        slow.release.release(2 + len(names))

        assert await honest
        assert len(slow.checked) < MAX_WAITING, "she waited for the guesses"
        assert not any(await asyncio.gather(*guesses))


@in_loop
async def test_guesses_that_are_too_many_are_told_to_try_again_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow = Slow(monkeypatch)
    async with serving(inline="anna:one") as subject:
        guesses = [
            asyncio.ensure_future(accepts(subject, encoded("anna", f"guess {number}")))
            for number in range(MAX_WAITING)
        ]
        await asyncio.sleep(0)
        with pytest.raises(Refused):
            await accepts(subject, encoded("anna", "one"))
        slow.release.release(MAX_WAITING + 1)
        assert not any(await asyncio.gather(*guesses))
        assert await accepts(subject, encoded("anna", "one"))


@in_loop
async def test_a_client_sends_its_user_and_password() -> None:
    async with sending(username="anna", password=SECRET) as subject:
        assert subject.headers == {"authorization": encoded("anna", SECRET)}
        await subject.renew()


@in_loop
async def test_files_go_before_what_stands_in_the_settings_and_are_read_again(
    tmp_path: Path,
) -> None:
    name, password = tmp_path / "name", tmp_path / "password"
    put(name, "berta\n")
    put(password, "two\n")
    files = {"username_file": str(name), "password_file": str(password)}
    async with sending(username="anna", password="one", **files) as subject:
        assert subject.headers == {"authorization": encoded("berta", "two")}
        put(password, "three")
        await subject.renew()
        assert subject.headers == {"authorization": encoded("berta", "three")}


@pytest.mark.parametrize(
    ("option", "content", "cause"),
    [
        ("username_file", "a:b", "cannot have a colon"),
        ("username_file", "\n", "it is empty"),
        ("password_file", "", "it is empty"),
    ],
)
@in_loop
async def test_a_file_that_holds_nothing_of_use_stops_the_start(
    tmp_path: Path, option: str, content: str, cause: str
) -> None:
    path = tmp_path / "file"
    put(path, content)
    async with context() as given:
        settings = {"client_auth": {"username": "anna", option: str(path)}}
        with pytest.raises(StartError, match=cause):
            await Config.model_validate(settings).build(given).start()
