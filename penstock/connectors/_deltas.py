"""Numbers to a batch of delta sums."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.pipeline import Batch, Column, Signal

if TYPE_CHECKING:
    from penstock.connectors._measuring import Items, Measure, Number

_DELTA = 1  # AGGREGATION_TEMPORALITY_DELTA


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource's metrics, and the attributes of all their data points in order."""

    attributes: dict[str, Any]
    metrics: list[dict[str, Any]] = field(default_factory=list)
    points: list[dict[str, Any]] = field(default_factory=list)


class Deltas:
    """Metrics that are made of one batch, under the resources of what they are made of."""

    def __init__(self, scope: str) -> None:
        self._scope = scope
        self._now = time.time_ns()
        self._resources: dict[str, Resource] = {}

    def add(self, measure: Measure, items: Items, numbers: list[Number]) -> None:
        """Write a metric's numbers, a data point each; they are in the order of resources."""
        open_: dict[int, list[dict[str, Any]]] = {}
        for number in numbers:
            attributes = items.resources.values[number.resource]
            resource = self._resources.setdefault(repr(attributes), Resource(attributes))
            if number.resource not in open_:
                points = open_[number.resource] = []
                resource.metrics.append(_metric(measure, points))
            first, last = items.times[number.resource]
            point = _point(number.value, first or self._now, last or self._now)
            open_[number.resource].append(point)
            resource.points.append(number.attributes)

    def batch(self) -> Batch | None:
        """All of them; `None` when there are none."""
        if not self._resources:
            return None
        resources = list(self._resources.values())
        scope = {"name": self._scope}
        request = {
            "resourceMetrics": [
                {"resource": {}, "scopeMetrics": [{"scope": scope, "metrics": each.metrics}]}
                for each in resources
            ]
        }
        batch = Batch.from_json(Signal.METRICS, json.dumps(request).encode())
        return _with_attributes(batch, resources)


def _metric(measure: Measure, points: list[dict[str, Any]]) -> dict[str, Any]:
    # What is added up downstream only grows, as the Collector's connectors say too.
    data = {"aggregationTemporality": _DELTA, "isMonotonic": True, "dataPoints": points}
    return {"name": measure.name, "description": measure.description, "sum": data}


def _point(value: float, first: int, last: int) -> dict[str, Any]:
    number = {"asInt": str(value)} if isinstance(value, int) else {"asDouble": value}
    return {"startTimeUnixNano": str(first), "timeUnixNano": str(last), **number}


def _with_attributes(batch: Batch, resources: list[Resource]) -> Batch:
    """The kernel knows how values are encoded, whatever they are."""
    own = [point for resource in resources for point in resource.points]
    shared = [len(resource.points) for resource in resources]
    edits = batch.edit()
    edits.set("datapoint.attributes", Column(np.arange(len(own), dtype=np.uint32), own))
    codes = np.repeat(np.arange(len(resources), dtype=np.uint32), shared)
    edits.set("resource.attributes", Column(codes, [each.attributes for each in resources]))
    return edits.apply()
