"""The logdedup processor: each record once an interval, with its number, and nothing lost."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from penstock.config.types import zone_of
from penstock.pipeline import Batch, Invalid, Refused
from penstock.pipeline.telemetry.registry import Telemetry
from penstock.processors import logdedup
from penstock.processors.logdedup import Config, LogDedup
from tests.kit import Backend, Next, Source, eventually, in_loop, records, service, wire
from tests.processors.items import attributes_of, each, items
from tests.processors.stages import running

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

REASON = "penstock_processor_dropped_items"


def subject(
    after: Next, telemetry: Telemetry | None = None, **options: Any
) -> AbstractAsyncContextManager[LogDedup]:
    """A running processor; what it has counted is passed on at the end."""
    config = Config.model_validate({"interval": "1h", **options})
    return running(config, "logs", after, telemetry)


async def counted(*batches: Batch, **options: Any) -> list[tuple[Any, int]]:
    """The bodies that come out, and how often they are said to have come in."""
    after = Next()
    async with subject(after, **options) as stage:
        for batch in batches:
            await stage.consume(batch)
    name = options.get("log_count_attribute", "log_count")
    (done,) = after.got
    numbers = done.column(f'log.attributes["{name}"]').to_list()
    return list(zip(done.column("log.body").to_list(), numbers, strict=True))


def bodies(*texts: Any) -> Batch:
    return records(len(texts)).set("log.body", each(list(texts)))


@in_loop
async def test_records_that_say_the_same_become_one_with_their_number() -> None:
    assert await counted(bodies("a", "b", "a"), bodies("a", "c")) == [("a", 3), ("b", 1), ("c", 1)]
    assert await counted(bodies("a"), log_count_attribute="n") == [("a", 1)]


@pytest.mark.parametrize(
    "path",
    [
        'resource.attributes["r"]',
        "scope.name",
        "scope.version",
        'log.attributes["a"]',
        "log.severity_text",
    ],
)
def test_any_difference_is_one(path: str) -> None:
    batches = (bodies("a"), bodies("a").set(path, "x"))
    assert asyncio.run(counted(*batches)) == [("a", 1), ("a", 1)]


@in_loop
async def test_values_of_different_types_are_different() -> None:
    values = [1, True, 1.0, "1", [1], [True], {"a": 1}, {"a": 1.0}]
    found = await counted(bodies(*values), bodies(*values))
    assert [number for _, number in found] == [2] * len(values)
    swapped = [{"a": 1, "b": 2}, {"b": 2, "a": 1}]
    assert [number for _, number in await counted(bodies(*swapped))] == [2]


@in_loop
async def test_excluded_fields_are_removed_and_make_no_difference() -> None:
    one = {"host.name": "a", "src": {"ip": 1, "port": 2}}
    other = {"host.name": "b", "src": {"ip": 3, "port": 2}}
    batch = items(one, other, signal="logs")
    batch = batch.set("log.body", each([{"time": 1, "text": "x"}, {"time": 2, "text": "x"}]))
    after = Next()
    fields = ["body.time", r"attributes.host\.name", "attributes.src.ip"]
    async with subject(after, exclude_fields=fields) as stage:
        await stage.consume(batch)
    (found,) = attributes_of(after.got[0])
    assert (found["src"], found["log_count"]) == ({"port": 2}, 2)
    assert after.got[0].column("log.body").values == [{"text": "x"}]


@in_loop
async def test_only_included_fields_make_a_difference_where_there_are_some() -> None:
    batch = items(
        {"id": 1, "n": 1}, {"id": 1, "n": 2}, {"id": 2}, {"n": 1}, {"n": 2}, signal="logs"
    )
    same = batch.set("log.body", "x")
    found = await counted(same, include_fields=["attributes.id"])
    assert [number for _, number in found] == [2, 1, 1, 1]
    assert await counted(bodies("a", "b"), include_fields=["body"]) == [("a", 1), ("b", 1)]


@in_loop
async def test_with_conditions_only_what_meets_one_is_counted() -> None:
    conditions = ['log.body == "a"', 'IsMatch(log.body, "^b")']
    after = Next(Refused("not now"))
    async with subject(after, conditions=conditions) as stage:
        assert stage.may_wait
        with pytest.raises(Refused, match="not now"):
            await stage.consume(bodies("a", "c"))
        assert stage.held == 0
        await stage.consume(bodies("a", "c", "a", "bb", "d", 1))
        await stage.consume(bodies("e"))
        await stage.consume(bodies("a"))
        passed = [batch.column("log.body").to_list() for batch in after.got]
        assert passed == [["c", "d", 1], ["e"]]
    found = after.got[2].column('log.attributes["log_count"]').to_list()
    assert found == [3, 1]


@in_loop
async def test_what_comes_out_tells_when_it_came_in(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([1_000_000_000, 61_500_000_000, 3_600_000_000_000])
    clock = SimpleNamespace(time_ns=lambda: next(times))
    monkeypatch.setattr(logdedup, "time", clock)
    after = Next()
    async with subject(after, timezone="Asia/Kolkata") as stage:
        await stage.consume(bodies("a"))
        await stage.consume(bodies("a"))
    (done,) = after.got
    assert attributes_of(done) == [
        {
            "log_count": 2,
            "first_observed_timestamp": "1970-01-01T05:30:01+05:30",
            "last_observed_timestamp": "1970-01-01T05:31:01+05:30",
        }
    ]
    assert done.numbers("log.time_unix_nano").tolist() == [3_600_000_000_000]
    assert done.numbers("log.observed_time_unix_nano").tolist() == [1_000_000_000]


@in_loop
async def test_records_are_passed_on_after_every_interval() -> None:
    after = Next()
    async with subject(after, interval="5ms") as stage:
        await stage.consume(bodies("a"))
        await eventually(lambda: len(after.got) == 1)
        await stage.consume(bodies("a"))
        await eventually(lambda: len(after.got) == 2)
        assert stage.held == 0
    counts = [attributes_of(batch)[0]["log_count"] for batch in after.got]
    assert counts == [1, 1]


@in_loop
async def test_much_that_differs_is_passed_on_before_the_interval_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logdedup, "_MOST_BYTES", 10_000)
    after = Next(Refused("full", 3600))
    async with subject(after) as stage:
        await stage.consume(bodies("x" * 10_000))
        await eventually(lambda: not after.faults)
        await stage.consume(bodies("y" * 10_000))
        with pytest.raises(Refused, match="behind"):
            await stage.consume(bodies("z"))
        assert stage.held == 2
    assert [len(batch) for batch in after.got] == [1, 1]


@in_loop
async def test_what_no_stage_takes_is_dropped_and_counted() -> None:
    telemetry = Telemetry()
    async with subject(Next(Invalid("never")), telemetry) as stage:
        await stage.consume(bodies("a", "b", "a"))
    assert telemetry.total(REASON, reason="invalid") == 2
    assert telemetry.total(REASON, reason="duplicate") == 1


@in_loop
async def test_after_the_stop_nothing_is_taken() -> None:
    async with subject(Next()) as stage:
        await stage.stop()
        with pytest.raises(Refused, match="stops"):
            await stage.consume(bodies("a"))


@in_loop
async def test_in_a_service_every_record_is_accounted_for() -> None:
    source, backend = Source(), Backend()
    settings = wire("logs: in -> dedup -> out", in_=source, dedup=Config(), out=backend)
    async with service(settings) as running:
        await source.send(bodies("a", "b", "a"))
    assert backend.items == 2
    assert running.telemetry.total(REASON, reason="duplicate") == 1


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"interval": 0}, "greater than 0"),
        ({"log_count_attribute": ""}, "at least 1 character"),
        ({"timezone": "Mars/Olympus"}, "no time zone"),
        ({"timezone": "../../etc/passwd"}, "no time zone"),
        ({"exclude_fields": ["body"]}, "entire body"),
        ({"exclude_fields": ["severity"]}, "expected a field such as"),
        ({"exclude_fields": ["body..a"]}, "expected a field such as"),
        ({"exclude_fields": ["body.a"], "include_fields": ["body.b"]}, "exclude each other"),
        ({"conditions": ["log.bodi == 1"]}, "bodi"),
        ({"metadata_keys": ["x"]}, "metadata_keys"),
    ],
)
def test_what_cannot_be_done_is_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Config.model_validate(options)


def test_universal_time_needs_no_database_of_zones() -> None:
    assert str(zone_of("UTC")) == "UTC"
