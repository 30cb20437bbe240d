"""Check that what pipelines and extensions mention is there and fits, and is mentioned at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.config.catalog import Kind
from penstock.config.pipelines import ROLES, Defined, Pipeline, Use, uses_at
from penstock.config.problems import Path, hint
from penstock.pipeline.component import ComponentConfig, ProcessorConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.config.problems import Problems

_EXTENSIONS: Path = ("service", "extensions")


def check_wiring(
    pipelines: list[Pipeline], defined: Defined, problems: Problems
) -> dict[Kind, set[str]]:
    """Note in `problems` whatever keeps the pipelines from being built, and what is not used.

    What is mentioned, by kind, is returned.
    """
    wiring = _Wiring(defined, problems)
    for pipeline in pipelines:
        wiring.check_pipeline(pipeline)
    wiring.check_uses(uses_at(_EXTENSIONS, problems), (Kind.EXTENSIONS,))
    wiring.check_ambiguous()
    wiring.warn_unused()
    return wiring.used


def check_fits(
    pipelines: list[Pipeline],
    configs: Mapping[Kind, Mapping[str, ComponentConfig | None]],
    problems: Problems,
) -> None:
    """Note in `problems` which settings make no sense for the signal of a pipeline."""
    for pipeline in pipelines:
        for kind in (Kind.PROCESSORS, Kind.EXPORTERS):
            known = {**configs[kind], **configs[Kind.CONNECTORS]}
            for id_, path in pipeline.uses[kind]:
                config = known.get(id_)
                misfit = config.misfit(pipeline.signal) if config else None
                if misfit:
                    problems.add(path, f"`{id_}` does not fit here: {misfit}")


class _Wiring:
    def __init__(self, defined: Defined, problems: Problems) -> None:
        self._defined = defined
        self._problems = problems
        self.used: dict[Kind, set[str]] = {kind: set() for kind in Kind}

    def check_pipeline(self, pipeline: Pipeline) -> None:
        for role, uses in pipeline.uses.items():
            self.check_uses(uses, ROLES[role])
            self._check_signals(pipeline, role)
            if not uses and role is not Kind.PROCESSORS:
                message = f"a pipeline needs at least one {role.one}"
                self._problems.add((*pipeline.path, role.value), message)
        self._check_order(pipeline.uses[Kind.PROCESSORS])

    def check_uses(self, uses: list[Use], kinds: tuple[Kind, ...]) -> None:
        known = [id_ for kind in kinds for id_ in self._defined[kind]]
        seen: set[str] = set()
        for id_, path in uses:
            if id_ not in known:
                message = f"`{id_}` is not defined under {' or '.join(kinds)}{hint(id_, known)}"
                self._problems.add(path, message)
            elif id_ in seen:
                self._problems.add(path, f"`{id_}` is listed twice")
            seen.add(id_)
        for kind in kinds:
            self.used[kind] |= seen

    def _check_signals(self, pipeline: Pipeline, role: Kind) -> None:
        for id_, path in pipeline.uses[role]:
            config = self._defined[role].get(id_)
            if config and pipeline.signal not in config.signals:
                carried = " and ".join(sorted(config.signals)) or "nothing"
                message = f"`{id_}` cannot carry {pipeline.signal}; it carries {carried}"
                self._problems.add(path, message)

    def _check_order(self, uses: list[Use]) -> None:
        for id_, path in uses[1:]:
            config = self._defined[Kind.PROCESSORS].get(id_)
            if config and issubclass(config, ProcessorConfig) and config.first:
                message = f"`{id_}` does its work only as the first processor of a pipeline"
                self._problems.warn(path, message)

    def check_ambiguous(self) -> None:
        for id_ in self._defined[Kind.CONNECTORS]:
            for kind in (Kind.RECEIVERS, Kind.EXPORTERS):
                if id_ in self._defined[kind]:
                    message = (
                        f"also defined under {kind}; rename one, for pipelines may mean either"
                    )
                    self._problems.add((Kind.CONNECTORS.value, id_), message, key=True)

    def warn_unused(self) -> None:
        for kind, ids in self._defined.items():
            users = "service.extensions" if kind is Kind.EXTENSIONS else "any pipeline"
            for id_ in ids:
                if id_ not in self.used[kind]:
                    self._problems.warn((kind.value, id_), f"defined, but not used in {users}")
