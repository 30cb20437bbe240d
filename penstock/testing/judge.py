"""Run tests, and tell what did not come as expected."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from penstock.testing.compare import NOTHING, Difference, differences
from penstock.testing.decode import in_short
from penstock.testing.run import run
from penstock.testing.suite import metric_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.pipeline import Batch
    from penstock.testing.run import Outcome
    from penstock.testing.suite import Arrival, Expectation, Test


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a test; it passed where there is no difference."""

    name: str
    seconds: float
    differences: tuple[Difference, ...]

    @property
    def passed(self) -> bool:
        """Whether all was as expected."""
        return not self.differences


def judge(test: Test) -> Verdict:
    """Run a test."""
    begin = perf_counter()
    outcome = run(test.settings, test.pipeline, test.batches)
    found = tuple(_differences(test, outcome))
    return Verdict(test.name, perf_counter() - begin, found)


def _differences(test: Test, outcome: Outcome) -> Iterator[Difference]:
    expect = test.expect
    if bool(outcome.refused) != expect.refused:
        expected = "a refusal" if expect.refused else NOTHING
        yield Difference("refused", expected, outcome.refused or NOTHING)
    if outcome.refused and not expect.refused:
        return  # what else is missing follows from it
    yield from _arrivals(expect, outcome.arrived[test.pipeline], "")
    for id_, arrival in expect.pipelines.items():
        yield from _arrivals(arrival, outcome.arrived[id_], f"pipelines.{id_}.")
    yield from _counts(expect, outcome)


def _arrivals(expect: Arrival, batches: list[Batch], path: str) -> Iterator[Difference]:
    if expect.items is not None:
        got = [item for batch in batches for item in in_short(batch)]
        yield from differences(expect.items, got, f"{path}items")
    if expect.count is not None:
        yield from differences(expect.count, sum(map(len, batches)), f"{path}count")


def _counts(expect: Expectation, outcome: Outcome) -> Iterator[Difference]:
    if not outcome.telemetry:
        return
    total = outcome.telemetry.total
    for id_, count in expect.dropped.items():
        got = total("penstock_processor_dropped_items", processor=id_)
        got += total("penstock_connector_dropped_items", connector=id_)
        yield from differences(count, int(got), f"dropped.{id_}")
    for text, value in expect.metrics.items():
        name, labels = metric_name(text)
        got = total(name, **labels)
        if got != value:
            yield Difference(f"metrics.{text}", f"{value:g}", f"{got:g}")
