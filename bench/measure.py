"""Run scenarios: one server at a time, in turns, a fresh process and a fresh sink for each run."""

from __future__ import annotations

import statistics
import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from bench import files, kafka, statsd
from bench.bulk import BulkSink
from bench.plan import BenchError
from bench.process import ServerProcess
from bench.tls import Tunnel, prepare

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from bench.load import Load, Sent, Sink
    from bench.plan import Scenario, Server

Sample = dict[str, float]
"""What one run measured: a number for each key; the key ends in the unit."""

WARM_UP = (
    0.05  # of a run's requests, so that connections, imports and first batches are not counted
)
SETTLED = 0.2  # of a soak's samples are its start, when buffers and pools still fill
FEWEST_SAMPLES = 10  # a line through fewer says nothing
LAST_WINDOW = 1.5  # seconds until what was sent has been aggregated and passed on
MICROSECONDS = 1e6
SECONDS_PER_MINUTE = 60


@dataclass(frozen=True, slots=True)
class Run:
    """One server about to do one scenario; `scale` multiplies its requests."""

    server: Server
    scenario: Scenario
    load: Load
    peers: Path
    python: str
    scale: float = 1

    @property
    def requests(self) -> int:
        """How many requests are measured."""
        return max(self.scenario.connections, round(self.scenario.requests * self.scale))

    def start(self, sink: Sink) -> ServerProcess:
        """Start the server with the scenario's file, delivering to `sink`."""
        if self.scenario.tls:
            prepare()
        config = self.scenario.config_file
        argv = self.server.argv(config=config, peers=self.peers, python=self.python)
        argv += self.scenario.own_settings(self.server.name)
        return ServerProcess(self.server.name, argv, sink=sink.address)

    def send(
        self, process: ServerProcess, requests: int, meanwhile: Callable[[], None] = lambda: None
    ) -> Sent:
        """Send `requests` of the scenario's requests to `process`."""
        address = process.http if self.scenario.http else process.grpc
        if not self.scenario.tls:
            return self.load.send(self.scenario, address, requests, meanwhile)
        with Tunnel(address) as tunnel:
            return self.load.send(self.scenario, tunnel.address, requests, meanwhile)

    def measure(self) -> Sample:
        """Do it once, from start to stop of the server; raises `BenchError` if items are lost."""
        return KINDS[self.scenario.kind](self)


def under_load(run: Run) -> Sample:
    """CPU for each item, peak memory, answer times."""
    return _drive(run, lambda _: None)


def kept(run: Run) -> Sample:
    """As under load, of what is not sent on."""
    return _drive(run, lambda _: None, delivers=False)


def over_time(run: Run) -> Sample:
    """As under load, and how fast resident memory grows once it has settled.

    Raises `BenchError` where the load was too short to tell.
    """
    memory: list[tuple[float, float]] = []

    def look(process: ServerProcess) -> None:
        memory.append((time.monotonic() / SECONDS_PER_MINUTE, process.resident_mb()))

    sample = _drive(run, look)
    settled = memory[round(len(memory) * SETTLED) :]
    if len(settled) < FEWEST_SAMPLES:
        msg = f"{len(settled)} seconds of load are too few to tell growth; raise --scale"
        raise BenchError(msg)
    slope = statistics.linear_regression(*zip(*settled, strict=True)).slope
    return sample | {"growth_mb_per_min": slope}


def of_datagrams(run: Run) -> Sample:
    """CPU for each line that was received, peak memory, and how many datagrams were not."""
    statsd.build()
    with run.load.sink() as sink, run.start(sink) as process:
        process.wait_until_ready()
        statsd.send(run.scenario, process.http, max(1, round(run.requests * WARM_UP)))
        time.sleep(LAST_WINDOW)
        before, lost = process.cpu_seconds(), statsd.dropped(process.http)
        lines = statsd.send(run.scenario, process.http, run.requests)
        time.sleep(LAST_WINDOW)
        cpu = process.cpu_seconds() - before
        share = (statsd.dropped(process.http) - lost) / run.requests
        return {
            "cpu_us": cpu * MICROSECONDS / (lines * (1 - share)),
            "peak_mb": process.peak_mb(),
            "lost_percent": share * 100,
            "cpu_s": cpu,
        }


