"""Check that connectors join pipelines: both ends used, signals that fit, no circle."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from penstock.config.catalog import Kind
from penstock.config.problems import hint
from penstock.pipeline.component import ConnectorConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.config.pipelines import Defined, Pipeline
    from penstock.config.problems import Path, Problems
    from penstock.pipeline.batch import Signal


class _End(NamedTuple):
    """A pipeline that ends in a connector or starts from one, and where it says so."""

    pipeline: Pipeline
    path: Path

    @property
    def signal(self) -> Signal:
        return self.pipeline.signal


class _Link(NamedTuple):
    """A connector and the pipelines at its ends."""

    id: str
    config: type[ConnectorConfig]
    sources: list[_End]
    targets: list[_End]

    def joins(self, source: _End, target: _End) -> bool:
        return target.signal in self.config.converts.get(source.signal, ())


def check_links(pipelines: list[Pipeline], defined: Defined, problems: Problems) -> None:
    """Note in `problems` every connector that does not lead from some pipeline to another."""
    links = [
        _Link(
            id_,
            config,
            _ends(id_, Kind.EXPORTERS, pipelines),
            _ends(id_, Kind.RECEIVERS, pipelines),
        )
        for id_, config in defined[Kind.CONNECTORS].items()
        if config and issubclass(config, ConnectorConfig)
    ]
    for link in links:
        _check_sources(link, problems)
        _check_targets(link, problems)
    _check_circles(links, problems)


def check_leads(
    pipelines: list[Pipeline],
    connectors: Mapping[str, ConnectorConfig | None],
    problems: Problems,
) -> None:
    """Note in `problems` which pipelines connectors name in vain, and which they do not name."""
    ids = [pipeline.id for pipeline in pipelines]
    for id_, config in connectors.items():
        named = config.leads_to() if config else {}
        fed = {end.pipeline.id: end.path for end in _ends(id_, Kind.RECEIVERS, pipelines)}
        for path, target in named.items():
            where = (Kind.CONNECTORS.value, id_, *path)
            if target not in ids:
                problems.add(where, f"there is no pipeline `{target}`{hint(target, ids)}")
            elif target not in fed:
                message = f"`{target}` does not have `{id_}` under receivers; put it there"
                problems.add(where, message)
        for target in fed.keys() - set(named.values()) if named else ():
            problems.warn(fed[target], f"`{id_}` gives it nothing: no option names `{target}`")


def _ends(id_: str, role: Kind, pipelines: list[Pipeline]) -> list[_End]:
    return [
        _End(pipeline, use.path)
        for pipeline in pipelines
        for use in pipeline.uses[role]
        if use.id == id_
    ]


def _check_sources(link: _Link, problems: Problems) -> None:
    for source in link.sources:
        if any(link.joins(source, target) for target in link.targets):
            continue
        made = " or ".join(sorted(link.config.converts.get(source.signal, ())))
        message = f"no {made} pipeline has it under receivers" if made else "it cannot take them"
        problems.add(source.path, f"`{link.id}` has nowhere to pass {source.signal} on: {message}")


def _check_targets(link: _Link, problems: Problems) -> None:
    for target in link.targets:
        if any(link.joins(source, target) for source in link.sources):
            continue
        taken = [signal for signal, made in link.config.converts.items() if target.signal in made]
        wanted = " or ".join(sorted(taken))
        message = f"no {wanted} pipeline has it under exporters" if wanted else "it makes none"
        problems.add(target.path, f"`{link.id}` gets no {target.signal} from anywhere: {message}")


def _check_circles(links: list[_Link], problems: Problems) -> None:
    """Note each circle at one of its connectors, and open it there to find the next."""
    edges = {
        (source.pipeline.id, target.pipeline.id): (link.id, source.path)
        for link in links
        for source in link.sources
        for target in link.targets
        if link.joins(source, target)
    }
    while circle := _circle(list(edges)):
        steps = list(pairwise(circle))
        names = [name for step in steps for name in (step[0], edges[step][0])]
        _, path = edges.pop(steps[0])
        problems.add(path, f"telemetry would go round for ever: {' → '.join([*names, circle[0]])}")


def _circle(edges: list[tuple[str, str]]) -> list[str]:
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for source, target in edges:
        sorter.add(target, source)
    try:
        sorter.prepare()
    except CycleError as error:
        return list(error.args[1])
    return []
