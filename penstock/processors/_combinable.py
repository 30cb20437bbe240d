"""Whether metrics can be one: they must say the same of what their points are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.processors._attributes import MANY, path_to, present

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock.pipeline import Batch
    from penstock.pipeline.batch import Mask
    from penstock.pipeline.faults import FaultLog

_SUMMARY = 5
"""The number of summaries in `metric.type`."""

_SAME = {
    "metric.type": "types",
    "metric.unit": "units",
    "metric.aggregation_temporality": "aggregation temporalities",
    "metric.is_monotonic": "monotonicity",
}
"""What must be the same, and how it is called."""


def combinable(batch: Batch, where: Mask, faults: FaultLog) -> Mask:
    """Of the points where the mask is true, those of scopes in which all of these can be one
    metric. Why others cannot is reported."""
    result = where.copy()
    chosen = batch.keep(where)
    if chosen is None:
        return result
    fine = np.ones(len(chosen), dtype=np.bool_)
    scopes = chosen.parents("scope")
    for others, reason in _differences(chosen, scopes):
        if (fine & others).any():
            faults.report("Metrics that cannot be combined", int((fine & others).sum()), reason)
            fine &= ~others
    result[where] = fine
    return result


def _differences(batch: Batch, scopes: NDArray[np.uint32]) -> list[tuple[Mask, str]]:
    """Reasons why metrics cannot be one, and the points of the scopes where they hold."""
    types = batch.column("metric.type")
    found = [(anywhere(types == _SUMMARY, scopes), "summaries cannot be combined")]
    for path, what in _SAME.items():
        codes = batch.column(path).codes
        found.append((differ(codes, scopes), f"they have different {what}"))
    labels = _labels_differ(batch, scopes)
    return [*found, (labels, "they have different labels")]


def _labels_differ(batch: Batch, scopes: NDArray[np.uint32]) -> Mask:
    keys = batch.keys("datapoint.attributes")
    if len(keys) > MANY:
        attributes = batch.column("datapoint.attributes")
        codes: dict[frozenset[str], int] = {}
        sets = [codes.setdefault(frozenset(each), len(codes)) for each in attributes.values]
        return differ(np.array(sets, dtype=np.uint32)[attributes.codes], scopes)
    metrics = batch.parents("metric")
    found = np.zeros(len(batch), dtype=np.bool_)
    for key in keys:
        has = anywhere(present(batch.column(path_to("datapoint.attributes", key))), metrics)
        found |= differ(has, scopes)
    return found


def anywhere(mask: Mask, groups: NDArray[np.uint32]) -> Mask:
    """The items of groups in which the mask is true anywhere."""
    has = np.zeros(int(groups.max()) + 1, dtype=np.bool_)
    has[groups[mask]] = True
    return has[groups]


def differ(codes: NDArray[Any], groups: NDArray[np.uint32]) -> Mask:
    """The items of groups in which not all have one code."""
    of_one = np.zeros(int(groups.max()) + 1, dtype=codes.dtype)
    of_one[groups] = codes
    return anywhere(of_one[groups] != codes, groups)
