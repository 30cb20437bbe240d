"""The deltatorate processor."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from penstock.processors.deltatorate import Config
from tests.kit import context
from tests.pipeline.test_points import CUMULATIVE, DELTA, metrics_of, sums

if TYPE_CHECKING:
    from penstock.pipeline import Batch

SECOND = 1_000_000_000


def rated(batch: Batch, *names: str) -> Batch | None:
    async def process() -> Batch | None:
        async with context("deltatorate", pipeline="metrics") as given:
            return Config(metrics=names).build(given).process(batch)

    return asyncio.run(process())


def test_a_delta_becomes_a_gauge_of_how_much_came_a_second() -> None:
    batch = sums([("a", SECOND, 3 * SECOND, 5), ("b", SECOND, SECOND + SECOND // 2, 2.5)], DELTA)
    done = rated(batch, "requests")
    assert done is not None
    (metric,) = metrics_of(done)
    assert metric.WhichOneof("data") == "gauge"
    assert [point.as_double for point in metric.gauge.data_points] == [2.5, 5.0]
    assert [point.time_unix_nano for point in metric.gauge.data_points] == [
        3 * SECOND,
        SECOND + SECOND // 2,
    ]


def test_other_metrics_stay_and_who_named_one_that_is_no_delta_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    deltas = sums([("a", 1, 2, 1)], DELTA)
    assert rated(deltas, "other") is deltas
    cumulative = sums([("a", 1, 2, 1)], CUMULATIVE)
    done = rated(cumulative, "requests")
    assert done is not None
    assert done.rows() == cumulative.rows()
    assert "only delta sums have a rate" in caplog.text


def test_a_rate_that_is_not_known_is_not_made_up(caplog: pytest.LogCaptureFixture) -> None:
    batch = sums([("a", 0, SECOND, 1), ("b", SECOND, SECOND, 1), ("c", 1, SECOND + 1, 1)], DELTA)
    done = rated(batch, "requests")
    assert done is not None
    assert done.column('datapoint.attributes["label"]').to_list() == ["c"]
    assert "a rate is not known" in caplog.text
    assert rated(sums([("a", 0, 1, 1)], DELTA), "requests") is None


def test_metrics_are_required() -> None:
    with pytest.raises(ValidationError, match="at least 1 item"):
        Config(metrics=())
