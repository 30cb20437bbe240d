"""Batches with given attributes, and what processors leave of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.pipeline import Batch, Column, Stage
from penstock.processors._attributes import ITEM
from tests.kit import context, points, records, spans

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.pipeline import Processor, ProcessorConfig

MAKE: dict[str, Callable[[int], Batch]] = {"traces": spans, "metrics": points, "logs": records}


def each(values: list[Any]) -> Column:
    """A column with these values, one per item."""
    return Column(np.arange(len(values), dtype=np.uint32), values)


def items(*attributes: dict[str, Any], signal: str = "traces") -> Batch:
    """Items with these attributes."""
    batch = MAKE[signal](len(attributes))
    return batch.set(f"{ITEM[batch.signal]}.attributes", each(list(attributes)))


def attributes_of(batch: Batch | None) -> list[dict[str, Any]]:
    """The attributes of every item."""
    assert batch is not None
    return batch.column(f"{ITEM[batch.signal]}.attributes").to_list()


def resources(*attributes: dict[str, Any], each_has: int = 1) -> Batch:
    """Spans in resources with these attributes."""
    parts = [
        batch.set("resource.attributes", Column(np.zeros(len(batch), dtype=np.uint32), [found]))
        for number, found in enumerate(attributes)
        for batch in [spans(each_has, f"span {number}")]
    ]
    return Batch.concat(parts)


def resources_of(batch: Batch | None) -> list[dict[str, Any]]:
    """The attributes of every resource, once each."""
    assert batch is not None
    groups = json.loads(batch.to_json())["resourceSpans"]
    return [
        Batch.from_json("traces", json.dumps({"resourceSpans": [group]}).encode())
        .column("resource.attributes")
        .values[0]
        for group in groups
    ]


def processed(processor: Processor, batch: Batch) -> Batch:
    """What the processor makes of a batch, of which something must be left."""
    result = processor.process(batch)
    assert result is not None
    return result


async def passed_on(type_: str, config: ProcessorConfig, batch: Batch) -> Batch:
    """What a stage of a pipeline of traces makes of one batch, from its start to its stop."""
    got: list[Batch] = []

    async def take(batch: Batch) -> None:
        got.append(batch)

    async with context(type_, pipeline="traces") as given:
        stage = config.build(given)
        assert isinstance(stage, Stage)
        await stage.start(take)
        await stage.consume(batch)
        await stage.stop()
    return got[0]
