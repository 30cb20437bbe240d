"""Every receiver keeps the contract, whatever its senders and the rest of the pipeline do."""

from __future__ import annotations

import asyncio

import pytest

from penstock.config.catalog import Kind, types
from tests.conformance.contract import SEEDS
from tests.conformance.receivers import SCENARIOS, Scenario, check_receiver
from tests.conformance.registry import CLIENTS


def test_every_receiver_is_checked() -> None:
    assert {client.type_ for client in CLIENTS.values()} == set(types(Kind.RECEIVERS))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("name", "scenario"),
    [
        pytest.param(name, scenario, id=f"{name}-{scenario.name}")
        for name, client in CLIENTS.items()
        for scenario in SCENARIOS
        if scenario.suits(client)
    ],
)
def test_a_receiver_keeps_the_contract(name: str, scenario: Scenario, seed: int) -> None:
    asyncio.run(check_receiver(CLIENTS[name], scenario, seed))
