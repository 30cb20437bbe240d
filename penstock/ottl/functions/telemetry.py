"""Converters that look at the telemetry itself, each in its contexts only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from penstock.ottl.columns import each
from penstock.ottl.draft import Draft, Place
from penstock.ottl.signature import Fixed, FixedAny
from penstock.ottl.values import equal
from penstock.pipeline import Column

_PARENT = Place("span.parent_span_id", "span.parent_span_id", shared=False)
_DATA = ("gauge", "sum", "histogram", "exponential_histogram", "summary")


def is_root_span(draft: Draft) -> Column:
    """Whether a span has no parent."""
    return each(lambda parent: not parent.strip("0"), [draft.column(_PARENT)])


def has_attr_key_on_datapoint(draft: Draft, key: Fixed) -> Column:
    """Whether any data point of the metric has an attribute."""
    return _any_point(draft, lambda attributes: key in attributes)


def has_attr_on_datapoint(draft: Draft, key: Fixed, expected: FixedAny) -> Column:
    """Whether any data point of the metric has an attribute of that value."""
    return _any_point(
        draft, lambda attributes: key in attributes and equal(attributes[key], expected)
    )


def _any_point(draft: Draft, test: Callable[[dict[str, Any]], bool]) -> Column:
    def found(*data: dict[str, Any]) -> bool:
        points = (point for one in data for point in one.get("data_points", ()))
        return any(test(point.get("attributes", {})) for point in points)

    places = [Place(f"metric.{name}", f"metric.{name}", shared=True) for name in _DATA]
    draft.batch  # noqa: B018  (data points may have pending edits)
    return each(found, [draft.column(place) for place in places])


CONTEXTS: dict[str, tuple[str, Callable[..., Column]]] = {
    "IsRootSpan": ("span", is_root_span),
    "HasAttrKeyOnDatapoint": ("metric", has_attr_key_on_datapoint),
    "HasAttrOnDatapoint": ("metric", has_attr_on_datapoint),
}
"""By name: the context that it needs, and what it does."""
