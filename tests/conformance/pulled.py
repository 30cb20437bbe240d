"""The contract of a receiver that asks for telemetry, instead of being sent it.

Four targets expose, at each request, items that were never there before; what follows in the
pipeline takes and refuses by a script. In the end:

- what the receiver has not counted as failed has been taken, or rejected for good;
- an exposition is taken whole or not at all, whatever the link does to it;
- nothing comes twice;
- the books balance.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import web

from penstock.config.catalog import Kind
from penstock.config.components import config_class
from penstock.pipeline import ReceiverConfig, Signal
from tests.conformance.contract import SENDERS, Script, doubled
from tests.conformance.link import linked
from tests.conformance.receivers import PATIENCE, Scenario, Scripted, free_port, what_follows
from tests.kit import eventually, service, wire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from penstock.pipeline import Batch
    from penstock.pipeline.telemetry.registry import Telemetry

EXPOSITIONS = 6
"""What each target exposes: so often, and then nothing."""


class Pulled:
    """How targets of a receiver of `type_` expose items."""

    type_: str
    signal = Signal.METRICS

    def settings(self, port: int) -> dict[str, Any]:
        """Settings of the receiver, to ask all targets at that port, each at a path of its own: its
        number."""
        raise NotImplementedError

    def exposition(self, marks: list[str]) -> web.Response:
        """An answer with an item for each mark."""
        raise NotImplementedError

    def failed(self, telemetry: Telemetry) -> float:
        """How many requests brought nothing, as the receiver counts them."""
        raise NotImplementedError

    def receiver(self, port: int) -> ReceiverConfig:
        """The settings, checked."""
        made = config_class(Kind.RECEIVERS, self.type_).model_validate(self.settings(port))
        assert isinstance(made, ReceiverConfig)
        return made


class Prometheus(Pulled):
    """Targets in the text format."""

    type_ = "prometheus"

    def settings(self, port: int) -> dict[str, Any]:
        targets = [f"127.0.0.1:{port}"]
        jobs = [
            {
                "job_name": f"target {number}",
                "metrics_path": f"/{number}",
                "scrape_interval": "50ms",
                "scrape_timeout": "50ms",
                "static_configs": [{"targets": targets}],
            }
            for number in range(SENDERS)
        ]
        return {"config": {"scrape_configs": jobs}}

    def failed(self, telemetry: Telemetry) -> float:
        name = "penstock_receiver_scrapes"
        good = telemetry.total(name, outcome="success") + telemetry.total(name, outcome="skipped")
        return telemetry.total(name) - good

    def exposition(self, marks: list[str]) -> web.Response:
        lines = "".join(f'{{"{mark}"}} 1\n' for mark in marks)
        return web.Response(text=lines, headers={"Content-Type": "text/plain; version=1.0.0"})


class Targets:
    """What was exposed, and how much of it reached whoever asked."""

    def __init__(self, kind: Pulled) -> None:
        self.exposed: list[list[str]] = []
        self._kind = kind
        self._counts = dict.fromkeys(map(str, range(SENDERS)), 0)

    @property
    def done(self) -> bool:
        return all(count > EXPOSITIONS for count in self._counts.values())

    async def answer(self, request: web.Request) -> web.StreamResponse:
        target = request.match_info["target"]
        number = self._counts[target]
        self._counts[target] += 1
        items = 1 + number % 5 if number < EXPOSITIONS else 0
        marks = [f"target {target} scrape {number} item {item}" for item in range(items)]
        self.exposed.append(marks)
        return self._kind.exposition(marks)


@asynccontextmanager
async def exposing(kind: Pulled, port: int) -> AsyncIterator[Targets]:
    targets = Targets(kind)
    app = web.Application()
    app.router.add_get("/{target}", targets.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield targets
    finally:
        await runner.cleanup()


class Following(Scripted):
    """Judges what targets exposed; what the receiver tells of itself, and of what is gone, is taken
    as it comes."""

    async def send(self, batch: Batch) -> None:
        names, values = batch.column("metric.name"), batch.column("datapoint.flags")
        ours = batch.keep(names.where(lambda name: name.startswith("target ")) & (values == 0))
        if ours is not None:
            await super().send(ours)


async def check_pulled(kind: Pulled, scenario: Scenario, seed: int) -> None:
    """Run a receiver through a scenario. Raises `AssertionError` where it breaks the contract."""
    script, port = Script(scenario.odds, seed), free_port()
    async with (
        asyncio.timeout(PATIENCE),
        exposing(kind, port) as targets,
        linked(port, scenario.fault, seed) as port_,
    ):
        out = what_follows(Following(script), scenario)
        settings = wire(f"{kind.signal}: in -> out", in_=kind.receiver(port_), out=out)
        async with service(settings) as running:
            if scenario.stops:
                await eventually(lambda: script.taken)
            else:
                await eventually(lambda: targets.done and script.taken)
    settled = set(script.taken) | script.rejected
    assert script.taken, "nothing was ever taken"
    assert doubled(script.taken) == set(), "passed on twice"
    for marks in targets.exposed:
        assert settled.issuperset(marks) or settled.isdisjoint(marks), "passed on in part"
    if not scenario.stops and not scenario.may_double:
        missing = [marks for marks in targets.exposed if not settled.issuperset(marks)]
        assert len(missing) <= kind.failed(running.telemetry), "scraped, and lost"
