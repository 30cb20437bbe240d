"""The scraper of single processes."""

from __future__ import annotations

import pwd
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, TypeVar

import psutil

from penstock.receivers._host_process_points import Readings, stat
from penstock.receivers._host_scraper import FAULTS, Group, Problem, Scraper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from penstock.receivers._host import Host
    from penstock.receivers._host_filters import Filter
    from penstock.receivers._host_metrics import Table
    from penstock.receivers._host_scraper import Point

Read = TypeVar("Read")
_LONGEST = 4096
"""Characters of a command line that are told: a few are megabytes long."""


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
        self._readings = Readings(table, host)

    def scrape(self, problems: list[Problem]) -> Iterator[Group]:
        """One group for each process. Those that end meanwhile are left out."""
        look = _Look(self.host, self._wanted, problems)
        for pid in psutil.pids():
            with suppress(psutil.NoSuchProcess, ProcessLookupError):
                process = psutil.Process(pid)
                with process.oneshot():
                    if group := self._group(process, look):
                        yield group
        self._readings.forget()

    def _group(self, process: psutil.Process, look: _Look) -> Group | None:
        name = look.at("name", psutil.Process.name, process)
        if name is None or not self._wanted.names(name):
            return None
        created = process.create_time()
        if time.time() - created < self._wanted.delay:
            return None
        points: list[Point] = []
        for what, read in self._readings.of():
            points += look.at(what, read, process) or ()
        resource = look.resource(process, name)
        return Group(resource, int(created * 1000) * 1_000_000, points)


class _Look:
    """One look at all processes."""

    def __init__(self, host: Host, wanted: Wanted, problems: list[Problem]) -> None:
        self._host = host
        self._wanted = wanted
        self._problems = problems
        self._owner = cache(lambda uid: pwd.getpwuid(uid).pw_name)

    def at(
        self, what: str, read: Callable[[psutil.Process], Read], process: psutil.Process
    ) -> Read | None:
        """What is read of a process; `None` where it cannot be. Raises `NoSuchProcess`."""
        try:
            return read(process)
        except psutil.ZombieProcess:
            return None  # it has ended, and its parent has not asked for its status
        except (psutil.NoSuchProcess, ProcessLookupError):
            raise
        except FAULTS as error:
            if not self._wanted.mute_all and what not in self._wanted.muted:
                cause = f"process {process.pid}: {error!r}"
                self._problems.append(Problem(f"cannot read {what} of a process", cause))
            return None

    def resource(self, process: psutil.Process, name: str) -> dict[str, str | int]:
        """The attributes that a process is to have."""
        wanted, found = self._wanted.resource, dict[str, str | int | None]()
        found["process.pid"] = process.pid
        found["process.executable.name"] = name
        if "process.parent_pid" in wanted:
            found["process.parent_pid"] = self.at("parent", self._parent, process)
        if "process.executable.path" in wanted:
            found["process.executable.path"] = self.at("exe", psutil.Process.exe, process) or ""
        if wanted & {"process.command", "process.command_line"}:
            words = self.at("command", psutil.Process.cmdline, process) or [""]
            found["process.command"] = words[0][:_LONGEST]
            found["process.command_line"] = " ".join(words)[:_LONGEST]
        if "process.owner" in wanted:
            found["process.owner"] = self.at("user", self._user, process)
        if "process.cgroup" in wanted:
            found["process.cgroup"] = self.at("cgroup", self._cgroup, process) or ""
        return {k: value for k, value in found.items() if k in wanted and value is not None}

    def _parent(self, process: psutil.Process) -> int:
        """Psutil would first make sure that it is the same process, by looking for it anew."""
        return int(stat(self._host, process)[1])

    def _user(self, process: psutil.Process) -> str:
        return self._owner(process.uids().real)

    def _cgroup(self, process: psutil.Process) -> str:
        return self._host.text(f"{process.pid}/cgroup").removesuffix("\n")
