from __future__ import annotations

from penstock.processors import deltatocumulative
from tests.kit import context_without_tasks
from tests.processors.temporality import CUMULATIVE, DELTA, metrics, told


def test_deltas_add_up() -> None:
    processor = deltatocumulative.Config().build(context_without_tasks())
    processor.process(metrics(10, DELTA, value=3))
    assert told(processor.process(metrics(20, DELTA, value=5))) == {
        "up": (CUMULATIVE, 8),
        "level": (CUMULATIVE, 8),
        "latency": (CUMULATIVE, 8),
        "size": (CUMULATIVE, 8),
        "now": (0, 5),
    }


def test_no_more_streams_are_remembered_than_the_limit() -> None:
    processor = deltatocumulative.Config(max_streams=1).build(context_without_tasks())
    assert set(told(processor.process(metrics(10, DELTA)))) == {"up", "now"}
    assert processor._losses.counters["full"].value == 3


def test_cumulative_metrics_pass_as_they_are() -> None:
    batch = metrics(10, CUMULATIVE)
    assert deltatocumulative.Config().build(context_without_tasks()).process(batch) is batch
