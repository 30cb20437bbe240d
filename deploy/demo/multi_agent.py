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

AGENTS = {"alpha": (2.0, 2.5), "beta": (3.0, 6.0), "gamma": (4.0, 9.0)}
"""Seconds that a task takes each, as it is and during an incident."""

WORKFLOW = (6.0, 9.0)
"""Seconds from one to the next; of what follows, too."""
CONFLICT = (10.0, 3.0)
DEPENDENCY = (8.0, 8.0)

TASKS_FAILED = (0.03, 0.3)
WAIT = (0.4, 6.0)
QUALITY = (0.88, 0.6)
RESOLVED = (0.95, 0.2)
RESOLUTION = (5.0, 40.0)
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
    """A workflow: each agent does its task, one after the other."""
    takes = {agent: life.takes(seconds, 0.2) for agent, seconds in AGENTS.items()}
    waits = {agent: life.takes(WAIT) for agent in AGENTS}
    left = sum(takes.values()) + sum(waits.values())
    number = next(workflows)
    workflow = framework.span("workflow.run", left + 0.1, {"workflow.id": f"workflow-{number}"})
    for agent in AGENTS:
        left -= waits[agent]
        sent = framework.span("tasks send", 0.01, ago=left, parent=workflow, kind=SpanKind.PRODUCER)
        got = agents[agent].span(
            "tasks receive",
            takes[agent],
            ago=left - takes[agent],
            parent=sent,
            kind=SpanKind.CONSUMER,
        )
        agents[agent].span(
            "agent.wait", waits[agent], {"agent.id": agent}, ago=left, parent=workflow
        )
        left -= takes[agent]
        do_task(agent, takes[agent], left, got)
    framework.log(f"workflow-{number} is complete", workflow)


def do_task(agent: str, seconds: float, ago: float, within: Context) -> None:
    """A task of an agent, and what it was worth."""
    failed = life.happens(TASKS_FAILED)
    judged = {"agent.id": agent, "task.quality": min(1.0, life.about(QUALITY, 0.2))}
    task = agents[agent].span("agent.task", seconds, judged, ago=ago, parent=within, failed=failed)
    agents[agent].log(f"{agent} ended a task", task, failed=failed)


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
