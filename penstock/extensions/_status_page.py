"""The status page: how the service, its pipelines and their components are."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from penstock.config.types import Duration, UrlPath
from penstock.pipeline.status import Status, summary

if TYPE_CHECKING:
    from aiohttp import web

    from penstock.pipeline.status import Board, Report, State

_CHANGING = (Status.STARTING, Status.STOPPING, Status.STOPPED)


class Settings(BaseModel):
    """Base of the groups of options here: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StatusSettings(Settings):
    """The status page."""

    enabled: Literal[True] = True
    """Without it nothing would be left to answer: remove the extension instead."""
    path: UrlPath = "/status"
    """The path that it is at."""
    verbose: bool = False
    """Whether it shows components even to who does not ask for them with `?verbose`."""

    not_here: ClassVar[Mapping[str, str]] = {
        "include_attributes": "components have no attributes; remove it"
    }


class ComponentHealth(Settings):
    """Which errors of components the status page answers with 500."""

    include_permanent_errors: bool = False
    """Count errors that do not mend themselves."""
    include_recoverable_errors: bool = False
    """Count errors that may mend themselves, and have not for `recovery_duration`."""
    recovery_duration: Duration = 0.0
    """How long such an error may last before it counts."""

    @property
    def recoverable_first(self) -> bool:
        """Whether an error that may mend itself says more than one that does not."""
        return self.include_recoverable_errors and not self.include_permanent_errors

    def accepts(self, report: Report) -> bool:
        """Whether what is reported counts as healthy."""
        if report.status is Status.PERMANENT_ERROR:
            return not self.include_permanent_errors
        if report.status is Status.RECOVERABLE_ERROR and self.include_recoverable_errors:
            return time.monotonic() - report.moment < self.recovery_duration
        return report.status is not Status.FATAL_ERROR


@dataclass(frozen=True, slots=True)
class _Node:
    """What a component, a pipeline or the service reports, and what it consists of."""

    report: Report
    parts: dict[str, _Node] = field(default_factory=dict)


class StatusPage:
    """Answers in the form of the Collector's health check, version 2."""

    def __init__(self, settings: StatusSettings, health: ComponentHealth, board: Board) -> None:
        self._verbose = settings.verbose
        self._health = health
        self._groups = board.groups
        self._start_time = datetime.now(UTC)

    async def answer(self, request: web.Request) -> web.Response:
        """The status of the service or, with `?pipeline=ID`, of a pipeline."""
        from aiohttp import web

        verbose = request.query.get("verbose", "" if self._verbose else "false") != "false"
        node = self._find(request.query.get("pipeline", ""))
        if node is None:
            return web.json_response({"error": "there is no such pipeline"}, status=404)
        view = {"start_time": rfc3339(self._start_time), **self._view(node, verbose=verbose)}
        return web.json_response(view, status=self._code(node.report))

    def _find(self, pipeline: str) -> _Node | None:
        if not pipeline:
            return self._join({name: self._group(each) for name, each in self._groups.items()})
        states = self._groups.get(f"pipeline:{pipeline}")
        return self._group(states) if states else None

    def _group(self, states: Mapping[str, State]) -> _Node:
        return self._join({name: _Node(state.report) for name, state in states.items()})

    def _join(self, parts: dict[str, _Node]) -> _Node:
        health = self._health
        recoverable_first = (
            health.include_recoverable_errors and not health.include_permanent_errors
        )
        reports = (part.report for part in parts.values())
        return _Node(summary(reports, recoverable_first=recoverable_first), parts)

    def _view(self, node: _Node, *, verbose: bool) -> dict[str, Any]:
        report = node.report
        view: dict[str, Any] = {"healthy": self._health.accepts(report), "status": report.status}
        if report.error:
            view["error"] = report.error
        view["status_time"] = rfc3339(report.since)
        if verbose and node.parts:
            parts = node.parts.items()
            view["components"] = {name: self._view(part, verbose=True) for name, part in parts}
        return view

    def _code(self, report: Report) -> int:
        if report.status in _CHANGING:
            return 503
        return 200 if self._health.accepts(report) else 500


def rfc3339(moment: datetime) -> str:
    """`moment` as the Collector writes it; it is in UTC."""
    return moment.isoformat().replace("+00:00", "Z")
