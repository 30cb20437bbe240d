"""Webhooks: whatever is posted to a path becomes a log record, if it is signed as it should be."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from penstock._kernel import MalformedPayload, read_webhook
from penstock.config.types import Duration, Section, UrlPath
from penstock.receivers._posts import Turned, beside
from penstock.receivers._push_bodies import SCOPE, malformed
from penstock.receivers._push_items import words
from penstock.receivers._push_routes import JSON, TEXT, Route

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from aiohttp import web

    from penstock.receivers._push_bodies import Intake

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_PART = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def _is_header(name: str) -> str:
    if not _NAME.fullmatch(name):
        msg = f"expected the name of a header, found {name!r}"
        raise ValueError(msg)
    return name


def _is_template(path: str) -> str:
    names = _PART.findall(path)
    if {*_PART.sub("", path)} & {*"{}"} or len(set(names)) < len(names):
        msg = f"expected a path such as /hooks/{{tenant}}, found {path!r}"
        raise ValueError(msg)
    return path


Header = Annotated[str, AfterValidator(_is_header)]


class Signature(Section):
    """How a sender signs: an HMAC of the body."""

    secret: SecretStr = Field(min_length=1)
    """What both sides know."""
    header: Header = "X-Hub-Signature-256"
    """The header with the signature."""
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    """The hash."""
    encoding: Literal["hex", "base64"] = "hex"
    """How the signature is written."""
    prefix: str = "sha256="
    """What stands before it."""
    style: Literal["body", "stripe"] = "body"
    """What is signed: the body, or as Stripe has it a time and the body, both said in the header as
    `t=…,v1=…`. Then `prefix` is not looked for."""
    tolerance: Duration = Field(default=300.0, gt=0)
    """How far a time that is signed may be from now; what is older may be a repetition."""


class Webhook(Section):
    """One path."""

    path: Annotated[UrlPath, AfterValidator(_is_template)]
    """The path. `{name}` stands for a part of it, which becomes an attribute."""
    signature: Signature | None = None
    """How requests are signed. Whoever signs needs no other credentials; without it, `auth` says
    whose requests are taken."""
    headers: tuple[Header, ...] = ()
    """Headers that become attributes, if they are sent."""


def routes(intake: Intake, webhooks: Iterable[Webhook]) -> Iterator[Route]:
    """Each webhook by its path."""
    for webhook in webhooks:
        yield Route(
            "POST",
            webhook.path,
            partial(_receive, intake, webhook),
            "Post anything.",
            {202: "It was taken.", 400: ("The body is no JSON, though it says so.", "Error")},
            takes={JSON: None, TEXT: None},
            words=words,
            wrong=(JSON, "Error"),
            open=webhook.signature is not None,
        )


async def _receive(intake: Intake, webhook: Webhook, request: web.Request) -> web.Response:
    from aiohttp import web

    async with intake.body(request) as (data, held):
        if webhook.signature:
            await beside(len(data), partial(_check, webhook.signature, request.headers, data))
        kind = request.content_type
        read = partial(
            read_webhook,
            data,
            json=kind == JSON or kind.endswith("+json"),
            attributes=_attributes(webhook, request),
            now=time.time_ns(),
            scope=SCOPE,
        )
        try:
            native = await beside(len(data), read)
        except MalformedPayload as error:
            raise malformed(error) from error
        await intake.pass_on(native, held)
    return web.Response(status=202)


def _attributes(webhook: Webhook, request: web.Request) -> list[tuple[str, str]]:
    parts = [(f"url.path.{name}", text) for name, text in request.match_info.items()]
    chosen = [
        (f"http.request.header.{name.lower()}", ", ".join(request.headers.getall(name)))
        for name in webhook.headers
        if name in request.headers
    ]
    pairs = [("url.path", request.path), *parts, *chosen]
    return [(key, text.encode(errors="replace").decode()) for key, text in pairs]


def _check(signature: Signature, headers: Mapping[str, str], body: bytes) -> None:
    """Raises `Turned` for what is not signed as it should be, after the same time for all."""
    said = headers.get(signature.header, "")
    if signature.style == "stripe":
        right = _is_stamped(signature, said, body)
    else:
        right = said.startswith(signature.prefix)
        right &= _equal(said.removeprefix(signature.prefix), signed(signature, body))
    if not right:
        msg = f"the signature in {signature.header} is missing or wrong"
        raise Turned(HTTPStatus.UNAUTHORIZED, msg, "bad_signature")


def signed(signature: Signature, text: bytes) -> str:
    """The signature of a text, without its prefix."""
    secret = signature.secret.get_secret_value().encode()
    digest = hmac.digest(secret, text, getattr(hashlib, signature.algorithm))
    return digest.hex() if signature.encoding == "hex" else base64.b64encode(digest).decode()


def _is_stamped(signature: Signature, said: str, body: bytes) -> bool:
    pairs = [part.strip().partition("=") for part in said.split(",")]
    stamp = next((value for name, _, value in pairs if name == "t"), "")
    expected = signed(signature, stamp.encode(errors="replace") + b"." + body)
    # While a secret is being changed, there is a signature by each.
    equal = [_equal(value, expected) for name, _, value in pairs if name == "v1"]
    fresh = stamp.isascii() and stamp.isdigit() and len(stamp) < len("1700000000000")
    return any(equal) and fresh and abs(time.time() - int(stamp)) <= signature.tolerance


def _equal(said: str, expected: str) -> bool:
    return hmac.compare_digest(said.encode(errors="replace"), expected.encode())
