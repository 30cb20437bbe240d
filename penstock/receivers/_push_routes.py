"""What is answered where: the one table that requests are led by and that is told of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from penstock.receivers._posts import headers_of, plainly

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from aiohttp import web

    from penstock.receivers._posts import Posts, Words

    Headers = dict[str, list[str]]

TEXT = "text/plain"
JSON = "application/json"


def _unchanged(headers: Headers) -> Headers:
    return headers


@dataclass(frozen=True)
class Route:
    """One method at one path."""

    method: str
    path: str
    """As OpenAPI writes it. A parameter in `rest` stands for all that follows."""
    work: Callable[[web.Request], Awaitable[web.Response]]
    """May raise `Turned`, `Refused` and `Unauthenticated`."""
    summary: str
    answers: Mapping[int, str | tuple[str, str]]
    """What each status means, and the schema of its answer where it has one."""
    takes: Mapping[str, str | None] = field(default_factory=dict)
    """The types of body, and the schema of each."""
    query: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The parameters in the URL's query, and the schema of each."""
    rest: str = ""
    words: Words = plainly
    """How who is turned away is told."""
    wrong: tuple[str, str | None] = (TEXT, None)
    """The type of that, and its schema."""
    open: bool = False
    """Whether strangers are answered too."""
    credentials: Callable[[Headers], Headers] = _unchanged
    """Headers as the authenticator understands them."""

    @property
    def pattern(self) -> str:
        """The path as the server knows it."""
        part = f"{{{self.rest}}}"
        return self.path.replace(part, f"{{{self.rest}:(?s:.*)}}") if self.rest else self.path

    def answer(self, posts: Posts) -> Callable[[web.Request], Awaitable[web.Response]]:
        """The function that answers requests."""

        async def admitted(request: web.Request) -> web.Response:
            if not self.open:
                await posts.admit(self.credentials(headers_of(request)))
            return await self.work(request)

        async def answer(request: web.Request) -> web.Response:
            return await posts.answer(request, admitted, self.words)

        return answer
