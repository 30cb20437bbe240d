"""Two agents of an orchestrator: tasks, health checks, and what customers say of results."""

from __future__ import annotations

from past import Past, read_arguments

TASKS = {
    "planner": [(10, 30), (60, 45), (120, 60), (130, 20)],
    "coder": [(0, 100), (150, 30), (200, 60), (270, 10), (285, 5)],
}
"""When each agent began a task that was completed, and how many seconds it took."""

FAILED = ("coder", 100, 50)

CHECKS = ["well"] * 5 + ["unwell"] + ["well"] * 4

SCORES = [5, 4, 4, 3]


def main() -> None:
    """Tell of five minutes."""
    past = Past("orchestrator-hub", read_arguments(__doc__ or ""))
    for agent, tasks in TASKS.items():
        for at, seconds in tasks:
            past.span("agent.task", at, seconds, {"agent.name": agent})
    agent, at, seconds = FAILED
    past.span("agent.task", at, seconds, {"agent.name": agent}, failed=True)
    for number, found in enumerate(CHECKS):
        past.span("hub.health_check", 30 * number, 0.05, {}, failed=found == "unwell")
    for number, score in enumerate(SCORES):
        past.event("customer.feedback", 200 + number, {"feedback.score": score})
    for at in (250, 270, 280):
        past.error("an agent did not answer", at)
    past.send()


if __name__ == "__main__":
    main()
