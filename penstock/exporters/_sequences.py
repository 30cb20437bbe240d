"""Requests of remote write in sequences: those of one are sent one after the other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from penstock.exporters._http import name_of
from penstock.pipeline import Permanent, Retryable
from penstock.prometheus.remote_write import V1, V2, WRITTEN

if TYPE_CHECKING:
    from yarl import URL

    from penstock.exporters._http import Answer, Poster
    from penstock.pipeline import Context
    from penstock.prometheus.remote_write import Message

_RETRYABLE = {429, *range(500, 600)}
"""Remote write 1.0, "Retries & Backoff"."""

_KINDS = ("samples", "histograms", "exemplars")


class Request(NamedTuple):
    """A request that is ready to be sent, and how much it holds."""

    place: int
    sequence: int
    body: bytes
    points: int
    samples: int
    histograms: int
    exemplars: int


class Outcome:
    """What became of the requests of a batch."""

    def __init__(self) -> None:
        self.sent: set[int] = set()
        """The places of requests that were taken, at least in part."""
        self.settled: set[int] = set()
        """The same and those that never will be."""
        self.failed: Retryable | None = None
        """Why the others were not."""
        self.rejected = 0
        """Points that were not taken, of those that are settled."""
        self.reason = ""

    def settle(self, request: Request) -> None:
        """Note that a request was taken."""
        self.sent.add(request.place)
        self.settled.add(request.place)

    def reject(self, request: Request, points: int, reason: str) -> None:
        """Note that so many points of a request never will be taken."""
        if points < request.points:
            self.sent.add(request.place)
        self.settled.add(request.place)
        self.rejected += points
        self.reason = self.reason or reason


class Sequences:
    """Posts requests to one URL and counts what the back end says it has written."""

    def __init__(
        self, poster: Poster, url: URL, message: Message, timeout: float, context: Context
    ) -> None:
        self._poster = poster
        self._url = url
        self._message = message
        self._timeout = timeout
        self._logger = context.logger
        self._warned = False
        self._written = {
            kind: context.telemetry.counter(
                f"penstock_exporter_written_{kind}",
                f"{kind.capitalize()} that the back end says it has written.",
                f"{{{kind.removesuffix('s')}}}",
                exporter=context.id,
            )
            for kind in _KINDS
        }

    async def post(self, requests: list[Request]) -> Outcome:
        """Post each sequence beside the others. One ends where a request has to wait for another
        attempt."""
        outcome = Outcome()
        sequences: dict[int, list[Request]] = {}
        for request in requests:
            sequences.setdefault(request.sequence, []).append(request)
        await asyncio.gather(*(self._in_order(each, outcome) for each in sequences.values()))
        return outcome

    async def _in_order(self, requests: list[Request], outcome: Outcome) -> None:
        for request in requests:
            try:
                answer = await self._answer(request)
                missing = self._missing(request, answer) if self._message is V2 else 0
                answer.raise_for(_RETRYABLE)
            except Retryable as fault:
                outcome.failed = outcome.failed or fault
                return
            except Permanent as fault:
                partly = 0 < missing < request.samples + request.histograms
                lost = min(missing, request.points) if partly else request.points
                outcome.reject(request, lost, str(fault))
            else:
                outcome.settle(request)
                if missing:
                    reason = f"{name_of(self._url)}: took the request, but {missing} samples of it"
                    outcome.reject(request, min(missing, request.points), reason)

    async def _answer(self, request: Request) -> Answer:
        try:
            async with asyncio.timeout(self._timeout):
                body, content_type = request.body, self._message.content_type
                return await self._poster.post(self._url, body, content_type)
        except TimeoutError as error:
            msg = f"{name_of(self._url)}: no answer in time (timeout {self._timeout}s)"
            raise Retryable(msg) from error

    def _missing(self, request: Request, answer: Answer) -> int:
        """Samples and histograms that the back end does not say it has written."""
        headers = answer.response.headers
        counts = {}
        for kind, sent in zip(_KINDS, request[-3:], strict=True):
            text = headers.get(WRITTEN.format(kind.capitalize()), "")
            if text.isascii() and text.isdecimal():
                counts[kind] = min(int(text[:10]), sent)
                self._written[kind].add(counts[kind])
        expected = request.samples + request.histograms
        if not counts:
            self._warn(answer)
            return expected if answer.failed else 0
        return expected - counts.get("samples", 0) - counts.get("histograms", 0)

    def _warn(self, answer: Answer) -> None:
        if not answer.failed and not self._warned:
            self._warned = True
            self._logger.warning(
                "%s does not say what it has written, as remote write 2.0 has it: it may know only "
                "1.0; set protobuf_message to %s unless it is known to take 2.0",
                name_of(self._url),
                V1.name,
            )
