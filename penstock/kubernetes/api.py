"""The Kubernetes API, as far as it tells what there is: all of it at first, then every change."""

from __future__ import annotations

import asyncio
import os
import ssl
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import orjson

from penstock.config.pem import blaming
from penstock.pipeline.errors import StartError
from penstock.redaction import keep_secret

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    import aiohttp

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds what it may ask the API with."""

_PAGE = 250
"""Objects in an answer: some megabytes, which take some milliseconds to read."""
_MAX_ANSWER = 64 * 1024 * 1024
_MAX_EVENT = 4 * 1024 * 1024
"""Bytes; the API's own store takes objects of up to 1.5 MiB."""
_WATCHED = 300
"""Seconds after which the API ends a watch, and another begins."""
_CONNECTING, _READING = 10.0, _WATCHED + 30.0
_GONE = 410
_FIRST_PAUSE, _LAST_PAUSE = 1.0, 30.0
"""Seconds between attempts."""
_BETWEEN = 0.1
"""Seconds between watches, for the case that one ends as soon as it has begun."""


class ApiError(Exception):
    """The API gave no answer, or one that is of no use."""


class _ExpiredError(ApiError):
    """Changes since that time are no longer known: all must be asked for again."""


class Api:
    """Asks the API of the cluster that Penstock runs in, as its service account."""

    def __init__(self, owner: str, option: str) -> None:
        """`owner` is the component's id, and `option` what to remove where there is no API."""
        host, port = (os.environ.get(f"KUBERNETES_SERVICE_{it}", "") for it in ("HOST", "PORT"))
        if not host:
            msg = (
                f"{owner}: KUBERNETES_SERVICE_HOST is not set: outside of a cluster there is no API"
                f" to ask; remove `{option}`"
            )
            raise StartError(msg)
        self._url = f"https://{f'[{host}]' if ':' in host else host}:{port or 443}"
        self._last_token = ""
        authorities = SERVICE_ACCOUNT / "ca.crt"
        with blaming(owner, str(authorities)):
            self._tls = ssl.create_default_context(cafile=str(authorities))

    @asynccontextmanager
    async def get(
        self, path: str, parameters: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.StreamReader]:
        """The body of an answer. Raises `ApiError`.

        `path` is one of a group, such as `/apis/apps/v1/…`, or one of the core, such as `/pods`.
        """
        import aiohttp

        timeout = aiohttp.ClientTimeout(sock_connect=_CONNECTING, sock_read=_READING)
        headers = {"Authorization": f"Bearer {self._token()}", "Accept": "application/json"}
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(
                self._url + _rooted(path), params=parameters, headers=headers, ssl=self._tls
            ) as answer,
        ):
            if answer.status == _GONE:
                raise _ExpiredError
            if not answer.ok:
                raise ApiError(_refusal(answer.status, path.rpartition("/")[2]))
            yield answer.content

    def own_namespace(self) -> str:
        """Where Penstock's own pod is. Raises `OSError` where the pod does not know."""
        return (SERVICE_ACCOUNT / "namespace").read_text().strip()

    def _token(self) -> str:
        """What the file has now: every hour it is another."""
        token = (SERVICE_ACCOUNT / "token").read_text().strip()
        if token != self._last_token:
            keep_secret([token])
            self._last_token = token
        return token


def _rooted(path: str) -> str:
    return path if path.startswith("/apis/") else f"/api/v1{path}"


def _refusal(status: int, what: str) -> str:
    remedy = {
        401: "; the service account's token is not taken",
        403: f"; let the service account get, list and watch {what}, by a role of RBAC",
    }
    return f"the API answered {status}{remedy.get(status, '')}"


class Store(Protocol[T_contra]):
    """Who keeps what a watch tells of."""

    def replace(self, found: Sequence[T_contra], /) -> None:
        """Nothing else is there."""

    def put(self, found: T_contra, /) -> None:
        """One is there, or has changed."""

    def remove(self, uid: str, /) -> None:
        """One is gone."""


class Watch(Generic[T]):
    """Keeps a `store` as what is at a path of the API, such as `/pods`, and fits `selectors`.

    `read` makes of an object what is stored, if anything.
    """

    def __init__(
        self,
        api: Api,
        path: str,
        selectors: Mapping[str, str],
        read: Callable[[Mapping[str, Any]], T | None],
        store: Store[T],
    ) -> None:
        self._api = api
        self._path = path
        self._selectors = selectors
        self._read = read
        self._store = store

    async def follow(
        self, complete: Callable[[], None], failed: Callable[[Exception], None]
    ) -> None:
        """Tell whenever everything is known, and why it is not; does not return."""
        import aiohttp

        unreadable = (ValueError, LookupError, TypeError, AttributeError)
        pause = _FIRST_PAUSE
        while True:
            try:
                version = await self._list()
                complete()
                pause = _FIRST_PAUSE
                while True:
                    version = await self._watch(version)
                    await asyncio.sleep(_BETWEEN)
            except _ExpiredError:
                pass
            except (ApiError, aiohttp.ClientError, OSError, *unreadable) as error:
                failed(error)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LAST_PAUSE)

    async def _list(self) -> str:
        """Ask for everything; returns the version that it is of."""
        found: list[T] = []
        rest = ""
        while True:
            parameters = {**self._selectors, "limit": str(_PAGE)}
            if rest:
                parameters["continue"] = rest
            async with self._api.get(self._path, parameters) as content:
                page = orjson.loads(await _whole(content))
            found += filter(None, map(self._read, page.get("items") or ()))
            rest = page["metadata"].get("continue", "")
            if not rest:
                self._store.replace(found)
                return str(page["metadata"]["resourceVersion"])

    async def _watch(self, version: str) -> str:
        """Take changes since a version, until the API ends it; returns the latest version."""
        parameters = {
            **self._selectors,
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(_WATCHED),
        }
        async with self._api.get(self._path, parameters) as content:
            async for line in _lines(content):
                event = orjson.loads(line)
                found = event["object"]
                if event["type"] == "ERROR":
                    raise _ExpiredError if found.get("code") == _GONE else ApiError(str(found))
                if event["type"] != "BOOKMARK":
                    self._take(found, deleted=event["type"] == "DELETED")
                version = found["metadata"]["resourceVersion"]
        return version

    def _take(self, found: Mapping[str, Any], *, deleted: bool) -> None:
        read = None if deleted else self._read(found)
        if read is None:
            self._store.remove(found["metadata"]["uid"])
        else:
            self._store.put(read)


async def _whole(content: aiohttp.StreamReader) -> bytes:
    parts, size = [], 0
    async for part in content.iter_any():
        parts.append(part)
        size += len(part)
        if size > _MAX_ANSWER:
            msg = f"the API's answer has more than {_MAX_ANSWER} bytes; ask for less"
            raise ApiError(msg)
    return b"".join(parts)


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    rest = b""
    async for part in content.iter_any():
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            if line:
                yield line
        if len(rest) > _MAX_EVENT:
            msg = f"an event of the API has more than {_MAX_EVENT} bytes"
            raise ApiError(msg)
