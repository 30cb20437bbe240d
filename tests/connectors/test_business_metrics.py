"""The business_metrics connector."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from penstock.connectors.business_metrics import Config
from penstock.extensions.file_storage import Config as StorageConfig
from penstock.pipeline import Refused, Signal
from penstock.pipeline.storage import Storage, StorageError, Store
from penstock.testing.encode import batch_of
from penstock.testing.items import SpanItem
from penstock.testing.run import run
from tests.kit import Backend, Source, eventually, in_loop, points, records, service, spans, wire

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from penstock.config.settings import Settings
    from penstock.pipeline import Batch

COUNTS = {
    "spans_seen": {"kind": "count", "from": "spans"},
    "logs_seen": {"kind": "count", "from": "logs", "unit": "{record}", "description": "Records."},
    "points_seen": {"kind": "count", "from": "datapoints"},
}


def wired(source: Source, backend: Backend, signal: str = "traces", **options: Any) -> Settings:
    return wire(
        f"{signal}: in -> business_metrics",
        "metrics/2: business_metrics -> out",
        in_=source,
        business_metrics=Config.model_validate({"indicators": COUNTS, **options}),
        out=backend,
    )


def values(batches: list[Batch]) -> dict[str, Any]:
    """The last value of each metric."""
    return {
        row["metric"]["name"]: row.get("as_int", row.get("as_double"))
        for batch in batches
        for row in batch.rows()
    }


@pytest.mark.parametrize(
    ("signal", "batch", "name"),
    [
        ("traces", spans(3), "spans_seen"),
        ("logs", records(3), "logs_seen"),
        ("metrics", points(3), "points_seen"),
    ],
)
@in_loop
async def test_indicators_are_made_of_every_signal(signal: str, batch: Batch, name: str) -> None:
    source, backend = Source(), Backend()
    async with service(wired(source, backend, signal)):
        await source.send(batch)
    assert values(backend.got)[name] == 3


@in_loop
async def test_a_count_is_a_monotonic_cumulative_sum_with_its_unit() -> None:
    source, backend = Source(), Backend()
    async with service(wired(source, backend, "logs")):
        await source.send(records(2))
    (row,) = (row for got in backend.got for row in got.rows())
    assert row["metric"] == {
        "name": "logs_seen",
        "unit": "{record}",
        "description": "Records.",
        "type": "sum",
        "aggregation_temporality": 2,
        "is_monotonic": True,
    }
    assert row["scope"]["name"] == "penstock/business_metrics"


@in_loop
async def test_numbers_come_once_an_interval() -> None:
    source, backend = Source(), Backend()
    async with service(wired(source, backend, interval="10ms")):
        await source.send(spans(3))
        await eventually(lambda: values(backend.got).get("spans_seen") == 3)
        await source.send(spans(2))
        await eventually(lambda: values(backend.got).get("spans_seen") == 5)


@in_loop
async def test_windows_that_are_open_are_told_at_the_end() -> None:
    source, backend = Source(), Backend()
    indicators = {"x": {"kind": "count", "from": "spans", "window": "1h"}}
    async with service(wired(source, backend, indicators=indicators)):
        await source.send(spans(3))
    assert values(backend.got) == {"x": 3}


@in_loop
async def test_what_is_left_out_is_counted_by_indicator_and_reason() -> None:
    source, backend = Source(), Backend()
    by = {"kind": "count", "from": "spans", "by": {"agent": 'attributes["agent"]'}}
    async with service(wired(source, backend, indicators={"x": by})) as running:
        await source.send(spans(3))
    total = running.telemetry.total
    assert total("penstock_business_left_out_items", indicator="x", reason="missing_dimension") == 3


def test_what_was_recorded_is_told_by_the_time_of_its_events(tmp_path: Path) -> None:
    times = ("2026-01-31T12:01:00Z", "2026-01-31T12:05:30Z", "2026-01-31T12:04:00Z")
    batches = [
        batch_of(Signal.TRACES, [SpanItem.model_validate({"name": "run", "end": time})])
        for time in times
    ]
    window = {"kind": "count", "from": "spans", "window": "5m"}
    settings = stored(Source(), Backend(), Disk(), indicators={"runs": window})
    outcome = run(settings, "traces", batches)

    (told,) = outcome.arrived["metrics/2"]
    found = [(row["time_unix_nano"] // 10**9 % 3600, row["as_int"]) for row in told.rows()]
    assert found == [(300, 2), (600, 1)]


class Disk(Storage, Store):
    """A storage in memory, which fails or waits when it is told to."""

    def __init__(self) -> None:
        self.records: dict[bytes, bytes] = {}
        self.writes = 0
        self.fault: StorageError | None = None
        self.free = threading.Event()
        self.free.set()

    def open(self, owner: str) -> Store:
        assert owner == "connector business_metrics"
        return self

    def get(self, key: bytes) -> bytes | None:
        return self.records.get(key)

    def items(self) -> list[tuple[bytes, bytes]]:
        return sorted(self.records.items())

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        assert self.free.wait(5)
        self.writes += 1
        if self.fault:
            raise self.fault
        for key, value in changes.items():
            if value is None:
                self.records.pop(key, None)
            else:
                self.records[key] = value

    def close(self) -> None:
        """It stays in memory."""


TOTAL = {"total": {"kind": "count", "from": "spans"}}


def stored(source: Source, backend: Backend, disk: object, **options: Any) -> Settings:
    return wire(
        "traces: in -> business_metrics",
        "metrics/2: business_metrics -> out",
        in_=source,
        business_metrics=Config.model_validate({"indicators": TOTAL, "storage": "disk", **options}),
        out=backend,
        disk=disk,
    )


@in_loop
async def test_totals_and_open_windows_outlive_a_restart(tmp_path: Path) -> None:
    day = {"kind": "count", "from": "spans", "window": {"calendar": "month"}}
    for total in (2, 4):
        source, backend = Source(), Backend()
        disk = StorageConfig(directory=str(tmp_path))
        async with service(stored(source, backend, disk, indicators={**TOTAL, "month": day})):
            await source.send(spans(2))
        assert values(backend.got) == {"total": total, "month": total}


@in_loop
async def test_a_batch_is_accepted_when_what_it_added_is_stored() -> None:
    source, backend, disk = Source(), Backend(), Disk()
    async with service(stored(source, backend, disk)):
        disk.free.clear()
        sending = asyncio.ensure_future(source.send(spans(1)))
        done, _ = await asyncio.wait([sending], timeout=0.05)
        assert not done
        disk.free.set()
        await sending
        assert disk.records


@in_loop
async def test_who_comes_while_a_commit_is_under_way_shares_the_next() -> None:
    source, backend, disk = Source(), Backend(), Disk()
    async with service(stored(source, backend, disk)):
        disk.free.clear()
        before = disk.writes
        first = asyncio.ensure_future(source.send(spans(1)))
        await asyncio.sleep(0)
        others = [asyncio.ensure_future(source.send(spans(1))) for _ in range(20)]
        await asyncio.sleep(0)
        disk.free.set()
        await asyncio.gather(first, *others)
        assert disk.writes - before <= 3


@in_loop
async def test_while_nothing_can_be_stored_batches_are_refused_and_nothing_counts_twice() -> None:
    source, backend, disk = Source(), Backend(), Disk()
    async with service(stored(source, backend, disk)):
        disk.fault = StorageError("no space left")
        await source.send(spans(1))
        with pytest.raises(Refused, match="cannot be stored"):
            await source.send(spans(1))
        disk.fault = None
        await source.send(spans(1))
    assert values(backend.got) == {"total": 2}


@in_loop
async def test_an_indicator_that_is_defined_in_another_way_begins_anew(
    caplog: pytest.LogCaptureFixture,
) -> None:
    disk = Disk()
    for where, total in (('name != ""', 2), ('name != "x"', 2)):
        source, backend = Source(), Backend()
        indicators = {"total": {**TOTAL["total"], "where": where}}
        async with service(stored(source, backend, disk, indicators=indicators)):
            await source.send(spans(2))
        assert values(backend.got) == {"total": total}
    assert "total is defined in another way than before: it begins anew" in caplog.text


@in_loop
async def test_another_description_begins_nothing_anew() -> None:
    disk = Disk()
    for description, total in (("One", 2), ("Two", 4)):
        source, backend = Source(), Backend()
        indicators = {"total": {**TOTAL["total"], "description": description}}
        async with service(stored(source, backend, disk, indicators=indicators)):
            await source.send(spans(2))
        assert values(backend.got) == {"total": total}
