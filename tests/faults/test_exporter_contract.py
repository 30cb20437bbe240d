"""Every exporter keeps the contract, whatever its back end does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from penstock.config.catalog import Kind, types
from tests.conformance.contract import SEEDS
from tests.conformance.exporters import SCENARIOS, Scenario, check_exporter
from tests.conformance.registry import BACK_ENDS

if TYPE_CHECKING:
    from pathlib import Path


def test_every_exporter_is_checked() -> None:
    assert {back_end.type_ for back_end in BACK_ENDS.values()} == set(types(Kind.EXPORTERS))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("name", "scenario"),
    [
        pytest.param(name, scenario, id=f"{name}-{scenario.name}")
        for name, back_end in BACK_ENDS.items()
        for scenario in SCENARIOS
        if scenario.suits(back_end)
    ],
)
def test_an_exporter_keeps_the_contract(
    name: str, scenario: Scenario, seed: int, tmp_path: Path
) -> None:
    asyncio.run(check_exporter(BACK_ENDS[name], scenario, tmp_path, seed))
