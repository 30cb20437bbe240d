"""System C, a hive of agents: a coordinator hands out tasks, and agents decide and learn.

What no span tells is on a page for Prometheus.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from life import Life
from opentelemetry.trace import SpanKind
from prometheus_client import CollectorRegistry, Gauge, Histogram, start_http_server

if TYPE_CHECKING:
    from opentelemetry.context import Context

AGENTS = {"scout": (4, "high"), "builder": (3, "normal"), "critic": (2, "low")}
"""By type: how many there are, and the priority of their tasks."""

APIS = {"search": ("GET", (0.4, 2.0)), "model": ("POST", (1.2, 7.0))}
"""By service: the method, and seconds that an answer takes, as it is and during an incident."""

ROUND = (1.0, 1.0)
"""Seconds from one round of coordination to the next."""
COORDINATION = (0.12, 1.3)
TASK = (1.5, 2.5)
TASKS_FAILED = (0.03, 0.3)
CALLS_FAILED = (0.005, 0.2)
CONFIDENCE = (0.86, 0.55)
ACTIVE = (1.0, 0.0)
"""The share of agents that are active."""

MODELS = {"planner": (92.0, 74.0), "ranker": (87.0, 71.0)}
RESOURCES = {"cpu": (48.0, 93.0), "memory": (63.0, 94.0), "disk": (55.0, 57.0)}
COMPONENTS = {"coordinator": (35.0, 92.0), "agents": (52.0, 95.0), "learner": (61.0, 70.0)}
"""By component: how much it uses of a CPU."""
BYTES = (2.5e8, 4.5e8)

HOST = os.environ.get("OTEL_EXPORTER_PROMETHEUS_HOST", "127.0.0.1")
PORT = int(os.environ.get("OTEL_EXPORTER_PROMETHEUS_PORT", "9464"))

life = Life("agent-hive", __doc__ or "")
coordinator = life.service("coordinator")
types = {type_: life.service(f"{type_}s") for type_ in AGENTS}

page = CollectorRegistry()
gauge = partial(Gauge, registry=page)
active = gauge("agent_hive_active_agents_total", "Agents.", ["agent_type", "status"])
used = gauge("agent_hive_resource_utilization_percent", "Of the host.", ["resource_type"])
accuracy = gauge("agent_hive_learning_accuracy_percent", "Of models.", ["model_type"])
memory = gauge("agent_hive_memory_usage_bytes", "Of components.", ["component"])
cpu = gauge("agent_hive_cpu_usage_percent", "Of components.", ["component"])
confidences = Histogram(
    "agent_hive_decision_confidence_score",
    "How sure agents are.",
    buckets=[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1],
    registry=page,
)


def coordinate() -> None:
    """The agents agree on who does what, and one of them does it."""
    seconds, work = life.takes(COORDINATION), life.takes(TASK)
    agreed = coordinator.span("hive.coordinate", seconds, ago=work + 0.1)
    handed = coordinator.span(
        "tasks publish", 0.01, ago=work + 0.1, parent=agreed, kind=SpanKind.PRODUCER
    )
    type_ = life.chance.choice(list(AGENTS))
    count, priority = AGENTS[type_]
    agent, failed = life.chance.randrange(count), life.happens(TASKS_FAILED)
    service = types[type_]
    taken = service.span("tasks process", work + 0.05, parent=handed, kind=SpanKind.CONSUMER)
    task = service.span(
        "agent.task",
        work,
        {
            "agent.type": type_,
            "agent.id": f"{type_}-{agent}",
            "task.priority": priority,
            "task.status": "error" if failed else "success",
        },
        parent=taken,
        failed=failed,
    )
    confidence = min(1.0, life.about(CONFIDENCE, 0.2))
    service.span("agent.decide", 0.05, {"decision.confidence": confidence}, parent=task)
    confidences.observe(confidence)
    for api in APIS:
        call(api, type_, task)
    service.log(f"{type_}-{agent} ended a task of priority {priority}", task, failed=failed)


def call(api: str, type_: str, task: Context) -> None:
    """An agent asks a service outside of the hive."""
    method, seconds = APIS[api]
    failed = life.happens(CALLS_FAILED)
    request = {
        "peer.service": api,
        "http.request.method": method,
        "http.response.status_code": 503 if failed else 200,
    }
    types[type_].span(
        method, life.takes(seconds), request, parent=task, kind=SpanKind.CLIENT, failed=failed
    )


def show() -> None:
    """What the page has."""
    for type_, (count, _) in AGENTS.items():
        working = round(count * life.now(ACTIVE))
        active.labels(type_, "active").set(working)
        active.labels(type_, "failed").set(count - working)
    for shown, values in ((used, RESOURCES), (accuracy, MODELS), (cpu, COMPONENTS)):
        for label, either in values.items():
            shown.labels(label).set(min(100, life.about(either, 0.05)))
    for component in COMPONENTS:
        memory.labels(component).set(life.about(BYTES))


def main() -> None:
    """Live."""
    show()
    server, _ = start_http_server(PORT, HOST, page)
    life.every(ROUND, coordinate)
    life.every((5, 5), show)
    life.run()
    server.shutdown()


if __name__ == "__main__":
    main()
