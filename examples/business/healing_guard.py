"""A guard of pipelines: requests and repairs by OTLP, and events that jobs post as JSON by HTTP."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from typing import Any
from urllib.request import Request, urlopen

from opentelemetry.trace import SpanKind
from past import Past, read_arguments

EVENTS = os.environ.get("EVENTS_ENDPOINT", "http://127.0.0.1:9091/v1/push/events")

ANSWERS = [(0.1, 200)] * 36 + [(0.3, 200)] * 3 + [(0.3, 500)]
"""Seconds until a request was answered, and the status."""

REPAIRS = [("build", "success", 20)] * 3 + [("test", "failed", 40)]
"""The type of the pipeline, what came of it, and how many seconds it took."""

RECOVERY = {"a": 60, "b": 120, "c": 240, "d": None}
"""Seconds from each incident to its end; one still goes on."""

VERDICTS = ["confirmed"] * 9 + ["false_positive"] + ["missed"] * 2


def main() -> None:
    """Tell of five minutes."""
    past = Past("healing-guard", read_arguments(__doc__ or ""))
    for number, (seconds, status) in enumerate(ANSWERS):
        attributes = {"http.response.status_code": status}
        past.span("GET", 5 * number, seconds, attributes, kind=SpanKind.SERVER)
    for number, (type_, status, seconds) in enumerate(REPAIRS):
        attributes = {"pipeline.type": type_, "healing.status": status}
        past.span("pipeline.heal", 50 * number, seconds, attributes, failed=status == "failed")
    past.send()
    post(incidents(past.begin) + reviews(past.begin))


def incidents(begin: datetime) -> list[dict[str, Any]]:
    """Failures and recoveries."""
    found = []
    for incident, seconds in RECOVERY.items():
        found.append(event("pipeline.failed", begin, {"incident.id": incident}))
        if seconds:
            end = begin + timedelta(seconds=seconds)
            found.append(event("pipeline.recovered", end, {"incident.id": incident}))
    return found


def reviews(begin: datetime) -> list[dict[str, Any]]:
    """What people said of failures that were reported, or should have been."""
    at = begin + timedelta(seconds=200)
    return [event("detection.reviewed", at, {"detection.verdict": it}) for it in VERDICTS]


def event(name: str, at: datetime, attributes: dict[str, str]) -> dict[str, Any]:
    """An event as the receiver `push_http` takes it."""
    return {"name": name, "time": at.isoformat(), "attributes": attributes}


def post(events: list[dict[str, Any]]) -> None:
    """Send them in one request."""
    body = json.dumps(events).encode()
    request = Request(EVENTS, body, {"Content-Type": "application/json"})  # noqa: S310  (it is http)
    with urlopen(request, timeout=10) as answer:  # noqa: S310
        answer.read()


if __name__ == "__main__":
    main()
