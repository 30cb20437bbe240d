"""System D, a healing guard: it watches pipelines of continuous integration and has them repaired.

Jobs post what befalls them as JSON by HTTP.
"""

from __future__ import annotations

import json
import os
from functools import partial
from itertools import count
from urllib.request import Request, urlopen

from life import LOG, Life
from opentelemetry.trace import SpanKind

PIPELINES = {"build": (6.0, 6.0), "test": (9.0, 12.0), "deploy": (2.0, 3.0)}
"""By type: how many run, as it is and during an incident."""

REQUEST = (1 / 18, 1 / 18)
"""Seconds from one to the next: more than 1000 come in a minute."""
FAILURE = (12.0, 6.0)

ANSWER = (0.06, 0.25)
"""Seconds that an answer mostly takes."""
REQUESTS_FAILED = (0.0003, 0.04)
REPAIR = (10.0, 15.0)
REPAIRS_FAILED = (0.01, 0.5)
VERDICTS = {"confirmed": (97.0, 75.0), "false_positive": (2.0, 15.0), "missed": (1.0, 10.0)}
"""What people say of failures that were reported, or should have been: shares in percent."""

EVENTS = os.environ.get("EVENTS_ENDPOINT", "http://127.0.0.1:9091/v1/push/events")
BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5]

RESOURCE = {"service.namespace": "healing-guard", "service.name": "ci"}

life = Life("healing-guard", __doc__ or "")
guard = life.service("healing-guard")
runner = life.service("ci-runner")
incidents = count(1)


def answer() -> None:
    """A pipeline tells the guard how far it is."""
    seconds, failed = life.takes(ANSWER), life.happens(REQUESTS_FAILED)
    request = {
        "http.request.method": "POST",
        "http.route": "/progress",
        "http.response.status_code": 500 if failed else 200,
    }
    served = guard.span("POST /progress", seconds, request, kind=SpanKind.SERVER, failed=failed)
    guard.took("http.server.request.duration", seconds, request, BOUNDS)
    if failed:
        guard.log("POST /progress: no connection to the database is free", served, failed=True)


def fail() -> None:
    """A pipeline fails, and the guard begins to repair it."""
    incident, type_ = f"incident-{next(incidents)}", life.chance.choice(list(PIPELINES))
    post("pipeline.failed", {"incident.id": incident, "pipeline.type": type_})
    life.later(life.takes(REPAIR), partial(heal, incident, type_))


def heal(incident: str, type_: str) -> None:
    """The repair is over: it has worked, or a person has to look after it."""
    seconds, failed = life.takes(REPAIR), life.happens(REPAIRS_FAILED)
    status = "failed" if failed else "success"
    repair = guard.span(
        "pipeline.heal",
        seconds,
        {"pipeline.type": type_, "healing.status": status, "incident.id": incident},
        failed=failed,
    )
    asked = guard.span("jobs publish", 0.01, ago=seconds, parent=repair, kind=SpanKind.PRODUCER)
    runner.span("jobs process", seconds, parent=asked, kind=SpanKind.CONSUMER, failed=failed)
    guard.log(f"{incident}, a pipeline of type {type_}: {status}", repair, failed=failed)
    if not failed:
        post("pipeline.recovered", {"incident.id": incident, "pipeline.type": type_})


def review() -> None:
    """A person says whether the guard was right."""
    shares = [life.now(share) for share in VERDICTS.values()]
    (verdict,) = life.chance.choices(list(VERDICTS), shares)
    post("detection.reviewed", {"detection.verdict": verdict})


def post(name: str, attributes: dict[str, str]) -> None:
    """Send an event; one that nobody takes is lost."""
    event = {"name": name, "attributes": attributes, "resource": RESOURCE}
    body, headers = json.dumps(event).encode(), {"Content-Type": "application/json"}
    request = Request(EVENTS, body, headers)  # noqa: S310  (it is http)
    try:
        with urlopen(request, timeout=5) as taken:  # noqa: S310
            taken.read()
    except OSError as error:
        LOG.warning("%s: %s", EVENTS, error)


def show() -> None:
    """How many pipelines there are."""
    for type_, running in PIPELINES.items():
        guard.show("active_pipelines", round(life.about(running, 0.5)), {"pipeline_type": type_})


def main() -> None:
    """Live."""
    life.every(REQUEST, answer)
    life.every(FAILURE, fail)
    life.every((2, 2), review)
    life.every((5, 5), show)
    life.run()


if __name__ == "__main__":
    main()
