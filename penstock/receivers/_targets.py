"""Where targets are found: addresses, files and URLs that name them."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
from pydantic import ValidationError

from penstock.receivers._targets_options import groups

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping

    from penstock.receivers._targets_options import FileSDConfig, HTTPSDConfig, StaticConfig

    Found = list[dict[str, str]]
    Complain = Callable[[Exception], None]

_WATCH = 5.0
"""Seconds between two looks at files."""
_MAX_FILE = 16 * 1024 * 1024
"""Bytes of a file or an answer that are read."""
_LONGEST = 10.0
"""Seconds that an answer may take."""


class DiscoveryError(Exception):
    """What should name targets does not."""


class Discovery(ABC):
    """Tells what there is to scrape: for each target its labels, of which `__address__` is one."""

    async def open(self) -> None:  # noqa: B027  (one with nothing to open is complete)
        """Raises `StartError`."""

    async def close(self) -> None:  # noqa: B027
        """Close what `open` opened."""

    @abstractmethod
    def follow(self, complain: Complain) -> AsyncIterator[Found]:
        """All that there is, whenever that changes. `complain` is told what goes wrong, and what
        was found before stays."""


def targets(found: Iterable[StaticConfig], meta: Mapping[str, str] | None = None) -> Found:
    """The labels of each target of some groups; `meta` are those of all."""
    return [
        {**(meta or {}), **group.labels, "__address__": address}
        for group in found
        for address in group.targets
    ]


class Static(Discovery):
    """Addresses in the settings."""

    def __init__(self, configs: list[StaticConfig]) -> None:
        self._configs = configs

    async def follow(self, complain: Complain) -> AsyncIterator[Found]:
        """Once."""
        del complain
        yield targets(self._configs)


class Files(Discovery):
    """Files that name targets, read when they change."""

    def __init__(self, config: FileSDConfig) -> None:
        self._config = config
        self._known: dict[str, Found] = {}

    async def follow(self, complain: Complain) -> AsyncIterator[Found]:
        """Whenever a file changes, comes or goes. One that makes no sense counts as it was."""
        before: object = None
        while True:
            marks = await asyncio.to_thread(self._marks)
            if marks != before:
                before = marks
                yield await asyncio.to_thread(self._read, list(marks), complain)
            await asyncio.sleep(min(_WATCH, self._config.refresh_interval))

    def _marks(self) -> dict[str, tuple[int, int]]:
        paths = sorted({path for pattern in self._config.files for path in glob(pattern)})  # noqa: PTH207  (a pattern may be absolute)
        return {path: mark for path in paths if (mark := _mark(path))}

    def _read(self, paths: list[str], complain: Complain) -> Found:
        found: dict[str, Found] = {}
        for path in paths:
            try:
                found[path] = targets(_groups_of(path), {"__meta_filepath": path})
            except (OSError, ValueError, DiscoveryError) as error:
                complain(DiscoveryError(f"{path}: {_cause(error)}"))
                found[path] = self._known.get(path, [])
        self._known = found
        return [labels for each in found.values() for labels in each]


def _mark(path: str) -> tuple[int, int] | None:
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _groups_of(path: str) -> list[StaticConfig]:
    with Path(path).open("rb") as file:
        content = file.read(_MAX_FILE + 1)
    if len(content) > _MAX_FILE:
        msg = f"over {_MAX_FILE} bytes"
        raise DiscoveryError(msg)
    return groups(orjson.loads(content) if path.endswith(".json") else _yaml(content))


def _yaml(content: bytes) -> Any:
    from yaml import AliasEvent, CSafeLoader, YAMLError, load, parse

    try:
        # A few aliases of aliases are as many targets as somebody likes.
        if any(isinstance(event, AliasEvent) for event in parse(content, CSafeLoader)):
            msg = "aliases are not read"
            raise DiscoveryError(msg)
        return load(content, CSafeLoader)
    except YAMLError as error:
        raise DiscoveryError(str(error)) from error


def _cause(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return (isinstance(error, OSError) and error.strerror) or str(error)


class Url(Discovery):
    """A URL that answers with targets."""

    def __init__(self, config: HTTPSDConfig, owner: str) -> None:
        self._config = config
        self._owner = owner
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Open the client. Raises `StartError`."""
        self._config.check(self._owner)
        self._session = self._config.session(self._owner)

    async def close(self) -> None:
        """Close its connections."""
        session, self._session = self._session, None
        if session:
            await session.close()

    async def follow(self, complain: Complain) -> AsyncIterator[Found]:
        """Whenever it is asked."""
        while True:
            try:
                async with asyncio.timeout(_LONGEST):
                    found = await self._ask()
            except (
                OSError,
                ValueError,
                TimeoutError,
                aiohttp.ClientError,
                DiscoveryError,
            ) as error:
                cause = _cause(error) or type(error).__name__
                complain(DiscoveryError(f"{self._config.url.partition('?')[0]}: {cause}"))
            else:
                yield found
            await asyncio.sleep(self._config.refresh_interval)

    async def _ask(self) -> Found:
        assert self._session is not None, "follow before open"
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "X-Prometheus-Refresh-Interval-Seconds": f"{self._config.refresh_interval:g}",
            **await self._config.credentials_now(),
        }
        async with self._session.get(
            self._config.url,
            headers=headers,
            allow_redirects=self._config.follow_redirects,
            server_hostname=self._config.tls_config.server_name or None,
        ) as answer:
            if answer.status != 200:  # noqa: PLR2004  (OK)
                msg = f"it answered {answer.status}"
                raise DiscoveryError(msg)
            content = await _whole(answer.content)
        return targets(groups(orjson.loads(content)), {"__meta_url": self._config.url})


async def _whole(content: aiohttp.StreamReader) -> bytes:
    try:
        await content.readexactly(_MAX_FILE + 1)
    except asyncio.IncompleteReadError as whole:
        return whole.partial
    msg = f"it answered with over {_MAX_FILE} bytes"
    raise DiscoveryError(msg)