def of_files(run: Run) -> Sample:
    """CPU for each line of a file, from its appearance until the sink has all of it."""
    warm = max(1, round(run.requests * WARM_UP))
    files.clear()
    with run.load.sink() as sink:
        with run.start(sink) as process:
            process.wait_until_ready()
            files.appear("warm", warm)
            sink.wait_for("logs", warm)
            before = process.cpu_seconds()
            files.appear("measured", run.requests)
            sink.wait_for("logs", warm + run.requests)
            cpu, peak = process.cpu_seconds() - before, process.peak_mb()
        sink.require_exactly("logs", warm + run.requests)
    files.clear()
    return {"cpu_us": cpu * MICROSECONDS / run.requests, "peak_mb": peak, "cpu_s": cpu}


def to_kafka(run: Run) -> Sample:
    """As under load, of a server that produces to Kafka; what comes there is passed on to the sink
    beside the load."""
    with kafka.broker(run.peers):
        return _drive(run, lambda _: None, beside=lambda sink: kafka.emptied(sink.address))


def to_bulk(run: Run) -> Sample:
    """As under load, of a server that sends documents to a back end that counts them."""
    return _drive(run, lambda _: None, sink=BulkSink)


def from_kafka(run: Run) -> Sample:
    """CPU for each item, and peak memory, of a server that consumes from Kafka what is produced
    beside the load."""
    signal, warm = run.scenario.signal, max(1, round(run.requests * WARM_UP))
    with kafka.broker(run.peers), kafka.filled() as address, run.load.sink() as sink:
        with run.start(sink) as process:
            process.wait_until_ready()
            first = run.load.send(run.scenario, address, warm)
            sink.wait_for(signal, first.items)
            before = process.cpu_seconds()
            sent = run.load.send(run.scenario, address, run.requests)
            sink.wait_for(signal, first.items + sent.items)
            cpu, peak = process.cpu_seconds() - before, process.peak_mb()
        sink.require_exactly(signal, first.items + sent.items)
    return {"cpu_us": cpu * MICROSECONDS / sent.items, "peak_mb": peak, "cpu_s": cpu}


def at_rest(run: Run) -> Sample:
    """How long the start takes, and the memory held some seconds later without any load."""
    with run.load.sink() as sink, run.start(sink) as process:
        ready = process.wait_until_ready()
        time.sleep(max(0, process.started + run.scenario.settle_s - time.monotonic()))
        return {"ready_s": ready, "idle_mb": process.resident_mb()}


def keep_busy(run: Run, tell: Callable[[str], None]) -> NoReturn:
    """Send the scenario's requests again and again to one process, for a profiler to look at."""
    if not run.scenario.requests:
        msg = f"{run.scenario.name} sends nothing to profile"
        raise BenchError(msg)
    with run.load.sink() as sink, run.start(sink) as process:
        process.wait_until_ready()
        tell(f"{run.server.name} has pid {process.pid}; interrupt to end")
        while True:
            sent = run.send(process, run.requests)
            tell(f"{sent.items / sent.seconds:.0f} items/s, p99 {sent.p99_ms:.3g} ms")


KINDS: dict[str, Callable[[Run], Sample]] = {
    "load": under_load,
    "kept": kept,
    "soak": over_time,
    "statsd": of_datagrams,
    "files": of_files,
    "idle": at_rest,
    "bulk": to_bulk,
    "kafka-out": to_kafka,
    "kafka-in": from_kafka,
}


def _drive(
    run: Run,
    look: Callable[[ServerProcess], None],
    *,
    delivers: bool = True,
    sink: Callable[[], Sink] | None = None,
    beside: Callable[[Sink], AbstractContextManager[object]] = nullcontext,
) -> Sample:
    signal, share = run.scenario.signal, 1 if delivers else 0
    with (sink or run.load.sink)() as end, beside(end):
        with run.start(end) as process:
            process.wait_until_ready()
            warm = run.send(process, max(1, round(run.requests * WARM_UP)))
            end.wait_for(signal, warm.items * share)
            before = process.cpu_seconds()
            sent = run.send(process, run.requests, lambda: look(process))
            end.wait_for(signal, (warm.items + sent.items) * share)
            cpu, peak = process.cpu_seconds() - before, process.peak_mb()
        end.require_exactly(signal, (warm.items + sent.items) * share)
    if not cpu:
        msg = f"{run.requests} requests took less than a tick of CPU; raise --scale"
        raise BenchError(msg)
    return {
        "cpu_us": cpu * MICROSECONDS / sent.items,
        "peak_mb": peak,
        "p50_ms": sent.p50_ms,
        "p99_ms": sent.p99_ms,
        "cpu_s": cpu,
        "items_per_s": sent.items / sent.seconds,
    }
