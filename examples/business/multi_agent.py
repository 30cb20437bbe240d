"""Three agents that share work: tasks, waiting, conflicts, and what they need from each other."""

from __future__ import annotations

from past import Past, read_arguments

TASKS = {"alpha": (12, 10), "beta": (4, 30), "gamma": (1, 40)}
"""By agent: how many tasks it completed, and how many seconds each took."""

WAITS = {"beta": 60, "gamma": 40}

DEPENDENCIES = {"schema": 30, "dataset": 90}
"""Seconds until what a task needed was there."""

QUALITY = [1.0, 0.75, 0.5]
"""Of the first tasks: the others were not judged."""

OUTCOMES = ["resolved"] * 8 + ["escalated"] * 2
"""Of conflicts."""


def main() -> None:
    """Tell of five minutes."""
    past = Past("multi-agent", read_arguments(__doc__ or ""))
    judged = iter({"task.quality": score} for score in QUALITY)
    for agent, (count, seconds) in TASKS.items():
        for number in range(count):
            attributes = {"agent.id": agent, **next(judged, {})}
            past.span("agent.task", 20 * number, seconds, attributes)
    past.span("agent.task", 100, 20, {"agent.id": "gamma"}, failed=True)
    for agent, seconds in WAITS.items():
        past.span("agent.wait", 150, seconds, {"agent.id": agent})
    for number, outcome in enumerate(OUTCOMES):
        past.event("conflict.closed", 10 * number, {"conflict.outcome": outcome})
    for dependency, seconds in DEPENDENCIES.items():
        past.event("dependency.requested", 100, {"dependency.id": dependency})
        past.event("dependency.resolved", 100 + seconds, {"dependency.id": dependency})
    past.send()


if __name__ == "__main__":
    main()
