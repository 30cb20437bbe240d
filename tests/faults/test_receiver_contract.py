"""Every receiver keeps the contract, whatever its senders and the rest of the pipeline do."""

from __future__ import annotations

import asyncio

import pytest

from penstock.config.catalog import Kind, types
from tests.conformance.contract import SEEDS
from tests.conformance.gathered import check_gathered
from tests.conformance.pulled import check_pulled
from tests.conformance.receivers import SCENARIOS, Scenario, check_receiver
from tests.conformance.registry import CLIENTS, GATHERED, LOOKING, PULLED


def test_every_receiver_is_checked() -> None:
    checked = {it.type_ for it in CLIENTS.values()} | {it.type_ for it in PULLED.values()}
    gathered = {it.type_ for it in GATHERED.values()}
    assert checked | gathered | LOOKING == set(types(Kind.RECEIVERS))


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


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "scenario", [it for it in SCENARIOS if not it.cancels], ids=lambda it: it.name
)
@pytest.mark.parametrize("name", PULLED)
def test_a_receiver_that_asks_keeps_the_contract(name: str, scenario: Scenario, seed: int) -> None:
    asyncio.run(check_pulled(PULLED[name], scenario, seed))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "scenario",
    [it for it in SCENARIOS if not (it.fault or it.cancels or it.deadline)],
    ids=lambda it: it.name,
)
@pytest.mark.parametrize("name", GATHERED)
def test_a_receiver_that_gathers_keeps_the_contract(
    name: str, scenario: Scenario, seed: int
) -> None:
    asyncio.run(check_gathered(GATHERED[name], scenario, seed))
