"""Why series were limited: which rule, which metrics, which labels, and what to do about it."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock._kernel import Sketches
from penstock.pipeline.faults import FaultLog
from penstock.pipeline.series import Admission
from penstock.pipeline.telemetry.registry import Level
from penstock.processors._budgets import REASONS, TOO_FAST, Budgets

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock.pipeline import Batch, Context
    from penstock.pipeline.batch import Mask
    from penstock.processors.cardinality_limit import Config

PATH = "/cardinality"
"""Where the report is, on the page of own metrics."""

_RULES = (TOO_FAST, *REASONS)
_FOLDED = "folded before"
"""The rule for points of cumulative series that stay folded."""

_MOST_LABELS = 5_000
"""Labels of metrics that are looked at: a KiB each."""

_MOST_METRICS = 10_000
_SHOWN = 20


class Explained:
    """Notes what is limited, and tells of it on a page, in own metrics and in the log."""

    def __init__(self, config: Config, context: Context, budgets: Budgets) -> None:
        self._config = config
        self._budgets = budgets
        self._sketches = Sketches(_MOST_LABELS)
        self._limited: Counter[tuple[str, str]] = Counter()
        self._worst: dict[str, str] = {}
        self._faults = FaultLog(context.logger)
        labels = {"processor": context.id, "pipeline": context.pipeline or ""}
        self._points = {
            rule: context.telemetry.counter(
                "penstock_processor_limited_points",
                "Points of series that are too many, by the rule that says so.",
                "{datapoint}",
                rule=rule,
                **labels,
            )
            for rule in (*_RULES, _FOLDED)
        }
        context.telemetry.gauge(
            "penstock_processor_series",
            "Series that a processor keeps account of.",
            lambda: len(budgets),
            "{series}",
            Level.BASIC,
            **labels,
        )
        context.telemetry.tell(PATH, f"{context.pipeline}/{context.id}", self.report)

    def note(self, batch: Batch, entries: NDArray[np.uint8], is_over: Mask) -> None:
        """Take note of a batch: of the labels of new series, and of what is too much."""
        is_new = is_over | (entries == Admission.NEW)
        if not is_new.any():
            return
        self._sketches.note(batch.native, is_new.view(np.uint8).data)
        if not is_over.any():
            return
        metrics = batch.column("metric.name")
        rules = np.maximum(entries, 1) - 1
        pairs, counts = np.unique(
            np.stack([metrics.codes, rules])[:, is_over], axis=1, return_counts=True
        )
        for metric, rule, count in zip(*pairs.tolist(), counts.tolist(), strict=True):
            name = metrics.values[metric]
            self._count(name, _RULES[rule - 1] if rule else _FOLDED, count)

    def _count(self, metric: str, rule: str, points: int) -> None:
        self._points[rule].add(points)
        known = (metric, rule) in self._limited or len(self._limited) < _MOST_METRICS
        self._limited[(metric if known else "(others)", rule)] += points
        if rule != _FOLDED:
            self._faults.report(f"too many series: {rule}", points, partial(self._advice, metric))

    def worst_label(self, metric: str) -> str | None:
        """The label of a metric that has the most values; the answer does not change."""
        if metric not in self._worst and len(self._worst) < _MOST_METRICS:
            labels = [(count, key) for _, key, count in self._sketches.estimates(metric)]
            if not labels:
                return None
            self._worst[metric] = max(labels)[1]
        return self._worst.get(metric)

    def _estimates(self) -> list[tuple[str, str, int]]:
        return sorted(self._sketches.estimates(), key=lambda label: -label[2])

    def _advice(self, metric: str) -> str:
        label = self.worst_label(metric)
        if label is None:
            return f"metric {metric!r}"
        count = next(n for _, key, n in self._sketches.estimates(metric) if key == label)
        return (
            f"metric {metric!r}, whose label {label!r} has about {count} values; "
            f"to bound it: `labels: {{{label}: 100}}`"
        )

    def report(self) -> dict[str, Any]:
        """What is limited, as plain data: budgets, labels and rules, the largest of each first."""
        budgets = sorted(self._budgets.used(), key=lambda budget: -budget[2] / budget[3])
        return {
            "dry_run": self._config.dry_run,
            "series": len(self._budgets),
            "budgets": [
                {"rule": rule, "of": name, "series": used, "limit": limit}
                for rule, name, used, limit in budgets[:_SHOWN]
            ],
            "labels": [
                {"metric": metric, "label": key, "values": count}
                for metric, key, count in self._estimates()[:_SHOWN]
            ],
            "limited": [
                {"metric": metric, "rule": rule, "points": points}
                for (metric, rule), points in self._limited.most_common(_SHOWN)
            ],
        }
