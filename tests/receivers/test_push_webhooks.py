"""Webhooks: what becomes of them, and whose are taken."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Any

import pytest

from penstock.receivers._push_webhooks import Signature, signed
from tests.kit import in_loop
from tests.receivers.pushing import pushing
from tests.receivers.test_door import Authenticator

SECRET = "It's a Secret to Everybody"
GITHUB = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
"""GitHub's own example, of the text `Hello, World!`."""
JSON = "application/json"


@in_loop
async def test_a_webhook_is_a_log_record_with_path_and_chosen_headers() -> None:
    hook = {"path": "/hooks/{tenant}", "headers": ["X-GitHub-Event"]}
    async with pushing(webhooks=[hook]) as pusher:
        told = await pusher.send(
            "/hooks/a%20b",
            b'{"action": ["x", 1]}',
            Content_Type=JSON,
            X_GitHub_Event="push",
            X_B="c",
        )
        (row,) = pusher.rows()
    assert told.status == 202
    assert row["body"] == {"action": ["x", 1]}
    assert row["attributes"] == {
        "url.path": "/hooks/a b",
        "url.path.tenant": "a b",
        "http.request.header.x-github-event": "push",
    }


@pytest.mark.parametrize(
    ("kind", "body", "found"),
    [
        ("text/plain", b"plain", "plain"),
        ("application/octet-stream", b"\xff\0", b"\xff\0"),
        ("application/x-www-form-urlencoded", b"a=1", "a=1"),
        ("application/vnd.api+json", b"[1]", [1]),
        ("text/plain", b"", ""),
    ],
)
@in_loop
async def test_what_is_no_json_is_a_text_or_bytes(kind: str, body: bytes, found: Any) -> None:
    async with pushing(webhooks=[{"path": "/hook"}]) as pusher:
        assert (await pusher.send("/hook", body, Content_Type=kind)).status == 202
        assert pusher.rows()[0]["body"] == found


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"a": 1, "a": 2}', b"[" * 200 + b"]" * 200])
@in_loop
async def test_json_that_is_none_is_refused(body: bytes) -> None:
    async with pushing(webhooks=[{"path": "/hook"}]) as pusher:
        assert (await pusher.send("/hook", body, Content_Type=JSON)).status == 400


@in_loop
async def test_who_signs_as_github_does_needs_no_other_credentials() -> None:
    hook = {"path": "/hook", "signature": {"secret": SECRET}}
    settings = {"auth": {"authenticator": "token"}, "webhooks": [hook]}
    async with pushing(extensions={"token": Authenticator()}, **settings) as pusher:
        body = b"Hello, World!"
        assert (await pusher.send("/hook", body, X_Hub_Signature_256=GITHUB)).status == 202
        for wrong in (GITHUB[:-1] + "8", GITHUB.removeprefix("sha256="), "", "sha256=\u00e9"):
            told = await pusher.send("/hook", body, X_Hub_Signature_256=wrong)
            assert (told.status, GITHUB in told.text) == (401, False)
        assert (await pusher.send("/hook", body)).status == 401
        assert (await pusher.send("/hook", body + b"!", X_Hub_Signature_256=GITHUB)).status == 401
        total = pusher.receiver._context.telemetry.total
        assert total("penstock_receiver_turned_away_requests", reason="bad_signature") == 6


@in_loop
async def test_a_time_that_is_signed_may_not_be_old() -> None:
    hook = {
        "path": "/hook",
        "signature": {"secret": "s", "style": "stripe", "header": "Stripe-Signature"},
    }

    def stripe(seconds: float, body: bytes = b"{}") -> str:
        stamp = str(int(time.time() + seconds))
        digest = hmac.new(b"s", f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        return f"t={stamp},v1={'0' * 64},v1={digest},v0=x"

    async with pushing(webhooks=[hook]) as pusher:
        for said, status in (
            (stripe(0), 202),
            (stripe(-400), 401),
            (stripe(400), 401),
            (stripe(0, b"other"), 401),
            ("t=,v1=", 401),
            ("t=" + "9" * 5000, 401),
        ):
            assert (await pusher.send("/hook", b"{}", Stripe_Signature=said)).status == status


@pytest.mark.parametrize(
    ("algorithm", "encoding", "length"), [("sha1", "hex", 40), ("sha512", "base64", 88)]
)
def test_signatures_are_of_the_algorithm_and_the_encoding(
    algorithm: str, encoding: str, length: int
) -> None:
    given = {"secret": "s", "algorithm": algorithm, "encoding": encoding}
    assert len(signed(Signature.model_validate(given), b"text")) == length
