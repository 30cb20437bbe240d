"""The pipelines as the file has them, before anything about them is known to be right.

They are read from the document and not from checked settings, so that a fault in one option does
not hide those of the wiring.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from penstock.config.catalog import Kind
from penstock.config.problems import Path, hint
from penstock.pipeline.batch import Signal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.config.problems import Problems
    from penstock.pipeline.component import ComponentConfig

Defined = dict[Kind, dict[str, "type[ComponentConfig] | None"]]
"""The ids under each kind, with the class of their settings where it could be found."""

PIPELINES: Path = ("service", "pipelines")

ROLES = {
    Kind.RECEIVERS: (Kind.RECEIVERS, Kind.CONNECTORS),
    Kind.PROCESSORS: (Kind.PROCESSORS,),
    Kind.EXPORTERS: (Kind.EXPORTERS, Kind.CONNECTORS),
}
"""The three lists of a pipeline, and where the ids in each may be defined."""


class Use(NamedTuple):
    """One mention of a component."""

    id: str
    path: Path


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline and what it mentions, by role."""

    id: str
    signal: Signal
    uses: dict[Kind, list[Use]]

    @property
    def path(self) -> Path:
        """Where it is in the document."""
        return (*PIPELINES, self.id)


def signal_of(pipeline: str) -> Signal | None:
    """The signal of a pipeline's id (`traces`, `traces/eu`), or `None` for what is no such id."""
    name, slash, rest = pipeline.partition("/")
    return Signal(name) if name in set(Signal) and bool(slash) == bool(rest) else None


def uses_at(path: Path, problems: Problems) -> list[Use]:
    """What the list at `path` mentions; items that are not text are left out."""
    return [Use(id_, where) for where, id_ in problems.document.strings(path)]


def read_pipelines(problems: Problems) -> Iterator[Pipeline]:
    """Every pipeline whose id names a signal; the others are noted in `problems`."""
    ids = problems.document.keys(PIPELINES)
    if not ids:
        problems.add(PIPELINES, "at least one pipeline is required")
    for id_ in ids:
        path = (*PIPELINES, id_)
        signal = signal_of(id_)
        if signal:
            uses = {role: uses_at((*path, role.value), problems) for role in ROLES}
            yield Pipeline(id_, signal, uses)
        else:
            near = hint(id_.partition("/")[0], Signal)
            message = f"expected traces, metrics or logs, then perhaps `/` and a name{near}"
            problems.add(path, message, key=True)
