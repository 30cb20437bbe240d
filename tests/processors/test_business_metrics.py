"""The business_metrics processor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from penstock.pipeline import Invalid, Permanent
from penstock.processors.business_metrics import Config
from tests.kit import Backend, Source, eventually, in_loop, points, service, wire

if TYPE_CHECKING:
    from penstock.config.settings import Settings

SEEN = {"seen": {"kind": "count", "from": "datapoints", "window": "1h"}}


def wired(source: Source, backend: Backend, indicators: Any, **options: Any) -> Settings:
    config = Config.model_validate({"indicators": indicators, **options})
    return wire("metrics: in -> numbers -> out", in_=source, numbers=config, out=backend)


def rows(backend: Backend) -> list[tuple[str, Any]]:
    return [
        (row["metric"]["name"], row.get("as_int", row.get("as_double")))
        for batch in backend.got
        for row in batch.rows()
    ]


@in_loop
async def test_metrics_go_on_and_numbers_come_after_them() -> None:
    source, backend = Source(), Backend()
    async with service(wired(source, backend, SEEN)):
        await source.send(points(2))
        assert rows(backend) == [("gauge", 0), ("gauge", 1)]
    assert rows(backend)[2:] == [("seen", 2)]


@in_loop
async def test_numbers_come_once_an_interval() -> None:
    source, backend = Source(), Backend()
    total = {"total": {"kind": "sum", "from": "datapoints"}}
    async with service(wired(source, backend, total, interval="10ms")):
        await source.send(points(3))
        await eventually(lambda: ("total", 3.0) in rows(backend))


@in_loop
async def test_what_the_next_stage_refuses_does_not_count() -> None:
    source, backend = Source(), Backend(Permanent("no"))
    async with service(wired(source, backend, SEEN)):
        with pytest.raises(Invalid):
            await source.send(points(2))
        await source.send(points(3))
    assert rows(backend)[3:] == [("seen", 3)]


def test_indicators_of_other_signals_are_refused() -> None:
    with pytest.raises(ValidationError, match="in a metrics pipeline there are no spans"):
        Config.model_validate({"indicators": {"x": {"kind": "count", "from": "spans"}}})
