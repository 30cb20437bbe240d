"""Receive StatsD and DogStatsD by UDP, TCP and unix sockets, and aggregate it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from penstock._kernel import Statsd as Kernel
from penstock.config.types import IN_A_FILE, Duration, Endpoint, HostPort, UnixSocket
from penstock.pipeline import Batch, Receiver, ReceiverConfig, Signal, StartError
from penstock.pipeline.delivery.custody import Custody
from penstock.pipeline.exposure import warn_if_exposed
from penstock.pipeline.faults import FaultLog
from penstock.receivers._statsd_mapping import MappingFile
from penstock.receivers._statsd_options import (
    TimerMapping,
    observers,
)
from penstock.receivers._statsd_telemetry import observe

if TYPE_CHECKING:
    from penstock.pipeline import Consume, Context

MIB = 1024 * 1024

SOCKET_FILE = "/var/run/statsd-receiver.sock"

REMEMBERED = 300.0
"""Seconds for which a series that is not seen is remembered, and a gauge that others may change."""

LOOK = 0.5
"""Seconds between two looks at whether a window should end before its time."""

NANOS = 1_000_000_000

_AS_GAUGES = [
    TimerMapping(statsd_type="timer", observer_type="gauge"),
    TimerMapping(statsd_type="histogram", observer_type="gauge"),
    TimerMapping(statsd_type="distribution", observer_type="gauge"),
]


class Config(ReceiverConfig):
    """Options of the `statsd` receiver, under the Collector's names where it has them."""

    signals: ClassVar[frozenset[Signal]] = frozenset({Signal.METRICS, Signal.LOGS})

    not_here: ClassVar[Mapping[str, str]] = {
        "enable_ip_only_aggregation": "series are one whoever sends them; remove it",
        "ignore_host": "series are one whoever sends them; remove it",
    }

    transport: Literal["udp", "udp4", "udp6", "tcp", "tcp4", "tcp6", "unixgram", "unix"] = "udp"
    """Datagrams by `udp`, or by `unixgram` for a socket in a file; connections by `tcp`, or by
    `unix` for a socket in a file. `udp4`, `udp6`, `tcp4` and `tcp6` are of one version of IP."""
    endpoint: Endpoint = HostPort("localhost", 8125)
    """Where to listen: `host:port`, or the path of a unix socket."""
    socket_permissions: str = Field(default="0622", pattern="^0[0-7]{3}$")
    """Of a unix socket: who may write to it may send."""
    socket_buffer_size: int = Field(default=8 * MIB, ge=0, lt=2**31)
    """Bytes of datagrams that may wait for being read; the system may allow less. 0 leaves it to
    the system."""
    sockets: int = Field(default=1, ge=1, le=64)
    """Sockets, each with a thread, among which the system shares out the senders of UDP."""
    max_connections: int = Field(default=1024, ge=1)
    """Connections at a time; more wait."""
    idle_timeout: Duration = Field(default=300.0, gt=0)
    """After this time without a byte, a connection is ended."""
    aggregation_interval: Duration = Field(default=60.0, gt=0)
    """How often what has come is passed on."""
    enable_metric_type: bool = False
    """Whether metrics get their type as the attribute `metric_type`."""
    enable_simple_tags: bool = False
    """Whether tags may have no value."""
    is_monotonic_counter: bool = False
    """Whether sums of counters are monotonic."""
    counter_type: Literal["int", "float", "stochastic_int"] = "int"
    """How sums of counters are told: as integers, to the nearest; as they are; or as integers that
    are right on the average."""
    timer_histogram_mapping: list[TimerMapping] = Field(default=_AS_GAUGES)
    """What becomes of timers, histograms and distributions; where one is not named, nothing."""
    mapping: MappingFile | None = None
    """Rules of the Prometheus `statsd_exporter`; its own file can be put here."""
    timestamps: Literal["keep", "ignore"] = "keep"
    """Whether values that come with a time are points of that time."""
    max_series: int = Field(default=100_000, ge=1, le=10_000_000)
    """Series at a time. Of more, counts are added up in one series for each metric, and gauges are
    dropped."""

    @model_validator(mode="before")
    @classmethod
    def _the_usual_file(cls, value: Any) -> Any:
        if isinstance(value, dict) and value.get("transport") in IN_A_FILE:
            return {"endpoint": SOCKET_FILE, **value}
        return value

    @property
    def family(self) -> int:
        """The version of IP, 0 for both."""
        return {"4": 4, "6": 6}.get(self.transport[-1], 0)

    @property
    def way(self) -> str:
        """The transport, whatever its version and kind."""
        return "unix" if self.transport in IN_A_FILE else self.transport[:3]

    def listens(self) -> dict[tuple[str | int, ...], HostPort]:
        """Where it listens by TCP: ports of UDP are others."""
        return super().listens() if self.transport.startswith("tcp") else {}

    def build(self, context: Context) -> Receiver:
        """The receiver these settings describe."""
        return Statsd(self, context)


