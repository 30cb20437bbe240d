"""Back ends that answer in bad faith, over HTTP/1 and gRPC: what they say is written by hand."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import h2.config
import h2.connection
import h2.events
from h2.exceptions import ProtocolError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Answer = Callable[["Peer", int], Awaitable[None]]

MIB = 1 << 20

PLENTY = MIB
"""Bytes written at a time where there is no end to them."""

ENDLESS = 10 << 30


class Peer:
    """One connection to a back end. `answer` is called with it and the stream of each request."""

    def __init__(
        self, back_end: BackEnd, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._back_end = back_end
        self._reader = reader
        self._writer = writer
        config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        self._protocol = h2.connection.H2Connection(config)
        self._moved = asyncio.Event()

    async def write(self, data: bytes) -> None:
        """Write these bytes, as they are."""
        self._writer.write(data)
        await self._writer.drain()
        self._back_end.written += len(data)
        await asyncio.sleep(0)

    async def repeat(self, piece: bytes) -> None:
        """Write it again and again, until the other side has had enough or the back end repents;
        then the connection ends."""
        answer = self._back_end.answer
        while self._back_end.written < ENDLESS and self._back_end.answer is answer:
            await self.write(piece)
        raise ConnectionError

    async def headers(self, stream: int, *headers: tuple[str, str], end: bool = False) -> None:
        """Send a head, or trailers, by the rules of HTTP/2."""
        self._protocol.send_headers(stream, headers, end_stream=end)
        await self._flush()

    async def data(self, stream: int, data: bytes) -> None:
        """Send a body, by the rules of HTTP/2: as the other side's windows allow."""
        while data:
            room = self._protocol.local_flow_control_window(stream)
            size = min(room, self._protocol.max_outbound_frame_size, len(data))
            if size:
                self._protocol.send_data(stream, data[:size])
                self._back_end.written += size
                data = data[size:]
                await self._flush()
            else:
                self._moved.clear()
                await self._moved.wait()

    async def serve_http1(self) -> None:
        """Answer one request after the other."""
        while True:
            head = await self._reader.readuntil(b"\r\n\r\n")
            (length,) = (
                int(line.partition(b":")[2])
                for line in head.lower().splitlines()
                if line.startswith(b"content-length:")
            )
            await self._reader.readexactly(length)
            self._back_end.requests += 1
            await self._back_end.answer(self, 0)

    async def serve_http2(self) -> None:
        """Answer each request in a task of its own."""
        self._protocol.initiate_connection()
        await self._flush()
        async with asyncio.TaskGroup() as answers:
            while data := await self._reader.read(PLENTY):
                for event in self._protocol.receive_data(data):
                    if isinstance(event, h2.events.DataReceived):
                        size = event.flow_controlled_length
                        self._protocol.acknowledge_received_data(size, event.stream_id)
                    if isinstance(event, h2.events.StreamEnded):
                        self._back_end.requests += 1
                        answers.create_task(self._answer(event.stream_id))
                self._moved.set()
                await self._flush()
            raise ConnectionError

    async def _answer(self, stream: int) -> None:
        with suppress(ProtocolError):  # the other side has had enough of the stream
            await self._back_end.answer(self, stream)

    async def _flush(self) -> None:
        self._writer.write(self._protocol.data_to_send())
        await self._writer.drain()


class BackEnd:
    """Answers every request with `answer`."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.written = 0
        self.requests = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def serving(self, serve: Callable[[Peer], Awaitable[None]]) -> AsyncIterator[int]:
        """Listen; gives the port."""

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._tasks.add(task)
            with suppress(
                asyncio.IncompleteReadError, asyncio.CancelledError, OSError, BaseExceptionGroup
            ):
                await serve(Peer(self, reader, writer))
            writer.close()
            self._tasks.discard(task)

        async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
            try:
                yield server.sockets[0].getsockname()[1]
            finally:
                server.close()
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)
