"""Calls of grpcio's threads, waited for in the event loop."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grpc import _CallFuture as CallFuture  # grpcio's stubs alone have a name for it


async def result(call: CallFuture[bytes]) -> bytes:
    """The answer of a call. Raises `grpc.RpcError` where it fails."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def wake(_: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(ended.set)

    call.add_done_callback(wake)
    await ended.wait()
    return call.result()


def cancel_begun(beginning: asyncio.Future[CallFuture[bytes]]) -> None:
    """End a call that nobody waits for, where it has begun."""
    if not beginning.cancelled() and not beginning.exception():
        beginning.result().cancel()