class Asked:
    """What the kernel is asked for."""

    def __init__(self, config: Config, context: Context) -> None:
        self.metric_type = config.enable_metric_type
        self.simple_tags = config.enable_simple_tags
        self.timestamps = config.timestamps == "keep"
        self.monotonic = config.is_monotonic_counter
        self.counter_type = config.counter_type
        self.observers = observers(config.timer_histogram_mapping)
        self.rules = config.mapping.rules() if config.mapping else []
        self.max_series = config.max_series
        self.windows_kept = max(2, round(REMEMBERED / config.aggregation_interval))
        self.metrics = Signal.METRICS in context.signals
        self.logs = Signal.LOGS in context.signals
        self.version = version("penstock")


class Statsd(Receiver):
    """Sockets that the kernel reads, and windows that are passed on. While one is kept because the
    next stage refuses it, the other goes on: nothing is lost, and it only becomes longer."""

    transports = ("udp", "tcp", "unix")

    def __init__(self, config: Config, context: Context) -> None:
        self._config = config
        self._context = context
        self._faults = FaultLog(context.logger)
        self._kernel: Kernel | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._flushes = asyncio.Lock()
        self._taken = asyncio.Event()
        self._taken.set()
        self.port = 0

    async def start(self, consume: Consume) -> None:
        """Listen. Raises `StartError` where the address cannot be had."""
        kernel = Kernel(Asked(self._config, self._context))
        try:
            self.port = self._listen(kernel)
        except OSError as error:
            msg = f"{self._context.id}: cannot listen on {self._config.endpoint}: {error}"
            raise StartError(msg) from error
        if isinstance(self._config.endpoint, HostPort):
            warn_if_exposed(self._context.logger, self._config.endpoint, protected=False)
        self._clock = Clock()
        self._custody = Custody(consume, self._context)
        self._kernel = kernel
        observe(kernel, self._context)
        kernel.start()
        self._flushing = self._context.tasks.create_task(self._flush_on_time(kernel))

    async def stop(self) -> None:
        """Read what has come, and no more; returns when all of it has been taken."""
        flushing, self._flushing = self._flushing, None
        if flushing is not None:
            async with self._flushes:  # what has been taken from the kernel is passed on
                flushing.cancel()
            await asyncio.wait([flushing])
        kernel, self._kernel = self._kernel, None
        if kernel is not None:
            await asyncio.to_thread(kernel.stop)
            await self._flush(kernel)
            await self._custody.end()

    def _listen(self, kernel: Kernel) -> int:
        config, place = self._config, self._config.endpoint
        connections, idle = config.max_connections, config.idle_timeout
        buffer, permissions = config.socket_buffer_size, int(config.socket_permissions, 8)
        if isinstance(place, UnixSocket) and config.transport == "unixgram":
            kernel.listen_unixgram(place.path, permissions=permissions, buffer=buffer)
        elif isinstance(place, UnixSocket):
            kernel.listen_unix(
                place.path, permissions=permissions, connections=connections, idle=idle
            )
        elif config.transport.startswith("udp"):
            sockets = config.sockets
            return kernel.listen_udp(*place, family=config.family, sockets=sockets, buffer=buffer)
        else:
            return kernel.listen_tcp(
                *place, family=config.family, connections=connections, idle=idle
            )
        return 0

    async def _flush_on_time(self, kernel: Kernel) -> None:
        interval = self._config.aggregation_interval
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due = max(due + interval, loop.time())
            await _ended(kernel, due)
            await self._taken.wait()
            async with self._flushes:
                await self._flush(kernel)

    async def _flush(self, kernel: Kernel) -> None:
        batches = await asyncio.to_thread(kernel.take, *self._clock.window())
        for reason, example in kernel.examples():
            self._faults.report(f"Dropped lines ({reason})", 0, f"such as {example}")
        self._kept = sum(batch is not None for batch in batches)
        if self._kept:
            self._taken.clear()
        for batch in batches:
            if batch is not None:
                arrival = {self._config.way: (len(batch), 1)}
                self._custody.keep(Batch(batch, arrival), self._one_taken)

    def _one_taken(self) -> None:
        self._kept -= 1
        if not self._kept:
            self._taken.set()


async def _ended(kernel: Kernel, due: float) -> None:
    """Return when a window is over, which it may be before its time."""
    loop = asyncio.get_running_loop()
    while True:
        left = due - loop.time()
        if left <= 0 or kernel.is_full():
            return
        await asyncio.sleep(min(left, LOOK))


class Clock:
    """When windows begin and end, in Unix nanoseconds: in order, whatever becomes of the clock."""

    def __init__(self) -> None:
        self._end, self._ended = time.time_ns(), time.monotonic_ns()

    def window(self) -> tuple[int, int]:
        """The start and the end of the window that ends now."""
        end, ended = time.time_ns(), time.monotonic_ns()
        passed = max(ended - self._ended, 1)
        start = self._end
        if abs(end - start - passed) > NANOS:  # the clock was set: what it said is of no use
            start = end - passed
        self._end, self._ended = end, ended
        return start, max(end, start + 1)
