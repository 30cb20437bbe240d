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
from penstock.processors._budgets import REASONS, TOO_FAST, UNLIMITED, Budgets

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock.pipeline import Batch, Context
    from penstock.pipeline.batch import Mask
    from penstock.processors.cardinality_limit import Config

PATH = "/cardinality"
"""Where the report is, on the page of own metrics."""

_FOLDED = "folded before"
"""The rule for points of cumulative series that stay folded."""

_LABELS = "labels"
"""The rule for points that lose labels of too many values."""

_RULES = (_FOLDED, TOO_FAST, *REASONS, _LABELS)

_MOST_LABELS = 5_000
"""Labels of metrics that are looked at: a KiB each."""

_MOST_METRICS = 10_000
_SHOWN = 20

_LONGEST_NAME = 100
"""Characters of the name of a metric or label, so that a warning has room for both."""

_FATES = {
    "overflow": "were folded into overflow series, which keep the totals right",
    "strip": "lost labels and were added up",
    "drop": "were dropped",
}


class Explained:
    """Notes what is limited; tells of it on a page, in own metrics, in the log and to senders."""

    def __init__(self, config: Config, context: Context, budgets: Budgets) -> None:
        self._config = config
        self._budgets = budgets
        self._sketches = Sketches(_MOST_LABELS)
        self._limited: Counter[tuple[str, str]] = Counter()
        self._worst: dict[str, str] = {}
        self._tells = config.warn_senders and not config.dry_run
        self._senders = context.senders
        self._lately = 0
        self._untold: Counter[tuple[str, str]] = Counter()
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
            for rule in _RULES
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

    def note(
        self, batch: Batch, entries: NDArray[np.uint8], is_over: Mask, is_reduced: Mask
    ) -> None:
        """Take note of a batch: of the labels of new series, and of what is too much."""
        self._lately += len(batch)
        is_new = is_over | (entries == Admission.NEW)
        if is_new.any():
            self._sketches.note(batch.native, is_new.view(np.uint8).data)
        is_limited = is_over | is_reduced
        if not is_limited.any():
            return
        metrics = batch.column("metric.name")
        rules = np.where(is_over, np.maximum(entries, 1) - 1, _RULES.index(_LABELS))
        pairs, counts = np.unique(
            np.stack([metrics.codes, rules])[:, is_limited], axis=1, return_counts=True
        )
        for metric, rule, count in zip(*pairs.tolist(), counts.tolist(), strict=True):
            self._count(metrics.values[metric], _RULES[rule], count)
        if self._tells:
            self._senders.warn(self._warning)

    def _count(self, metric: str, rule: str, points: int) -> None:
        self._points[rule].add(points)
        known = (metric, rule) in self._limited or len(self._limited) < _MOST_METRICS
        key = (metric if known else "(others)", rule)
        self._limited[key] += points
        self._untold[key] += points
        if rule == _LABELS:
            self._faults.report("too many values of a label", points, partial(self._blame, metric))
        elif rule != _FOLDED:
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
        remedy = f"; to bound it: `labels: {{{label}: 100}}`" if label else ""
        return self._blame(metric) + remedy

    def _blame(self, metric: str) -> str:
        label = self.worst_label(metric)
        name = f"metric {metric[:_LONGEST_NAME]!r}"
        if label is None:
            return name
        count = next(n for _, key, n in self._sketches.estimates(metric) if key == label)
        return f"{name}, whose label {label[:_LONGEST_NAME]!r} has about {count} values"

    def _warning(self) -> str:
        """What senders are told of all that was limited since they were told last."""
        ((metric, rule), _) = self._untold.most_common(1)[0]
        action = "strip" if rule == _LABELS else self._config.action_for(metric)
        text = (
            f"of the latest {self._lately} data points of all senders, {self._untold.total()} "
            f"{_FATES[action]}, since there are too many series ({rule}), "
            f"most of them of {self._blame(metric)}; nothing is to be sent again"
        )
        self._lately = 0
        self._untold.clear()
        return text

    def report(self) -> dict[str, Any]:
        """What is limited, as plain data: budgets, labels and rules, the largest of each first."""
        budgets = sorted(self._budgets.used(), key=lambda budget: -budget[2] / budget[3])
        metrics = [(series, of) for rule, of, series, _ in budgets if rule == "per_metric"]
        return {
            "dry_run": self._config.dry_run,
            "series": len(self._budgets),
            "budgets": [
                {"rule": rule, "of": name, "series": used, "limit": limit}
                for rule, name, used, limit in budgets[:_SHOWN]
                if limit < UNLIMITED
            ],
            "metrics": [
                {"metric": name, "series": series}
                for series, name in sorted(metrics, reverse=True)[:_SHOWN]
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
