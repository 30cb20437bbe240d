"""A hive of four agents: they coordinate, work, decide, call services, and learn."""

from __future__ import annotations

from opentelemetry.trace import SpanKind
from past import Past, read_arguments

COORDINATIONS = [0.2] * 18 + [0.8] * 2
"""Seconds that each took."""

AGENTS = {
    "scout": (["scout-1", "scout-2"], "high", 10, 2),
    "builder": (["builder-1", "builder-2"], "normal", 10, 1),
}
"""By type: the agents, the priority of their tasks, how many those are, and how many fail."""

SERVICES = {"search": ("GET", 1.0, [200] * 9 + [503]), "model": ("POST", 2.0, [200] * 10)}
"""By service: the method, seconds that an answer takes, and the answers' status codes."""

CONFIDENCE = [0.875, 0.75, 0.75, 0.625]

ACCURACY = {"planner": 92.5, "ranker": 78.0}


def main() -> None:
    """Tell of five minutes."""
    past = Past("agent-hive", read_arguments(__doc__ or ""))
    for number, seconds in enumerate(COORDINATIONS):
        past.span("hive.coordinate", 10 * number, seconds, {})
    for type_ in AGENTS:
        do_tasks(past, type_)
    for service in SERVICES:
        call(past, service)
    for at, confidence in enumerate(CONFIDENCE):
        past.span("agent.decide", at, 0.1, {"decision.confidence": confidence})
    for model, percent in ACCURACY.items():
        past.gauge("agent_hive_learning_accuracy_percent", percent, {"model_type": model})
    past.send()


def do_tasks(past: Past, type_: str) -> None:
    """The tasks of agents of a type."""
    agents, priority, count, failures = AGENTS[type_]
    for number in range(count):
        attributes = {
            "agent.type": type_,
            "agent.id": agents[number % len(agents)],
            "task.priority": priority,
            "task.status": "error" if number < failures else "success",
        }
        past.span("agent.task", 20 * number, 5, attributes, failed=number < failures)


def call(past: Past, service: str) -> None:
    """The requests to a service."""
    method, seconds, answers = SERVICES[service]
    for number, status in enumerate(answers):
        attributes = {
            "peer.service": service,
            "http.request.method": method,
            "http.response.status_code": status,
        }
        past.span(method, 10 * number, seconds, attributes, kind=SpanKind.CLIENT)


if __name__ == "__main__":
    main()
