"""Read settings: from their sources to `Settings`, or to everything that is wrong with them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from penstock.config.catalog import Kind
from penstock.config.check import check
from penstock.config.components import config_class
from penstock.config.deprecated import modernised
from penstock.config.links import check_leads, check_links
from penstock.config.pipelines import Defined, Pipeline, read_pipelines
from penstock.config.ports import Listener, check_ports, listeners
from penstock.config.problems import Problems
from penstock.config.read import read, read_text
from penstock.config.references import check_references
from penstock.config.service import Root, ServiceSection
from penstock.config.settings import PipelineSettings, Settings
from penstock.config.wiring import check_fits, check_wiring
from penstock.pipeline.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from importlib.resources.abc import Traversable

    from penstock.config.document import Document
    from penstock.pipeline.component import ComponentConfig


def load(
    sources: Iterable[str | Traversable],
    sets: Iterable[str] = (),
    environ: Mapping[str, str] = os.environ,
) -> Settings:
    """Read and merge `sources`, then `sets` such as `processors.batch.timeout=2s`.

    A source is a file (which may also be one inside a package), the path of a file or a folder, or
    has a scheme: `file:PATH`, `yaml:TEXT`, `env:NAME`. Raises `ConfigError` with every problem.
    """
    return check_document(read(sources, sets, environ)).settings


def load_text(text: str, name: str, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read YAML text; `name` stands for it in reports. Raises `ConfigError` as `load` does."""
    return check_document(read_text(text, name, environ)).settings


class Checked(NamedTuple):
    """What a document holds: the settings, and their `service` section as it is written."""

    settings: Settings
    service: ServiceSection


def check_document(document: Document) -> Checked:
    """The settings that a document holds. Raises `ConfigError` with everything wrong with it."""
    problems = Problems(modernised(document))
    root = check(Root, (), problems)
    defined: Defined = {kind: _classes(kind, problems) for kind in Kind}
    configs = {kind: _configs(kind, defined, problems) for kind in Kind}
    pipelines = list(read_pipelines(problems))
    used = check_wiring(pipelines, defined, problems)
    check_links(pipelines, defined, problems)
    check_leads(pipelines, configs[Kind.CONNECTORS], problems)
    check_fits(pipelines, configs, problems)
    check_ports([*_listeners(configs, used), *_page(root)], problems)
    check_references(configs, problems)
    problems.raise_any()
    assert root
    return Checked(_settings(root.service, configs, pipelines, problems), root.service)


def _classes(kind: Kind, problems: Problems) -> dict[str, type[ComponentConfig] | None]:
    return {id_: _class(kind, id_, problems) for id_ in problems.document.keys((kind.value,))}


def _class(kind: Kind, id_: str, problems: Problems) -> type[ComponentConfig] | None:
    try:
        return config_class(kind, id_)
    except ConfigError as error:
        problems.add((kind.value, id_), str(error), key=True)
        return None


def _configs(kind: Kind, defined: Defined, problems: Problems) -> dict[str, Any]:
    classes = defined[kind].items()
    return {id_: check(found, (kind.value, id_), problems) for id_, found in classes if found}


def _listeners(
    configs: dict[Kind, dict[str, Any]], used: dict[Kind, set[str]]
) -> Iterator[Listener]:
    """Where the components listen that will be started and whose settings could be read."""
    for kind, found in configs.items():
        for id_ in used[kind] & {id_ for id_, config in found.items() if config}:
            yield from listeners((kind.value, id_), found[id_])


def _page(root: Root | None) -> Iterator[Listener]:
    address = root.service.telemetry.settings().metrics if root else None
    if address:
        yield Listener(("service", "telemetry", "metrics"), address)


def _settings(
    service: ServiceSection,
    configs: dict[Kind, dict[str, Any]],
    pipelines: list[Pipeline],
    problems: Problems,
) -> Settings:
    return Settings(
        receivers=configs[Kind.RECEIVERS],
        processors=configs[Kind.PROCESSORS],
        exporters=configs[Kind.EXPORTERS],
        connectors=configs[Kind.CONNECTORS],
        extensions=configs[Kind.EXTENSIONS],
        pipelines={
            it.id: PipelineSettings(it.id, it.signal, **service.pipelines[it.id].model_dump())
            for it in pipelines
        },
        service_extensions=service.extensions,
        telemetry=service.telemetry.settings(),
        warnings=problems.warnings,
    )
