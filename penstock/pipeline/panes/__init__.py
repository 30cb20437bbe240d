"""What is added up by key and pane of time: counts, sums, histograms, sketches, durations.

A key is what some attributes say of an item, and its resource where that tells items apart. A pane
is a piece of time, by its start: windows are made of panes, and what needs none has one of start 0.
Everything is bounded: keys over the limit are one key, with `otel.metric.overflow`.
"""

from __future__ import annotations

from penstock.pipeline.panes.keys import Keys, value_hashes
from penstock.pipeline.panes.pairs import Pairs
from penstock.pipeline.panes.panes import Panes, Record
from penstock.pipeline.panes.result import Metric, Result
from penstock.pipeline.panes.sketches import relative_error, scale_for

__all__ = [
    "Keys",
    "Metric",
    "Pairs",
    "Panes",
    "Record",
    "Result",
    "relative_error",
    "scale_for",
    "value_hashes",
]
