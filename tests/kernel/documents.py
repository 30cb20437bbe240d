"""OTLP/JSON documents: the protobuf library's, and small ones by hand."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from google.protobuf import json_format

if TYPE_CHECKING:
    from google.protobuf.message import Message

IDS = {"traceId", "spanId", "parentSpanId"}


def otlp_json(request: Message) -> Any:
    """The OTLP/JSON of a request, by the protobuf library."""
    return in_hex(json_format.MessageToDict(request, use_integers_for_enums=True))


def in_hex(document: Any) -> Any:
    """The document with ids in hex, which the protobuf library writes in base64."""
    if isinstance(document, list):
        return [in_hex(element) for element in document]
    if not isinstance(document, dict):
        return document
    return {
        key: base64.b64decode(value).hex() if key in IDS else in_hex(value)
        for key, value in document.items()
    }


def span(**fields: Any) -> dict[str, Any]:
    """A document of one span."""
    return {"resourceSpans": [{"scopeSpans": [{"spans": [fields]}]}]}
