"""JSON Schemas of what is pushed in JSON, and of what is answered."""

from __future__ import annotations

from typing import Any

_TEXT: dict[str, Any] = {"type": "string"}
_NUMBER: dict[str, Any] = {"type": "number"}
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
_ATTRIBUTES: dict[str, Any] = {"type": "object", "description": "Values of any type, by key."}
_TIME: dict[str, Any] = {
    "oneOf": [
        {"type": "string", "format": "date-time"},
        {"type": "number", "minimum": 0, "description": "Unix seconds."},
    ]
}


def _hex(digits: int) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^[0-9a-fA-F]{{{digits}}}$"}


def _object(
    properties: dict[str, Any], required: tuple[str, ...] = (), **more: Any
) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
        **more,
    }


_METRIC = _object(
    {
        "name": {"type": "string", "minLength": 1},
        "type": {
            "enum": ["gauge", "counter", "updowncounter", "histogram", "summary"],
            "default": "gauge",
        },
        "temporality": {
            "enum": ["cumulative", "delta"],
            "default": "cumulative",
            "description": "Of counters and histograms: whether they count since `start`.",
        },
        "unit": _TEXT,
        "description": _TEXT,
        "value": _NUMBER | {"description": "Of gauges and counters."},
        "count": _COUNT | {"description": "Of histograms and summaries."},
        "sum": _NUMBER,
        "min": _NUMBER,
        "max": _NUMBER,
        "bounds": {
            "type": "array",
            "items": _NUMBER,
            "description": "Upper bounds of a histogram's buckets but the last, in order.",
        },
        "counts": {
            "type": "array",
            "items": _COUNT,
            "description": "What each bucket counts, one more than there are bounds.",
        },
        "quantiles": {
            "type": "object",
            "additionalProperties": _NUMBER,
            "description": "Values of a summary by their ranks, such as `0.99`.",
        },
        "time": _TIME,
        "start": _TIME,
        "attributes": _ATTRIBUTES,
        "resource": _ATTRIBUTES,
    },
    ("name",),
    examples=[{"name": "orders", "type": "counter", "temporality": "delta", "value": 3}],
)

_RECORD: dict[str, Any] = {
    "name": _TEXT | {"description": "The name of an event."},
    "body": {"description": "Anything."},
    "time": _TIME,
    "severity": {
        "oneOf": [{"type": "string"}, {"type": "integer", "minimum": 1, "maximum": 24}],
        "description": "A word such as `warn`, or OpenTelemetry's number.",
    },
    "attributes": _ATTRIBUTES,
    "resource": _ATTRIBUTES,
    "trace_id": _hex(32),
    "span_id": _hex(16),
}

_LOG = _object(_RECORD, examples=[{"body": "disk full", "severity": "error"}])
_EVENT = _object(
    _RECORD | {"name": {"type": "string", "minLength": 1}},
    ("name",),
    examples=[{"name": "deploy", "attributes": {"service": "shop", "version": "1.4"}}],
)

_ANSWER = _object(
    {
        "accepted": _COUNT,
        "rejected": _COUNT,
        "errors": {
            "type": "array",
            "items": _object({"index": _COUNT, "reason": _TEXT}, ("index", "reason")),
            "description": "Of the first hundred that were rejected.",
        },
    },
    ("accepted", "rejected", "errors"),
)

_ERROR = _object({"error": _TEXT}, ("error",))

SCHEMAS: dict[str, Any] = {
    "Metric": _METRIC,
    "Log": _LOG,
    "Event": _EVENT,
    **{
        many: {
            "oneOf": [
                {"$ref": f"#/components/schemas/{one}"},
                {"type": "array", "items": {"$ref": f"#/components/schemas/{one}"}},
            ]
        }
        for one, many in (("Metric", "Metrics"), ("Log", "Logs"), ("Event", "Events"))
    },
    "Taken": _ANSWER,
    "Untaken": {"oneOf": [_ANSWER, _ERROR]},
    "Error": _ERROR,
    "InfluxError": _object({"code": _TEXT, "message": _TEXT}, ("code", "message")),
    "Health": _object(
        {
            "name": _TEXT,
            "message": _TEXT,
            "status": _TEXT,
            "checks": {"type": "array"},
            "version": _TEXT,
        }
    ),
}
"""By name."""
