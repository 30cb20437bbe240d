"""Where a number comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.business.dry_run import dry_run
from penstock.business.explain import explain
from penstock.business.settings import Settings
from tests.business.recordings import recorded, span

if TYPE_CHECKING:
    from pathlib import Path

TASKS = {
    "kind": "count",
    "from": "spans",
    "window": "5m",
    "by": {"agent": {"value": 'attributes["agent"]', "limit": 2}},
}


def test_an_indicator_is_what_its_settings_say() -> None:
    settings = Settings.model_validate({"indicators": {"tasks": TASKS}})
    (found,) = explain(settings, "tasks", None)
    assert found.definition == TASKS
    assert (found.preset, found.account, found.numbers) == ("", None, [])


def test_it_is_told_which_indicators_are_of_the_preset() -> None:
    own = {"multi_agent_tasks": TASKS, "task_quality": {**TASKS, "window": "1m"}}
    settings = Settings.model_validate({"preset": "multi_agent", "indicators": own})
    presets = {
        name: next(explain(settings, name, None)).preset
        for name in ("conflict_resolution_rate", "multi_agent_tasks", "task_quality")
    }
    assert presets == {
        "conflict_resolution_rate": "multi_agent",
        "multi_agent_tasks": "",
        "task_quality": "",
    }


def test_a_formula_is_explained_with_all_that_it_is_made_of() -> None:
    indicators = {
        "tasks": TASKS,
        "twice": {"kind": "formula", "expression": "tasks + tasks"},
        "all": {"kind": "formula", "expression": "twice / tasks"},
    }
    settings = Settings.model_validate({"indicators": indicators})
    assert [it.name for it in explain(settings, "all", None)] == ["all", "twice", "tasks"]


def test_recorded_items_matched_or_not_or_had_no_room(tmp_path: Path) -> None:
    settings = Settings.model_validate({"indicators": {"tasks": TASKS, "other": TASKS}})
    agents = ["a", "a", "b", "c", "d"]
    spans = [span(1, attributes={"agent": agent}) for agent in agents]
    file = recorded(tmp_path / "a.json", [*spans, span(1)])
    (found,) = explain(settings, "tasks", dry_run(settings, [file]))
    assert found.account
    assert found.account.matched == 6
    assert found.account.left_out == {"missing_dimension": 1}
    assert found.account.folded == {"agent": 2}
    assert {it.attributes["agent"]: it.value for it in found.numbers} == {
        "a": 2,
        "b": 1,
        "other": 2,
    }
