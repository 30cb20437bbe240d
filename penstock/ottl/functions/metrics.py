"""Editors that make other metrics of metrics. They are for the context metric.

What they work on is taken apart as OTLP/JSON, whole metrics at a time, and joins the others at
their end: a metric's type is the shape of its data, which no edit of a field can change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any

import orjson

from penstock.ottl.columns import Truth
from penstock.ottl.draft import Place
from penstock.ottl.editing import Edit
from penstock.ottl.signature import Fixed, FixedBool, Functions, one_of
from penstock.pipeline import Batch

Metric = dict[str, Any]
Make = Callable[[Metric], Metric]

_TYPES = {"gauge": 1, "sum": 2, "histogram": 3, "exponentialHistogram": 4, "summary": 5}
_TYPE = Place("metric.type", "metric.type", shared=True)
_CUMULATIVE = 2
_TEMPORALITIES = {"delta": 1, "cumulative": _CUMULATIVE}
Temporality = Annotated[str, one_of(*_TEMPORALITIES)]

_COUNTED = ("histogram", "exponentialHistogram", "summary")
_KEPT = ("attributes", "startTimeUnixNano", "timeUnixNano")
"""What a point keeps when another is made of it."""


def convert_sum_to_gauge(edit: Edit) -> None:
    """Make a gauge of every sum."""

    def make(metric: Metric) -> Metric:
        return _with_data(metric, "gauge", {"dataPoints": metric["sum"]["dataPoints"]})

    _replace(edit, ("sum",), make)


def convert_gauge_to_sum(
    edit: Edit, aggregation_temporality: Temporality, is_monotonic: FixedBool
) -> None:
    """Make a sum of every gauge."""

    def make(metric: Metric) -> Metric:
        points = metric["gauge"]["dataPoints"]
        return _with_data(metric, "sum", _sum(points, aggregation_temporality, is_monotonic))

    _replace(edit, ("gauge",), make)


def extract_count_metric(edit: Edit, is_monotonic: FixedBool, suffix: Fixed = "_count") -> None:
    """Add a sum of the counts of every histogram and summary."""

    def make(metric: Metric) -> Metric:
        made = _extracted(metric, suffix, is_monotonic, _count)
        # A count is not in the unit of what is counted.
        return made | {"unit": "1"}

    _refuse_others(edit)
    _add(edit, _COUNTED, make)


def extract_sum_metric(edit: Edit, is_monotonic: FixedBool, suffix: Fixed = "_sum") -> None:
    """Add a sum of the sums of every histogram and summary."""
    _refuse_others(edit)
    _add(edit, _COUNTED, lambda metric: _extracted(metric, suffix, is_monotonic, _total))


def convert_summary_count_val_to_sum(
    edit: Edit,
    aggregation_temporality: Temporality,
    is_monotonic: FixedBool,
    suffix: Fixed = "_count",
) -> None:
    """Add a sum of the counts of every summary."""
    _add(
        edit,
        ("summary",),
        lambda metric: _extracted(metric, suffix, is_monotonic, _count, aggregation_temporality),
    )


def convert_summary_sum_val_to_sum(
    edit: Edit,
    aggregation_temporality: Temporality,
    is_monotonic: FixedBool,
    suffix: Fixed = "_sum",
) -> None:
    """Add a sum of the sums of every summary."""
    _add(
        edit,
        ("summary",),
        lambda metric: _extracted(metric, suffix, is_monotonic, _total, aggregation_temporality),
    )


def convert_summary_quantile_val_to_gauge(
    edit: Edit, attribute_key: Fixed = "quantile", suffix: Fixed = ".quantiles"
) -> None:
    """Add a gauge of the quantiles of every summary, a data point each."""

    def points(summary: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for point in summary["dataPoints"]:
            for found in point.get("quantileValues", ()):
                label = {
                    "key": attribute_key,
                    "value": {"stringValue": _quantile(found.get("quantile", 0))},
                }
                others = [one for one in point.get("attributes", ()) if one["key"] != attribute_key]
                kept = _kept(point) | {"attributes": [*others, label]}
                yield kept | {"asDouble": found.get("value", 0)}

    def make(metric: Metric) -> Metric:
        return _named(metric, suffix) | {"gauge": {"dataPoints": list(points(metric["summary"]))}}

    _add(edit, ("summary",), make)


def copy_metric(
    edit: Edit,
    name: Fixed | None = None,
    description: Fixed | None = None,
    unit: Fixed | None = None,
) -> None:
    """Add a copy of every metric, under another name, description or unit."""
    given = {"name": name, "description": description, "unit": unit}
    changed = {key: value for key, value in given.items() if value is not None}
    _add(edit, tuple(_TYPES), lambda metric: metric | changed)


def _quantile(value: float) -> str:
    digits = f"{value:.15f}".rstrip("0").rstrip(".")
    # As the Collector: 0.50 for 0.5.
    return digits if len(digits) > 3 or digits in {"0", "1"} else f"{digits}0"  # noqa: PLR2004


def _kept(point: dict[str, Any]) -> dict[str, Any]:
    return {key: point[key] for key in _KEPT if key in point}


def _named(metric: Metric, suffix: str) -> Metric:
    kept = {key: metric[key] for key in ("description", "unit") if key in metric}
    return kept | {"name": metric.get("name", "") + suffix}


def _with_data(metric: Metric, kind: str, data: dict[str, Any]) -> Metric:
    return {key: value for key, value in metric.items() if key not in _TYPES} | {kind: data}


def _sum(points: list[dict[str, Any]], temporality: str, monotonic: bool) -> dict[str, Any]:  # noqa: FBT001
    return {
        "dataPoints": points,
        "aggregationTemporality": _TEMPORALITIES[temporality],
        "isMonotonic": monotonic,
    }


def _count(point: dict[str, Any]) -> dict[str, Any] | None:
    return _kept(point) | {"asInt": point.get("count", 0)}


def _total(point: dict[str, Any]) -> dict[str, Any] | None:
    return _kept(point) | {"asDouble": point["sum"]} if "sum" in point else None


def _extracted(
    metric: Metric,
    suffix: str,
    monotonic: bool,  # noqa: FBT001
    value: Callable[[dict[str, Any]], dict[str, Any] | None],
    temporality: str | None = None,
) -> Metric:
    (data,) = (metric[kind] for kind in _COUNTED if kind in metric)
    points = [made for point in data["dataPoints"] if (made := value(point)) is not None]
    made = _sum(points, temporality or "cumulative", monotonic)
    if temporality is None:
        made["aggregationTemporality"] = data.get("aggregationTemporality", _CUMULATIVE)
    return _named(metric, suffix) | {"sum": made}


def _replace(edit: Edit, kinds: tuple[str, ...], make: Make) -> None:
    mask = _of_kinds(edit, kinds)
    if mask.any():
        rest = edit.draft.batch.keep(~mask)
        made = _made(edit.draft.batch, mask, make)
        edit.draft.replace(Batch.concat([one for one in (rest, made) if one is not None]))


def _add(edit: Edit, kinds: tuple[str, ...], make: Make) -> None:
    mask = _of_kinds(edit, kinds)
    if mask.any():
        made = _made(edit.draft.batch, mask, make)
        if len(made):
            edit.draft.replace(Batch.concat([edit.draft.batch, made]))


def _of_kinds(edit: Edit, kinds: tuple[str, ...]) -> Any:
    wanted = [_TYPES[kind] for kind in kinds]
    return edit.narrowed(edit.draft.column(_TYPE).where(lambda kind: kind in wanted))


def _made(batch: Batch, mask: Any, make: Make) -> Batch:
    part = batch.keep(mask)
    assert part is not None
    document = orjson.loads(part.to_json())
    for resource in document["resourceMetrics"]:
        for scope in resource["scopeMetrics"]:
            scope["metrics"] = [make(metric) for metric in scope["metrics"]]
    return Batch.from_json(batch.signal, orjson.dumps(document))


def _refuse_others(edit: Edit) -> None:
    wrong = _of_kinds(edit, ("gauge", "sum"))
    if wrong.any():
        edit.failed.append(Truth(~wrong, wrong, "the metric is no histogram and no summary"))


EDITORS: Functions = {
    "convert_gauge_to_sum": convert_gauge_to_sum,
    "convert_sum_to_gauge": convert_sum_to_gauge,
    "convert_summary_count_val_to_sum": convert_summary_count_val_to_sum,
    "convert_summary_quantile_val_to_gauge": convert_summary_quantile_val_to_gauge,
    "convert_summary_sum_val_to_sum": convert_summary_sum_val_to_sum,
    "copy_metric": copy_metric,
    "extract_count_metric": extract_count_metric,
    "extract_sum_metric": extract_sum_metric,
}

_PYTHON = "a Python processor can do it"
NOT_HERE = {
    "aggregate_on_attribute_value": _PYTHON,
    "aggregate_on_attributes": _PYTHON,
    "convert_exponential_histogram_to_histogram": _PYTHON,
    "extract_percentile_metric": _PYTHON,
    "merge_histogram_buckets": _PYTHON,
    "scale_metric": "set `datapoint.value_double` to a product",
    "set_semconv_span_name": "set `span.name` with `Concat` and a condition for each protocol",
}
"""Editors of the Collector's that are refused, and what to do instead."""
