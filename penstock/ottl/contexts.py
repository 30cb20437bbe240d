"""OTTL's contexts: the paths of each, and the names of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from penstock.ottl import fields as of
from penstock.ottl.fields import Field
from penstock.pipeline import Signal

Fields = Mapping[str, Field]

_RESOURCE: Fields = {
    **of.attributes(),
    **of.integer("dropped_attributes_count"),
    **of.string("schema_url"),
}
_SCOPE: Fields = {
    **of.string("name"),
    **of.string("version"),
    **of.attributes(),
    **of.integer("dropped_attributes_count"),
    **of.string("schema_url"),
}
_SPAN: Fields = {
    **of.identity("trace_id", 16),
    **of.identity("span_id", 8),
    **of.identity("parent_span_id", 8),
    **of.trace_state(),
    **of.string("name"),
    **of.kind(),
    **of.time("start_time"),
    **of.time("end_time"),
    **of.attributes(),
    **of.integer("dropped_attributes_count"),
    **of.messages("events"),
    **of.integer("dropped_events_count"),
    **of.messages("links"),
    **of.integer("dropped_links_count"),
    **of.message("status"),
    **of.integer("status.code", signed=True),
    **of.string("status.message"),
    **of.integer("flags"),
}
_EVENT: Fields = {
    **of.time("time"),
    **of.string("name"),
    **of.attributes(),
    **of.integer("dropped_attributes_count"),
}
_METRIC: Fields = {
    **of.string("name"),
    **of.string("description"),
    **of.string("unit"),
    **of.derived("type"),
    **of.integer("aggregation_temporality", signed=True),
    **of.boolean("is_monotonic"),
    **of.attributes("metadata"),
}
_DATAPOINT: Fields = {
    **of.attributes(),
    **of.time("start_time"),
    **of.time("time"),
    **of.double("value_double", slot="value"),
    **of.integer("value_int", 64, signed=True, slot="value"),
    **of.messages("exemplars"),
    **of.integer("flags"),
    **of.integer("count", 64),
    **of.double("sum"),
    **of.double("min"),
    **of.double("max"),
    **of.messages("bucket_counts"),
    **of.messages("explicit_bounds"),
    **of.integer("scale", signed=True),
    **of.integer("zero_count", 64),
    **of.double("zero_threshold"),
    **of.message("positive"),
    **of.integer("positive.offset", signed=True),
    **of.messages("positive.bucket_counts"),
    **of.message("negative"),
    **of.integer("negative.offset", signed=True),
    **of.messages("negative.bucket_counts"),
    **of.messages("quantile_values"),
}
_LOG: Fields = {
    **of.time("time"),
    **of.time("observed_time"),
    **of.integer("severity_number", signed=True),
    **of.string("severity_text"),
    **of.anything("body"),
    **of.attributes(),
    **of.integer("dropped_attributes_count"),
    **of.integer("flags"),
    **of.identity("trace_id", 16),
    **of.identity("span_id", 8),
    **of.string("event_name"),
}

FIELDS: Mapping[str, Fields] = {
    "resource": _RESOURCE,
    "scope": _SCOPE,
    "span": _SPAN,
    "spanevent": _EVENT,
    "metric": _METRIC,
    "datapoint": _DATAPOINT,
    "log": _LOG,
}
"""The fields of every context, by what stands behind its name in a path."""

ALIASES = {"instrumentation_scope": "scope"}
"""Older names of contexts."""

CONTEXTS: Mapping[Signal, tuple[str, ...]] = {
    Signal.TRACES: ("resource", "scope", "span", "spanevent"),
    Signal.METRICS: ("resource", "scope", "metric", "datapoint"),
    Signal.LOGS: ("resource", "scope", "log"),
}
"""The contexts of a signal, from what most items share to the items."""

NOT_HERE = {
    "exemplar": "use the path `datapoint.exemplars`",
    "profile": "profiles are not carried",
}
"""Contexts of the Collector's that are refused, and what to do instead."""

EVENTS = "spanevent"
"""The context whose items are not spans but the events in them."""


class Scope(NamedTuple):
    """What paths of a statement may be about: a signal's contexts down to its own.

    Without a context, every path begins with one.
    """

    signal: Signal
    context: str | None = None

    @property
    def known(self) -> tuple[str, ...]:
        """The contexts that paths may begin with."""
        contexts = CONTEXTS[self.signal]
        return contexts[: contexts.index(self.context) + 1] if self.context else contexts


_SEVERITIES = [
    f"{name}{number or ''}"
    for name in ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
    for number in ("", 2, 3, 4)
]
_NUMBERED: Mapping[str, list[str]] = {
    "SPAN_KIND": ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"],
    "STATUS_CODE": ["UNSET", "OK", "ERROR"],
    "SEVERITY_NUMBER": ["UNSPECIFIED", *_SEVERITIES],
    "AGGREGATION_TEMPORALITY": ["UNSPECIFIED", "DELTA", "CUMULATIVE"],
    "METRIC_DATA_TYPE": [
        "NONE",
        "GAUGE",
        "SUM",
        "HISTOGRAM",
        "EXPONENTIAL_HISTOGRAM",
        "SUMMARY",
    ],
}
ENUMS = {
    f"{enum}_{name}": number
    for enum, names in _NUMBERED.items()
    for number, name in enumerate(names)
} | {"FLAG_NONE": 0, "FLAG_NO_RECORDED_VALUE": 1}
"""The names of OTLP for numbers."""
