"""The scraper of single processes."""

from __future__ import annotations

import pwd
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

import psutil

from penstock.receivers._host_process_files import ProcessFiles
from penstock.receivers._host_process_points import Readings
from penstock.receivers._host_scraper import FAULTS, Group, Problem, Scraper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from penstock.receivers._host import Host
    from penstock.receivers._host_filters import Filter
    from penstock.receivers._host_metrics import Table
    from penstock.receivers._host_scraper import Point

Read = TypeVar("Read")

_ENDED = (FileNotFoundError, ProcessLookupError)
"""What reading the files of a process raises that is there no more."""
_LONGEST = 4096
"""Characters of a command line that are told: a few are megabytes long."""
_MILLISECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which processes are told of, what their resources have, and which faults do not count."""

    names: Filter
    resource: frozenset[str]
    muted: frozenset[str]
    mute_all: bool
    delay: float
    """The age in seconds that a process must have."""


class Process(Scraper):
    """Tells of every process, each as a resource of its own."""

    def __init__(self, table: Table, host: Host, wanted: Wanted) -> None:
        super().__init__(table, host)
        self._wanted = wanted
        self._readings = Readings(table)

    def scrape(self, problems: list[Problem]) -> Iterator[Group]:
        """One group for each process. Those that end meanwhile are left out."""
        look = _Look(self._wanted, problems)
        boot = self.host.boot
        for pid in psutil.pids():
            with suppress(*_ENDED):
                files = look.at("name", lambda pid: ProcessFiles(self.host.proc, pid), pid)
                if files and (group := self._group(files, look, boot)):
                    yield group
        self._readings.forget()

    def _group(self, files: ProcessFiles, look: _Look, boot: int) -> Group | None:
        name = look.at("name", attrgetter("name"), files)
        if name is None or not self._wanted.names(name):
            return None
        start = boot + files.age * _MILLISECOND
        seconds = (time.time_ns() - start) / 1e9
        if seconds < self._wanted.delay:
            return None
        points: list[Point] = [("process.uptime", seconds, ())]
        for what, read in self._readings.enabled:
            points += look.at(what, read, files) or ()
        return Group(look.resource(files, name), start, points)


class _Look:
    """One look at all processes."""

    def __init__(self, wanted: Wanted, problems: list[Problem]) -> None:
        self._wanted = wanted
        self._problems = problems
        self._user = cache(lambda uid: pwd.getpwuid(uid).pw_name)

    def at(
        self, what: str, read: Callable[[Any], Read], subject: ProcessFiles | int
    ) -> Read | None:
        """What is read of a process; `None` where it cannot be. Raises one of `_ENDED`."""
        try:
            return read(subject)
        except _ENDED:
            raise
        except FAULTS as error:
            if not self._wanted.mute_all and what not in self._wanted.muted:
                pid = subject if isinstance(subject, int) else subject.pid
                cause = f"process {pid}: {error!r}"
                self._problems.append(Problem(f"cannot read {what} of a process", cause))
            return None

    def resource(self, files: ProcessFiles, name: str) -> dict[str, str | int]:
        """The attributes that a process is to have."""
        wanted, found = self._wanted.resource, dict[str, str | int | None]()
        found["process.pid"] = files.pid
        found["process.parent_pid"] = files.number(4)
        found["process.executable.name"] = name
        if "process.executable.path" in wanted:
            found["process.executable.path"] = self.at("exe", attrgetter("program"), files) or ""
        if wanted & {"process.command", "process.command_line"}:
            words = self.at("command", attrgetter("command"), files) or [""]
            found["process.command"] = words[0][:_LONGEST]
            found["process.command_line"] = " ".join(words)[:_LONGEST]
        if "process.owner" in wanted:
            found["process.owner"] = self.at("user", lambda it: self._user(it.owner), files)
        if "process.cgroup" in wanted:
            found["process.cgroup"] = self.at("cgroup", _cgroup, files) or ""
        return {k: value for k, value in found.items() if k in wanted and value is not None}


def _cgroup(files: ProcessFiles) -> str:
    return files.read("cgroup").decode("utf-8", "replace").removesuffix("\n")
