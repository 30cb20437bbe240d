"""System A, an AI orchestrator hub: agents in one process, which work on tasks for a console."""

from __future__ import annotations

from functools import partial

from life import Either, Life
from opentelemetry.trace import SpanKind

AGENTS = {"planner": 0.85, "coder": 0.95, "reviewer": 0.75, "tester": 0.9}
"""By agent: the share of its time for which it works."""

TASK = (4.0, 4.0)
"""Seconds from one task of an agent to the next, as it is and during an incident."""
FAILURES = (0.02, 0.45)
CHECKS_FAILED = (0.0, 0.2)
SCORES = (4.4, 2.6)
HEALTH = (0.94, 0.52)
QUEUE = (6.0, 70.0)

GAUGES = {
    "cpu_usage_percent": (42.0, 97.0),
    "memory_usage_percent": (61.0, 97.0),
    "memory_usage_bytes": (5.1e9, 8.2e9),
    "connections": (120.0, 410.0),
    "load_average": (1.6, 9.0),
}
"""What the process needs of its host."""

TOTALS: dict[str, tuple[str, dict[str, Either]]] = {
    "disk_operations_total": ("direction", {"read": (160.0, 800.0), "write": (90.0, 600.0)}),
    "network_bytes_total": ("direction", {"in": (4.0e5, 1.5e6), "out": (3.0e5, 1.2e6)}),
    "agents_lifecycle_total": ("event", {"created": (1, 1), "started": (1, 3), "stopped": (1, 3)}),
    "alerts_total": ("severity", {"info": (2, 1), "warning": (1, 3), "critical": (0, 4)}),
}
"""What is added every ten seconds, by the values of a label."""

CORES = 4
BOUNDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

life = Life("ai-orchestrator", __doc__ or "")
hub = life.service("ai-orchestrator")
console = life.service("console")


def work(agent: str) -> None:
    """A task that an agent took up for the console, and for which it asked a model."""
    seconds = life.takes(TASK, 0.05) * AGENTS[agent]
    failed = life.happens(FAILURES)
    status = "failure" if failed else "success"
    asked = console.span("POST /tasks", seconds + 0.3, kind=SpanKind.CLIENT, failed=failed)
    request = {"http.route": "/tasks", "http.response.status_code": 500 if failed else 200}
    served = hub.span("POST /tasks", seconds + 0.2, request, parent=asked, kind=SpanKind.SERVER)
    task = hub.span("agent.task", seconds, {"agent.name": agent}, parent=served, failed=failed)
    thought = seconds * life.about((0.7, 0.7))
    model = {"peer.service": "model-api", "gen_ai.operation.name": "chat"}
    hub.span("chat", thought, model, ago=0.1, parent=task, kind=SpanKind.CLIENT, failed=failed)
    hub.count("ai_orchestrator_tasks_total", {"agent": agent, "status": status})
    hub.took("ai_orchestrator_agent_response_time_seconds", thought, {"agent": agent}, BOUNDS)
    hub.took("ai_orchestrator_task_processing_time_seconds", seconds, None, BOUNDS)
    if failed:
        hub.log(f"{agent} gave up on a task: the model did not answer", task, failed=True)
        hub.count("ai_orchestrator_errors_total", {"agent": agent})
    else:
        hub.log(f"{agent} completed a task", task)


def show_agent(agent: str) -> None:
    """How an agent does, and what it needs."""
    labels = {"agent": agent}
    shown = {
        "health_score": life.about(HEALTH),
        "error_rate": life.about(FAILURES),
        "utilization_percent": 100 * AGENTS[agent] * life.about((0.97, 1.0), 0.05),
        "cpu_usage_percent": life.about((9.0, 23.0), 0.4),
        "memory_usage_bytes": life.about((2.1e8, 4.0e8)),
    }
    for name, value in shown.items():
        hub.show(f"ai_orchestrator_agent_{name}", value, labels)
    hub.count("ai_orchestrator_agent_network_bytes_total", labels, life.about((9.0e4, 2.0e5)))


def show_system() -> None:
    """What the process needs, and how it does as a whole."""
    for name, either in GAUGES.items():
        hub.show(f"ai_orchestrator_{name}", life.about(either, 0.02))
    for core in range(CORES):
        percent = life.about(GAUGES["cpu_usage_percent"], 0.02)
        hub.show("ai_orchestrator_cpu_core_usage_percent", percent, {"core": str(core)})
    hub.show("ai_orchestrator_system_health_score", life.about(HEALTH, 0.05))
    hub.show("ai_orchestrator_task_queue_length", round(life.about(QUEUE, 0.8)))


def add_up() -> None:
    """What only grows."""
    for name, (label, values) in TOTALS.items():
        for value, either in values.items():
            hub.count(f"ai_orchestrator_{name}", {label: value}, round(life.about(either)))


def check() -> None:
    """The hub looks after itself."""
    hub.span("hub.health_check", 0.05, failed=life.happens(CHECKS_FAILED))


def hear() -> None:
    """A customer says what a result was worth."""
    score = min(5, max(1, round(life.about(SCORES, 0.5))))
    hub.event("customer.feedback", {"feedback.score": score})


def main() -> None:
    """Live."""
    for agent in AGENTS:
        life.every(TASK, partial(work, agent))
        life.every((5, 5), partial(show_agent, agent))
    life.every((5, 5), show_system)
    life.every((10, 10), add_up)
    life.every((5, 5), check)
    life.every((6, 6), hear)
    life.run()


if __name__ == "__main__":
    main()
