"""POST requests to a back end, on connections that are kept."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, NamedTuple

import aiohttp
from aiohttp.payload import Payload
from pydantic import AfterValidator, Field
from yarl import URL

from penstock.config.client_tls import ClientTLS
from penstock.config.types import Duration
from penstock.exporters._answers import failure_message, retry_after
from penstock.exporters._auth import RENEWED, Credentials
from penstock.exporters._client import MAX_ANSWER_BYTES, USER_AGENT, Headers, quote
from penstock.pipeline import Permanent, Retryable
from penstock.pipeline.auth import ClientAuth
from penstock.pipeline.delivery.delivery import AttemptsConfig

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from aiohttp.abc import AbstractStreamWriter

    from penstock.pipeline import Context

_FIRST_REDIRECT, _FIRST_FAILURE = 300, 400

_REMEDIES = {
    401: "check the credentials in headers or auth",
    403: "check the credentials in headers or auth",
    404: "check the path of the endpoint",
    405: "check the path of the endpoint",
    413: "make batches smaller",
    415: "check encoding and compression",
}


def _is_url(endpoint: str) -> str:
    url = URL(endpoint)
    if url.scheme not in {"http", "https"} or not url.host:
        msg = "expected a URL such as http://backend:4318"
        raise ValueError(msg)
    if "@" in url.raw_authority:
        msg = "credentials do not belong in the endpoint; send them as headers"
        raise ValueError(msg)
    return endpoint


Url = Annotated[str, AfterValidator(_is_url)]
"""Where to send, over HTTP or HTTPS and without credentials."""


class Content(NamedTuple):
    """What is sent, and what it is."""

    data: bytes
    type: str = "application/json"
    encoding: str = ""
    """How it is compressed, if requests of the client are not all compressed in one way."""
    accept: str = "*/*"
    """What the answer may be."""

    @property
    def headers(self) -> dict[str, str]:
        """Those that a request has of it, besides its type."""
        coded = {"Content-Encoding": self.encoding} if self.encoding else {}
        return {"Accept": self.accept, **coded}


class Answer(NamedTuple):
    """What a back end answered."""

    response: aiohttp.ClientResponse
    body: bytes | None
    """`None` for one that is too long to be an answer."""

    @property
    def failed(self) -> bool:
        """Whether the request was not taken."""
        return self.response.status >= _FIRST_REDIRECT

    def raise_for(self, retryable: AbstractSet[int]) -> None:
        """Raise `Retryable` for these statuses, and `Permanent` for others that are no success."""
        if self.failed:
            raise _fault(self.response, self.body or b"", retryable)


class PosterConfig(AttemptsConfig):
    """What every exporter over HTTP has, under the Collector's names."""

    headers: Headers = Field(default_factory=dict)
    """Headers of every request, such as an API key or a tenant."""
    auth: ClientAuth | None = None
    """Whose credentials requests carry."""
    tls: ClientTLS = ClientTLS()
    """Encryption, for endpoints of `https://`."""
    max_conns_per_host: int = Field(default=0, ge=0)
    """The most connections to a host; 0 sets no limit."""
    idle_conn_timeout: Duration = Field(default=90.0, gt=0)
    """How long an unused connection is kept open."""


class Poster:
    """The client of one exporter. It connects when it is first used."""

    def __init__(self, config: PosterConfig, context: Context) -> None:
        self._config = config
        self._context = context
        self._credentials = Credentials(config.auth, context)
        self._session: aiohttp.ClientSession | None = None

    def start(self, headers: Mapping[str, str], *, encrypted: bool) -> None:
        """Open the client, whose requests all have these headers too. Raises `StartError`."""
        self._credentials.start(encrypted=encrypted)
        config = self._config
        set_ = {name: value.get_secret_value() for name, value in config.headers.items()}
        own = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **headers}
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                limit_per_host=config.max_conns_per_host,
                keepalive_timeout=config.idle_conn_timeout,
                ssl=config.tls.ssl_context(self._context.id),
            ),
            headers=own | set_,
            timeout=aiohttp.ClientTimeout(),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # an answer is short, unless it is a bomb
        )

    async def post(self, url: URL, body: bytes, content_type: str) -> Answer:
        """Send and read the answer. Raises `Retryable` for one that is not by HTTP's rules."""
        return await self.request("POST", url, Content(body, content_type))

    async def request(self, method: str, url: URL, content: Content | None) -> Answer:
        """The same by any method, with or without a body."""
        assert self._session is not None, "send before start"
        credentials = self._credentials.headers
        own = content.headers if content else {}
        try:
            async with self._session.request(
                method,
                url,
                data=content and _Body(content.data, content.type),
                headers={**credentials, **own},
                allow_redirects=False,
                server_hostname=self._config.tls.server_name_override or None,
            ) as response:
                answer = Answer(response, await _read(response))
        except (aiohttp.ClientError, OSError) as error:
            msg = f"{name_of(url)}: {_describe(error)}"
            raise Retryable(msg) from error
        refused = response.status == HTTPStatus.UNAUTHORIZED
        if refused and await self._credentials.replace(credentials):
            msg = f"{name_of(url)}: {RENEWED}"
            raise Retryable(msg)
        return answer

    async def stop(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


class _Body(Payload):
    """Bytes in one piece. aiohttp's own payload warns of large ones; a socket takes either."""

    _value: bytes

    def __init__(self, value: bytes, content_type: str) -> None:
        super().__init__(value, content_type=content_type)
        self._size = len(value)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return self._value.decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        await writer.write(self._value)


async def _read(response: aiohttp.ClientResponse) -> bytes | None:
    """The answer's body; `None` for one that is too long to be an answer."""
    try:
        await response.content.readexactly(MAX_ANSWER_BYTES + 1)
    except asyncio.IncompleteReadError as whole:
        return whole.partial
    return None


def _fault(
    response: aiohttp.ClientResponse, answer: bytes, retryable: AbstractSet[int]
) -> Retryable | Permanent:
    reason = f"{name_of(response.url)}: {response.status} {quote(response.reason or '')}".rstrip()
    if response.status < _FIRST_FAILURE:
        return Permanent(f"{reason}; redirects are not followed: set endpoint to the new place")
    message = failure_message(answer, response.content_type)
    reason = f"{reason}: {message}" if message else reason
    if response.status in retryable:
        return Retryable(reason, after=retry_after(response.headers.get("Retry-After")))
    remedy = _REMEDIES.get(response.status)
    return Permanent(f"{reason}; {remedy}" if remedy else reason)


def name_of(url: URL) -> str:
    """The URL without its query, which may hold a key."""
    return str(url.with_query(None))


def _describe(error: Exception) -> str:
    """What went wrong, without the URL and headers that some of aiohttp's exceptions show."""
    text = error.message if isinstance(error, aiohttp.ClientResponseError) else str(error)
    return f"{type(error).__name__}: {quote(text)}"
