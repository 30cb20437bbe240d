"""Numbers of a window, and the metrics that become of them."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from penstock.pipeline import Column
from penstock.pipeline.panes import Keys, Metric, Panes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from penstock.business.options import Indicator, Judged
    from penstock.business.windows import Span
    from penstock.pipeline import Batch
    from penstock.pipeline.panes import Result

    Numbers = NDArray[np.float64]

SCOPE = "penstock/business_metrics"

OK, WARNING, CRITICAL = range(3)
"""States."""


class Reading(NamedTuple):
    """A number for each key in a window."""

    span: Span
    result: Result
    values: Numbers

    def rows(self) -> Iterator[tuple[dict[str, Any], float]]:
        """Attributes and number of each key that has one."""
        for labels, value in zip(self.result.labels(), self.values.tolist(), strict=True):
            if value == value:  # noqa: PLR0124  (NaN is not)
                yield labels, value


def metric(name: str, indicator: Indicator, **more: Any) -> Metric:
    """How an indicator's metric is called."""
    unit, description = indicator.unit, indicator.description
    given = {"unit": unit, "description": description, **more}
    return Metric(name=name, scope=SCOPE, version=version("penstock"), **given)


def gauges(
    name: str,
    indicator: Indicator,
    reading: Reading,
    *,
    integers: bool = False,
    attributes: Mapping[str, str] | None = None,
    **more: str,
) -> Batch | None:
    """A gauge with a point for each key; `attributes` are every point's."""
    return reading.result.gauges(
        metric(name, indicator, **more),
        reading.values,
        time=reading.span.end,
        start_time=max(0, reading.span.start),
        integers=integers,
        attributes=attributes,
    )


def judgements(name: str, indicator: Judged, reading: Reading) -> Iterator[Batch | None]:
    """What a number should be, and the state of each key."""
    if not len(reading.result):
        return
    if indicator.target is not None:
        target = Reading(reading.span, NOTHING, np.array([indicator.target]))
        yield gauges(f"{name}_target", indicator, target, description="What it should be.")
    if indicator.is_judged:
        states = reading._replace(values=state_of(indicator, reading.values))
        says = "0: as it should be, 1: a warning, 2: critical."
        yield gauges(f"{name}_state", indicator, states, integers=True, unit="", description=says)


def state_of(indicator: Judged, values: Numbers) -> Numbers:
    """The state of each number; NaN where there is none. What equals a threshold is not beyond."""
    states = np.where(np.isnan(values), np.nan, float(OK))
    sign = 1 if indicator.worse_above else -1
    for limit, state in ((indicator.warning, WARNING), (indicator.critical, CRITICAL)):
        if limit is not None:
            states[sign * values > sign * limit] = state
    return states


def result_of(labels: Sequence[dict[str, Any]]) -> Result:
    """A result with these keys, in some order."""
    names = dict.fromkeys(name for label in labels for name in label)
    codes = np.arange(len(labels), dtype=np.uint32)
    columns = {name: Column(codes, [label.get(name) for label in labels]) for name in names}
    panes = Panes({"counts": 1}, limit=max(1, len(labels)))
    panes.add(Keys(len(labels), columns), now=0)
    return panes.merged()


NOTHING = result_of([{}])
"""One key without attributes."""

_NONE = Panes({"counts": 1}, limit=1).merged()


def nothing(span: Span) -> Reading:
    """No key at all."""
    return Reading(span, _NONE, np.empty(0))
