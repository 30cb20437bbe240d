"""Customers of a platform: requests, workflows, logins, payments, and queues told by StatsD."""

from __future__ import annotations

import os
import socket

from opentelemetry.trace import SpanKind
from past import Past, read_arguments

ANSWERS = [(0.2, 200)] * 18 + [(1.2, 500)] * 2
"""Seconds until a request was answered, and the status."""

RUNS = [("import", 2)] * 15 + [("report", 20)] * 10
"""Workflows, and seconds that each took."""

USERS = ["ada", "ben", "cid", None]

QUEUES = {"default": 42, "imports": 130}

STATSD = os.environ.get("STATSD_ENDPOINT", "127.0.0.1:8125")


def main() -> None:
    """Tell of five minutes."""
    past = Past("platform", read_arguments(__doc__ or ""))
    answer_requests(past)
    run_workflows(past)
    for at in range(12):
        past.event("user.login", at, {"user.id": f"user-{at}"})
    for amount, currency in [(49, "EUR"), (49, "EUR"), (199, "EUR"), (59, "USD"), (59, "USD")]:
        bill = {"subscription.amount": amount, "subscription.currency": currency}
        past.event("subscription.charged", 100, bill)
    for score in (5, 4, 3):
        past.event("survey.answered", 200, {"survey.score": score})
    past.send()
    tell_queues()


def answer_requests(past: Past) -> None:
    """The requests, some of users that are known."""
    for number, (seconds, status) in enumerate(ANSWERS):
        attributes = {
            "http.route": "/workflows" if number % 2 else "/reports",
            "http.response.status_code": status,
        }
        user = USERS[number % len(USERS)]
        if user:
            attributes["user.id"] = user
        past.span("GET", 10 * number, seconds, attributes, kind=SpanKind.SERVER)


def run_workflows(past: Past) -> None:
    """Six that are created, and those that run, of which the first fails."""
    for at in range(6):
        past.span("workflow.create", at, 0.5, {})
    for number, (name, seconds) in enumerate(RUNS):
        failed = number == 0
        past.span("workflow.run", 10 * number, seconds, {"workflow.name": name}, failed=failed)


def tell_queues() -> None:
    """How many workflows wait in each queue."""
    host, port = STATSD.rsplit(":", 1)
    lines = (f"workflow.queue.size:{size}|g|#queue:{queue}" for queue, size in QUEUES.items())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as statsd:
        statsd.sendto("\n".join(lines).encode(), (host, int(port)))


if __name__ == "__main__":
    main()
