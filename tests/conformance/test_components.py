"""What holds for every component file: it says what it is for, refuses what it does not know, opens
nothing before its start and leaves nothing behind, and listens on this machine alone.

That every option is described, and documented with its default, is `test_docs.py`'s.
"""

from __future__ import annotations

import ast
import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib import import_module
from importlib.resources import files
from inspect import getdoc
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from pydantic import BaseModel, ValidationError

from penstock.config.catalog import Kind, module_name, types
from penstock.config.components import config_class
from penstock.config.load import load_text
from penstock.config.types import HostPort
from penstock.config.types import addresses as config_addresses
from penstock.pipeline import Receiver, Stage
from penstock.pipeline.runner import Running
from tests.conformance.registry import LEAST, LISTENING
from tests.kit import context, copy_examples, in_loop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import ModuleType

    from penstock.config.settings import Settings
    from penstock.pipeline import Batch, Context
    from penstock.pipeline.component import ComponentConfig

COMPONENTS = [(kind, type_) for kind in Kind for type_ in types(kind)]

every_component = pytest.mark.parametrize(("kind", "type_"), COMPONENTS)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy_examples(tmp_path)
    monkeypatch.chdir(tmp_path)


def module(kind: Kind, type_: str) -> ModuleType:
    name = module_name(kind, type_)
    assert name is not None
    return import_module(name)


def least(kind: Kind, type_: str) -> ComponentConfig:
    return config_class(kind, type_).model_validate(LEAST.get((kind, type_), {}))


@asynccontextmanager
async def given(kind: Kind, type_: str) -> AsyncIterator[Context]:
    """What a component is built with."""
    pipeline = "traces" if kind is Kind.PROCESSORS else None
    async with context(type_, pipeline=pipeline) as made:
        yield made


async def start(component: Any) -> None:
    if isinstance(component, Receiver | Stage):
        await component.start(take)
    elif hasattr(component, "start"):
        await component.start()


async def stop(component: Any) -> None:
    if hasattr(component, "stop"):
        await component.stop()


async def take(_: Batch) -> None:
    """Take any batch."""


def opened() -> set[object]:
    """What this process has open: connections and files."""
    process = psutil.Process()
    listening = {(each.laddr, each.status) for each in process.net_connections(kind="inet")}
    return listening | {file.path for file in process.open_files()}


def listening() -> set[tuple[str, int]]:
    """The addresses that this process listens on, by TCP or UDP."""
    sockets = psutil.Process().net_connections(kind="inet")
    return {(it.laddr.ip, it.laddr.port) for it in sockets if it.laddr and not it.raddr}


@every_component
def test_a_component_says_what_it_is_for(kind: Kind, type_: str) -> None:
    purpose = (module(kind, type_).__doc__ or "").partition("\n")[0]
    assert purpose.endswith(".")
    assert 20 <= len(purpose) <= 97
    config = config_class(kind, type_)
    assert getdoc(config), "Config has no docstring"


@every_component
def test_options_stand_in_the_file_that_a_reader_opens(kind: Kind, type_: str) -> None:
    """`Config` is defined where the type's name leads, not imported from elsewhere."""
    path = module(kind, type_).__file__
    assert path is not None
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    assert "Config" in {node.name for node in tree.body if isinstance(node, ast.ClassDef)}


@every_component
def test_options_that_do_not_exist_are_refused(kind: Kind, type_: str) -> None:
    settings = LEAST.get((kind, type_), {}) | {"no_such_option": 1}
    with pytest.raises(ValidationError, match="no_such_option"):
        config_class(kind, type_).model_validate(settings)


@every_component
def test_what_is_not_here_is_no_option_and_says_what_to_do(kind: Kind, type_: str) -> None:
    config = config_class(kind, type_)
    assert config.not_here.keys() & config.model_fields.keys() == set()
    assert [option for option, remedy in config.not_here.items() if len(remedy) < 10] == []


@every_component
@in_loop
async def test_building_opens_nothing(kind: Kind, type_: str) -> None:
    before = opened()
    async with given(kind, type_) as made:
        least(kind, type_).build(made)  # type: ignore[attr-defined]
        assert opened() == before
        assert len(asyncio.all_tasks()) == 1


@every_component
@in_loop
async def test_stop_works_without_start(kind: Kind, type_: str) -> None:
    async with given(kind, type_) as made:
        component = least(kind, type_).build(made)  # type: ignore[attr-defined]
        await stop(component)
        await stop(component)


@every_component
@in_loop
async def test_what_was_started_can_be_stopped_twice_and_leaves_nothing_open(
    kind: Kind, type_: str
) -> None:
    before = opened()
    async with given(kind, type_) as made:
        component = least(kind, type_).build(made)  # type: ignore[attr-defined]
        await start(component)
        await stop(component)
        await stop(component)
    assert opened() - before == set()


def on_free_ports(value: Any) -> Any:
    """Settings with every address as it is, but on a free port."""
    if isinstance(value, HostPort):
        return HostPort(value.host, 0)
    if isinstance(value, BaseModel):
        return value.model_copy(update={name: on_free_ports(each) for name, each in value})
    return value


def is_of_this_machine(address: tuple[str, int]) -> bool:
    return ip_address(address[0]).is_loopback


@every_component
@in_loop
async def test_who_listens_does_so_on_this_machine_alone_unless_told_otherwise(
    kind: Kind, type_: str
) -> None:
    settings = LISTENING.get((kind, type_), LEAST.get((kind, type_), {}))
    config = on_free_ports(config_class(kind, type_).model_validate(settings))
    before = listening()
    async with given(kind, type_) as made:
        component = config.build(made)
        await start(component)
        found = listening() - before
        await stop(component)
    assert len(found) >= len(config.listens()), "it says that it listens, and does not"
    addresses = list(config_addresses(config))
    assert bool(found) == bool(addresses), "it listens, and does not say where"
    assert [address for address in found if not is_of_this_machine(address)] == []


async def listened_on(settings: Settings) -> set[tuple[str, int]]:
    """Where a service listens that runs by these settings, but on free ports."""
    page = settings.telemetry.page
    free = replace(
        settings,
        receivers={id_: on_free_ports(each) for id_, each in settings.receivers.items()},
        extensions={id_: on_free_ports(each) for id_, each in settings.extensions.items()},
        telemetry=replace(
            settings.telemetry, page=page and replace(page, address=on_free_ports(page.address))
        ),
    )
    before = listening()
    async with Running(free):
        return listening() - before


@in_loop
async def test_the_default_settings_listen_on_this_machine_alone() -> None:
    text = (files("penstock") / "default.yaml").read_text(encoding="utf-8")
    found = await listened_on(load_text(text, "default.yaml", {}))
    assert len(found) >= 4
    assert [address for address in found if not is_of_this_machine(address)] == []


@in_loop
async def test_the_metrics_page_is_for_this_machine_alone_unless_told_otherwise() -> None:
    text = """
    receivers: {otlp: {protocols: {grpc: }}}
    exporters: {nop: }
    service: {pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}
    """
    settings = load_text(text, "plain.yaml", {})
    assert settings.telemetry.page is not None
    found = await listened_on(replace(settings, receivers={}, exporters={}, pipelines={}))
    assert found
    assert [address for address in found if not is_of_this_machine(address)] == []
