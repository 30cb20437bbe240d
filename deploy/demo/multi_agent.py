"""System E, a framework of agents: workflows, whose tasks they share.

How the framework itself does is pushed to a gateway, as Prometheus' clients do it.
"""

from __future__ import annotations

import os
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from life import LOG, Life
from opentelemetry.trace import SpanKind
from prometheus_client import CollectorRegistry, Gauge, push_to_gateway

if TYPE_CHECKING:
    from opentelemetry.context import Context

AGENTS = {"alpha": (1.0, 1.0), "beta": (1.5, 1.5), "gamma": (2.0, 2.0)}
"""Seconds that a task takes each, as it is and during an incident. A workflow is told when all are
over, so they are short: what is late does not count."""

WORKFLOW = (6.0, 9.0)
"""Seconds from one to the next; of what follows, too."""
CONFLICT = (10.0, 3.0)
DEPENDENCY = (8.0, 8.0)

TASKS_FAILED = (0.03, 0.3)
WAIT = (0.2, 1.0)
QUALITY = (0.88, 0.6)
RESOLVED = (0.95, 0.2)
RESOLUTION = (5.0, 15.0)
"""Seconds until what a task depends on is there."""

COMPONENTS = {"business": (1.0, 1.0), "tracing": (1.0, 1.0), "alerting": (1.0, 0.4)}
"""The health of the framework's parts, from 0 to 1."""

GATEWAY = os.environ.get("PROMETHEUS_GATEWAY", "http://127.0.0.1:9091")

life = Life("multi-agent", __doc__ or "")
framework = life.service("multi-agent")
agents = {agent: life.service(agent) for agent in AGENTS}
workflows, dependencies = count(1), count(1)

pushed = CollectorRegistry()
health = Gauge("multi_agent_component_health_score", "Of parts.", ["component"], registry=pushed)
overall = Gauge("multi_agent_health_score", "Of the framework.", registry=pushed)
traces = Gauge("multi_agent_active_traces", "Workflows that go on.", registry=pushed)


def run_workflow() -> None:
    """A workflow: each agent waits for its turn, and does its task."""
    steps = [(agent, life.takes(WAIT), life.takes(it, 0.2)) for agent, it in AGENTS.items()]
    left = sum(wait + work for _, wait, work in steps)
    number = next(workflows)
    workflow = framework.span("workflow.run", left + 0.1, {"workflow.id": f"workflow-{number}"})
    for agent, wait, work in steps:
        left -= wait + work
        do_task(agent, wait, work, left, workflow)
    framework.log(f"workflow-{number} is complete", workflow)


def do_task(agent: str, wait: float, work: float, ago: float, workflow: Context) -> None:
    """A task that an agent was sent after a wait, and what it was worth."""
    service, whose, began = agents[agent], {"agent.id": agent}, ago + work
    service.span("agent.wait", wait, whose, ago=began, parent=workflow)
    sent = framework.span("tasks send", 0.01, ago=began, parent=workflow, kind=SpanKind.PRODUCER)
    got = service.span("tasks receive", work, ago=ago, parent=sent, kind=SpanKind.CONSUMER)
    failed, quality = life.happens(TASKS_FAILED), min(1.0, life.about(QUALITY, 0.2))
    judged = whose | {"task.quality": quality}
    task = service.span("agent.task", work, judged, ago=ago, parent=got, failed=failed)
    service.log(f"{agent} ended a task", task, failed=failed)


def close_conflict() -> None:
    """Agents that wanted different things agree, or somebody decides for them."""
    outcome = "resolved" if life.happens(RESOLVED) else "escalated"
    framework.event("conflict.closed", {"conflict.outcome": outcome})


def depend() -> None:
    """A task needs what another agent has yet to make."""
    dependency = {"dependency.id": f"dependency-{next(dependencies)}"}
    framework.event("dependency.requested", dependency)
    resolved = partial(framework.event, "dependency.resolved", dependency)
    life.later(life.takes(RESOLUTION), resolved)


def push() -> None:
    """How the framework does; what nobody takes is lost."""
    for component, either in COMPONENTS.items():
        health.labels(component).set(life.now(either))
    overall.set(min(life.now(either) for either in COMPONENTS.values()))
    traces.set(round(life.about((3.0, 9.0), 0.6)))
    try:
        push_to_gateway(GATEWAY, "multi-agent", pushed, timeout=5)
    except OSError as error:
        LOG.warning("%s: %s", GATEWAY, error)


def main() -> None:
    """Live."""
    life.every(WORKFLOW, run_workflow)
    life.every(CONFLICT, close_conflict)
    life.every(DEPENDENCY, depend)
    life.every((10, 10), push)
    life.run()


if __name__ == "__main__":
    main()
