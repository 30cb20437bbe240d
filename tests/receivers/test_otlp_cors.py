"""Pages in a browser: which may send, with which headers, and see what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from penstock._kernel import Terms
from penstock.receivers._listener import CorsSettings
from tests.kit import spans
from tests.receivers.clients import HttpSender
from tests.receivers.serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from tests.receivers.clients import Answer
    from tests.receivers.serving import Server

ORIGIN = "https://shop.example.com"
KNOWN = ["https://*.example.com", "http://localhost:3000"]


@pytest.fixture
def server() -> Iterator[Server]:
    """A server for pages of example.com."""
    cors = CorsSettings(allowed_origins=KNOWN, exposed_headers=["retry-after"], max_age=600)
    with serving(terms=Terms(cors=cors.rules())) as server:
        yield server


def ask(server: Server, origin: str, headers: str = "content-type", method: str = "POST") -> Answer:
    """Ask as a browser does before it sends what a page wants to be sent."""
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": headers,
    }
    with HttpSender(server.port) as sender:
        return sender.request("/v1/traces", b"", asked, method="OPTIONS")


def allowed(answer: Answer) -> dict[str, str]:
    return {
        name.removeprefix("access-control-"): value
        for name, value in answer.headers.items()
        if name.startswith("access-control-")
    }


def test_a_known_page_may_send(server: Server) -> None:
    answer = ask(server, ORIGIN)
    assert answer.status == 204
    assert "origin" in answer.headers["vary"]
    assert allowed(answer) == {
        "allow-origin": ORIGIN,
        "allow-credentials": "true",
        "allow-methods": "POST",
        "allow-headers": "content-type",
        "max-age": "600",
    }


def test_a_known_page_sees_the_answer(server: Server) -> None:
    with HttpSender(server.port) as sender:
        for answer in (
            sender.send(server, spans(1), Origin=ORIGIN),
            sender.request("/v1/traces", b"broken", {"Origin": ORIGIN}),
        ):
            assert allowed(answer) == {
                "allow-origin": ORIGIN,
                "allow-credentials": "true",
                "expose-headers": "retry-after",
            }
            assert answer.headers["vary"] == "origin"


@pytest.mark.parametrize(
    ("asks", "may"),
    [
        ({"origin": "http://localhost:3000"}, True),
        ({"origin": "HTTPS://SHOP.EXAMPLE.COM"}, True),
        ({"origin": "http://localhost:3001"}, False),
        ({"origin": "https://example.com"}, False),
        ({"origin": "https://shop.example.com.evil.org"}, False),
        ({"origin": "null"}, False),
        ({"headers": "Content-Type, X-Requested-With"}, True),
        ({"headers": "content-type,x-token"}, False),
        ({"method": "DELETE"}, False),
    ],
)
def test_others_are_told_nothing(server: Server, asks: dict[str, Any], may: bool) -> None:
    answer = ask(server, **{"origin": ORIGIN, **asks})
    assert answer.status == 204
    assert bool(allowed(answer)) == may


@pytest.mark.parametrize(
    ("headers", "asked", "may"),
    [
        (["X-Token"], "x-token, content-type", True),
        (["X-Token"], "x-requested-with", False),
        (["*"], "x-anything", True),
    ],
)
def test_headers_are_those_that_are_set(headers: list[str], asked: str, may: bool) -> None:
    cors = CorsSettings(allowed_origins=[ORIGIN], allowed_headers=headers)
    with serving(terms=Terms(cors=cors.rules())) as server:
        assert bool(allowed(ask(server, ORIGIN, asked))) == may


def test_any_page_may_send_but_not_in_the_name_of_its_user() -> None:
    with serving(terms=Terms(cors=CorsSettings(allowed_origins=["*"]).rules())) as server:
        answer = allowed(ask(server, "https://anywhere.org"))
    assert answer["allow-origin"] == "*"
    assert "allow-credentials" not in answer


def test_without_settings_no_page_may_send() -> None:
    with serving() as server:
        answer = ask(server, ORIGIN)
    assert answer.status == 405
    assert allowed(answer) == {}
