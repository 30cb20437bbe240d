"""The demonstration's settings load, listen where they should, and leave no system out."""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.business.presets import names
from penstock.config.load import load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.config.settings import Settings

DEPLOY = Path(__file__).parents[2] / "deploy"
SETTINGS = DEPLOY / "stack" / "penstock.yaml"
DEMO = DEPLOY / "demo"
NETWORK = {"LISTEN": "0.0.0.0"}


def settings(environ: dict[str, str]) -> Settings:
    found = load([str(SETTINGS)], environ=environ)
    assert found.warnings == ()
    return found


def hosts(settings: Settings) -> Iterator[str]:
    yield settings.receivers["statsd"].endpoint.host  # type: ignore[attr-defined]
    for section in (settings.receivers, settings.exporters, settings.extensions):
        for component in section.values():
            yield from (address.host for address in component.listens().values())


def test_only_this_machine_is_listened_to_unless_it_is_said_otherwise() -> None:
    found = list(hosts(settings({})))
    assert len(found) == 6
    assert all(ip_address(host).is_loopback for host in found)
    assert set(hosts(settings(NETWORK))) == {"0.0.0.0"}


def test_every_preset_has_its_own_spans() -> None:
    found = settings({})
    business = {
        id_: connector
        for id_, connector in found.connectors.items()
        if id_.startswith("business_metrics/")
    }
    assert sorted(it.preset for it in business.values()) == names()  # type: ignore[attr-defined]
    fed = [set(it.exporters) & set(business) for it in found.pipelines.values()]
    assert set.union(*fed) == set(business)


def test_every_system_is_routed_by_the_name_that_its_program_gives_it() -> None:
    given = {
        name
        for file in DEMO.glob("*.py")
        for name in re.findall(r'^life = Life\("([\w-]+)"', file.read_text(), re.MULTILINE)
    }
    assert len(given) == len(names())
    assert given == set(re.findall(r'"service.namespace"\] == "([\w-]+)"', SETTINGS.read_text()))


def test_what_comes_in_meets_the_memory_limit_first() -> None:
    found = settings({})
    for id_, pipeline in found.pipelines.items():
        if set(pipeline.receivers) & set(found.receivers):
            assert pipeline.processors[0] == "memory_limiter", id_
