"""The sum connector."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from penstock.connectors.sum import Config
from penstock.pipeline import Batch, Signal
from penstock.testing.encode import batch_of
from penstock.testing.items import LogItem
from tests.kit import Backend, Source, in_loop, service, wire


def logs(*attributes: dict[str, Any]) -> Batch:
    """A log record for each set of attributes."""
    return batch_of(Signal.LOGS, [LogItem(attributes=each) for each in attributes])


async def sums(batch: Batch, **metric: Any) -> list[tuple[float, dict[str, Any]]]:
    """The sums of `size` in log records, and their attributes."""
    source, backend = Source(), Backend()
    metric = {"source_attribute": "size", **metric}
    settings = wire(
        "logs: in -> sum",
        "metrics: sum -> out",
        in_=source,
        sum=Config.model_validate({"logs": {"total": metric}}),
        out=backend,
    )
    async with service(settings):
        await source.send(batch)
    rows = [row for got in backend.got for row in got.rows()]
    return [(row["as_double"], row.get("attributes", {})) for row in rows]


@in_loop
async def test_numbers_and_texts_that_say_one_are_added_up() -> None:
    batch = logs({"size": 1}, {"size": 2.5}, {"size": "1e1"})
    assert await sums(batch) == [(13.5, {})]


@in_loop
async def test_what_is_no_number_is_left_out() -> None:
    batch = logs({"size": 1}, {"size": True}, {"size": "big"}, {"size": "nan"}, {"other": 1})
    assert await sums(batch) == [(1.0, {})]
    assert await sums(logs({"size": "big"})) == []


@in_loop
async def test_a_sum_is_split_by_attributes() -> None:
    batch = logs({"size": 1, "kind": "a"}, {"size": 2, "kind": "b"}, {"size": 4, "kind": "a"})
    found = await sums(batch, attributes=[{"key": "kind"}, {"key": "zone", "default_value": "?"}])
    assert found == [(5.0, {"kind": "a", "zone": "?"}), (2.0, {"kind": "b", "zone": "?"})]


@in_loop
async def test_only_what_matches_any_condition_is_added_up() -> None:
    batch = logs({"size": 1}, {"size": 2}, {"size": 4})
    found = await sums(batch, conditions=['attributes["size"] == 1', 'attributes["size"] > 3'])
    assert found == [(5.0, {})]


def test_a_sum_needs_its_source() -> None:
    with pytest.raises(ValidationError, match="source_attribute"):
        Config.model_validate({"spans": {"n": {}}})


def test_metrics_have_nothing_to_add_up() -> None:
    with pytest.raises(ValidationError, match="metrics"):
        Config.model_validate({"metrics": {}})
    assert "datapoints" in Config.not_here["metrics"]
