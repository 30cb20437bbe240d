"""The forward connector."""

import pytest

from penstock.connectors.forward import Config
from penstock.pipeline import Invalid, Permanent
from tests.kit import Backend, Source, context, in_loop, service, spans, wire


@in_loop
async def test_batches_of_several_pipelines_go_on_in_others() -> None:
    one, two, left, right = Source(), Source(), Backend(), Backend()
    settings = wire(
        "traces/1: one -> forward",
        "traces/2: two -> forward",
        "traces/3: forward -> left",
        "traces/4: forward -> right",
        one=one,
        two=two,
        forward=Config(),
        left=left,
        right=right,
    )
    async with service(settings):
        await one.send(spans(1))
        await two.send(spans(2))
    assert left.items == right.items == 3


@in_loop
async def test_what_the_next_pipeline_does_not_take_the_sender_is_told() -> None:
    source = Source()
    settings = wire(
        "traces: in -> forward",
        "traces/2: forward -> out",
        in_=source,
        forward=Config(),
        out=Backend(Permanent("never")),
    )
    async with service(settings):
        with pytest.raises(Invalid, match="never"):
            await source.send(spans(1))


@in_loop
async def test_a_stop_without_start_is_harmless() -> None:
    async with context() as given:
        await Config().build(given).stop()
