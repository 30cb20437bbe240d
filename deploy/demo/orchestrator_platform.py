"""System B, an AI orchestrator platform: a website, its API, and an engine that runs workflows."""

from __future__ import annotations

import os
import socket
from functools import partial

from life import Life
from opentelemetry.trace import SpanKind

ROUTES = {"/workflows": "GET", "/workflows/{id}": "GET", "/reports": "GET", "/login": "POST"}

WORKFLOWS = {"import": (2.0, 3.0), "report": (8.0, 20.0), "summary": (4.0, 9.0)}
"""Seconds that each takes, as it is and during an incident."""

REQUEST = (0.3, 0.3)
"""Seconds from one to the next; of what follows, too."""
RUN = (5.0, 0.5)
CREATION = (8.0, 8.0)
LOGIN = (15.0, 15.0)

ANSWER = (0.12, 1.1)
"""Seconds that an answer mostly takes."""
REQUESTS_FAILED = (0.004, 0.12)
RUNS_FAILED = (0.02, 0.25)
QUEUES = {"default": (12.0, 60.0), "imports": (25.0, 180.0)}
ENGINES = {"langchain": (0.6, 1.5), "internal": (0.2, 0.4)}
SCORES = (4.3, 2.9)
PLANS = {"EUR": [49, 199], "USD": [59, 229]}
USERS = [f"user-{number}" for number in range(40)]

STATSD = os.environ.get("STATSD_ENDPOINT", "127.0.0.1:8125")
BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

life = Life("orchestrator-platform", __doc__ or "")
web = life.service("web")
api = life.service("api-gateway")
engine = life.service("workflow-engine")


def answer() -> None:
    """A page asks the API, and that the database."""
    route = life.chance.choice(list(ROUTES))
    method, seconds, failed = ROUTES[route], life.takes(ANSWER), life.happens(REQUESTS_FAILED)
    request = {
        "http.request.method": method,
        "http.route": route,
        "http.response.status_code": 500 if failed else 200,
    }
    name, user = f"{method} {route}", {"user.id": life.chance.choice(USERS)}
    asked = web.span(name, seconds + 0.02, {"http.request.method": method}, kind=SpanKind.CLIENT)
    served = api.span(
        name, seconds, request | user, parent=asked, kind=SpanKind.SERVER, failed=failed
    )
    query = {"db.system": "postgresql", "db.name": "workflows"}
    api.span("SELECT", seconds / 2, query, ago=seconds / 4, parent=served, kind=SpanKind.CLIENT)
    api.took("http.server.request.duration", seconds, request, BOUNDS)
    if failed:
        api.log(f"{name}: the database did not answer", served, failed=True)


def create() -> None:
    """A customer has made a new workflow."""
    api.span("workflow.create", life.takes((0.3, 0.6)), {"user.id": life.chance.choice(USERS)})
    engine.count("workflows_created_total")


def run_workflow() -> None:
    """A workflow that the API queued, and an engine has run."""
    workflow = life.chance.choice(list(WORKFLOWS))
    seconds, failed = life.takes(WORKFLOWS[workflow]), life.happens(RUNS_FAILED)
    queued = api.span("workflows publish", 0.01, ago=seconds + 0.3, kind=SpanKind.PRODUCER)
    taken = engine.span("workflows process", seconds + 0.2, parent=queued, kind=SpanKind.CONSUMER)
    run = engine.span(
        "workflow.run", seconds, {"workflow.name": workflow}, parent=taken, failed=failed
    )
    for name in ENGINES:
        call(name, failed=failed and name == "langchain")
    status = "failed" if failed else "success"
    engine.count("workflow_executions_total", {"workflow": workflow, "status": status})
    engine.took("workflow_execution_duration_seconds", seconds, {"workflow": workflow})
    engine.log(f"the workflow {workflow} ended: {status}", run, failed=failed)


def call(name: str, *, failed: bool) -> None:
    """An engine does a step of a workflow."""
    status = "failed" if failed else "success"
    engine.count("workflow_engine_calls_total", {"engine": name, "status": status})
    seconds = life.takes(ENGINES[name])
    engine.took("workflow_engine_call_duration_seconds", seconds, {"engine": name}, BOUNDS)


def log_in() -> None:
    """A user logs in; the address is nobody's business, and is masked on the way."""
    user = life.chance.choice(USERS)
    api.event("user.login", {"user.id": user, "user.email": f"{user}@example.com"})
    api.count("user_logins_total")


def charge() -> None:
    """A customer pays for a month."""
    currency = life.chance.choice(list(PLANS))
    amount = life.chance.choice(PLANS[currency])
    api.event(
        "subscription.charged",
        {"subscription.amount": amount, "subscription.currency": currency},
    )


def ask() -> None:
    """A customer answers a survey."""
    score = min(5, max(1, round(life.about(SCORES, 0.5))))
    api.event("survey.answered", {"survey.score": score})


def tell_queues(statsd: socket.socket) -> None:
    """How many workflows wait: the engine's own number, and the broker's by StatsD."""
    host, port = STATSD.rsplit(":", 1)
    for queue, length in QUEUES.items():
        waiting = round(life.about(length, 0.4))
        engine.show("workflow_queue_length", waiting, {"queue": queue})
        line = f"workflow.queue.size:{waiting}|g|#queue:{queue}"
        statsd.sendto(line.encode(), (host, int(port)))


def main() -> None:
    """Live."""
    life.every(REQUEST, answer)
    life.every(RUN, run_workflow)
    life.every(CREATION, create)
    life.every(LOGIN, log_in)
    life.every((20, 20), charge)
    life.every((15, 15), ask)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as statsd:
        life.every((5, 5), partial(tell_queues, statsd))
        life.run()


if __name__ == "__main__":
    main()
