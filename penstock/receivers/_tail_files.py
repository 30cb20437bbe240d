"""The files that a receiver knows: which there are, which have something new, which went where."""

from __future__ import annotations

import json
import os
import stat
import time
import uuid
from typing import TYPE_CHECKING

from penstock._kernel import LogFile
from penstock.receivers._tail_find import find
from penstock.receivers._tail_known import Fingerprint, Gone, Key, Known, Mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from penstock._kernel import LogRules
    from penstock.receivers._tail_options import FileOptions

LINGER = 10.0
"""Seconds that a file is held open which is gone and does not grow: who writes it may not know."""

Found = dict[Key, tuple[str, os.stat_result]]
"""Regular files that there are, each by one of its paths."""


class Files:
    """Finds files and knows them again. Everything here belongs to one thread."""

    def __init__(
        self,
        options: FileOptions,
        rules: LogRules,
        trouble: Callable[[str, str, OSError | str], None],
        clock: Callable[[], float],
    ) -> None:
        """`trouble` is told of kinds of faults, of the path and the cause; `clock` never jumps."""
        self._options = options
        self._rules = rules
        self._trouble = trouble
        self._clock = clock
        self._present: dict[Key, Known] = {}
        self._lingering: dict[Key, Known] = {}
        self._skipped: dict[Key, tuple[int, int, int]] = {}
        self._opened: dict[Known, None] = {}
        self._gone = Gone()
        self._from_beginning = options.start_at == "beginning"
        self.forgotten: list[Known] = []
        """Those whose checkpoints have no use any more."""

    @property
    def open_files(self) -> int:
        """How many files are open."""
        return len(self._opened)

    @property
    def present(self) -> list[Known]:
        """The files that there are, and those that are gone and still open."""
        return [*self._present.values(), *self._lingering.values()]

    def new(self, path: str, fingerprint: Fingerprint, key: Key) -> Known:
        """A file of which nothing has been read."""
        log = LogFile(self._rules, self._options.is_compressed(path))
        return Known(log, path, key, fingerprint, uuid.uuid4().bytes)

    def restore(self, known: Iterable[Known]) -> None:
        """Remember files of an earlier run: what is new since then is read from its beginning."""
        for one in known:
            self._remember(one)
            self._from_beginning = True

    def poll(self) -> list[tuple[Known, bool]]:
        """Look for files. Those that are to be read, and whether all that they have is to be taken
        although the last entry may not be complete."""
        found = self._look()
        for key in self._present.keys() - found.keys():
            self._vanish(self._present.pop(key))
        new = found.keys() - self._present.keys()
        ready = [self._visit(key, *found[key]) for key in self._present]
        if new:
            present = {known.fingerprint: known for known in self._present.values()}
            # In the order of their paths, so that of two that are alike it is always the same.
            ready += [self._meet(key, *found[key], present) for key in found if key in new]
        # Only those of which no copy has turned up, which is read instead.
        ready += [self._visit_lingering(known) for known in tuple(self._lingering.values())]
        self._from_beginning = True
        return [one for one in ready if one is not None]

    def open(self, known: Known) -> bool:
        """Have a file open; whether it is, and is the one that is known."""
        self._opened.pop(known, None)
        try:
            if not known.log.is_open:
                known.log.open(known.path)
            if known.log.identity()[:2] != known.key:
                known.log.close()  # replaced since it was looked at: the next look shows by what
                return False
        except OSError as error:
            self._trouble("unreadable", known.path, error)
            return False
        self._opened[known] = None
        while len(self._opened) > self._options.max_concurrent_files:
            self.close(next(iter(self._opened)))
        return True

    def close(self, known: Known) -> None:
        """Have a file not open."""
        known.log.close()
        self._opened.pop(known, None)

    def fail(self, known: Known, error: OSError) -> None:
        """Tell that a file cannot be read, as it is now."""
        self._trouble("unreadable", known.path, error)
        self.close(known)

    def close_all(self) -> None:
        """Have no file open."""
        for known in tuple(self._opened):
            self.close(known)

    def _look(self) -> Found:
        found: Found = {}
        age = self._options.exclude_older_than
        for path in find(self._options.include, self._options.exclude):
            try:
                status = os.stat(path)  # noqa: PTH116  (of ten thousand files, five times a second)
            except FileNotFoundError:
                continue
            except OSError as error:
                self._trouble("unreadable", path, error)
                continue
            young = not age or status.st_mtime >= time.time() - age
            if stat.S_ISREG(status.st_mode) and young:
                found.setdefault((status.st_dev, status.st_ino), (path, status))
        return found

    def _vanish(self, known: Known) -> None:
        """Its path is not there any more. Who writes it may go on with that for a while."""
        self._skipped.clear()  # what began like it may be its copy
        self._remember(known)
        if known.log.is_open:
            known.grown = self._clock()
            self._lingering[known.key] = known

    def _remember(self, known: Known) -> None:
        if known.fingerprint.length and (forgotten := self._gone.add(known)):
            self._lingering.pop(forgotten.key, None)
            self.close(forgotten)
            self.forgotten.append(forgotten)

    def _visit(self, key: Key, path: str, status: os.stat_result) -> tuple[Known, bool] | None:
        known = self._present[key]
        if known.path != path:
            known.path = path
            self._describe(known, status)
        return self._news(known, (status.st_size, status.st_mtime_ns))

    def _visit_lingering(self, known: Known) -> tuple[Known, bool] | None:
        try:
            news = self._news(known, known.log.identity()[2:])
        except OSError as error:
            self._trouble("unreadable", known.path, error)
            news = None
        if news is None and self._clock() - known.grown > LINGER:
            self.close(known)
        if not known.log.is_open:
            del self._lingering[known.key]
        return news

    def _news(self, known: Known, seen: tuple[int, int]) -> tuple[Known, bool] | None:
        now = self._clock()
        if known.seen != seen:
            if not self._check(known, seen[0]):
                return None
            known.seen, known.grown = seen, now
            return known, False
        period = self._options.force_flush_period
        due = known.log.partial and period and now - known.grown >= period
        return (known, bool(due)) if due or known.log.held else None

    def _check(self, known: Known, size: int) -> bool:
        """Whether a file that has changed can be read. One that is less than it was, or begins in
        another way, is read from its beginning."""
        beginning = self._beginning(known)
        if beginning is None:
            return False
        less = size < known.log.offset and not self._options.is_compressed(known.path)
        if less or not known.fingerprint.begins(beginning):
            self._begin_anew(known)
        known.fingerprint = Fingerprint.of(beginning)
        return True

    def _begin_anew(self, known: Known) -> None:
        """What it held may be in a copy, which goes on where this was."""
        self._skipped.clear()
        past = self.new(known.path, known.fingerprint, known.key)
        past.log.seek(*known.accepted)
        past.accepted, past.id, known.id = known.accepted, known.id, past.id
        self._remember(past)
        known.log.seek(0, 0)
        known.accepted = Mark()

    def _beginning(self, known: Known) -> bytes | None:
        if not self.open(known):
            return None
        try:
            return known.log.beginning(self._options.fingerprint_size)
        except OSError as error:
            self._trouble("unreadable", known.path, error)
            return None

    def _meet(
        self, key: Key, path: str, status: os.stat_result, present: dict[Fingerprint, Known]
    ) -> tuple[Known, bool] | None:
        """A file that was not there before, or under another name or in another form."""
        seen = status.st_size, status.st_mtime_ns, status.st_ctime_ns
        if not status.st_size or self._skipped.get(key) == seen:
            return None
        known = self.new(path, Fingerprint.of(b""), key)
        beginning = self._beginning(known)
        if beginning is None:
            self.close(known)
            return None  # which may be otherwise at the next look
        if not beginning or self._is_twin(path, present.get(Fingerprint.of(beginning))):
            self.close(known)
            self._skipped[key] = seen
            return None
        known = self._recognized(known, beginning)
        known.fingerprint = Fingerprint.of(beginning)
        known.seen, known.grown = seen[:2], self._clock()
        self._present[key] = present[known.fingerprint] = known
        self._describe(known, status)
        return known, False

    def _is_twin(self, path: str, twin: Known | None) -> bool:
        if twin is not None:
            cause = f"it begins like {twin.path}; if it is no copy, raise fingerprint_size"
            self._trouble("duplicate", path, cause)
        return twin is not None

    def _recognized(self, new: Known, beginning: bytes) -> Known:
        """What the new file is: one that was gone, or a new one."""
        past = self._gone.find(beginning, new.key)
        if past is None:
            if not self._from_beginning:
                new.log.seek_end()
                new.accepted = Mark(new.log.offset)
            return new
        self._gone.remove(past)
        self._lingering.pop(past.key, None)
        self.close(past)
        new.log.seek(past.log.offset, past.log.number)
        new.accepted, new.id = past.accepted, past.id
        return new

    def _describe(self, known: Known, status: os.stat_result) -> None:
        known.log.describe(json.dumps(self._options.describe(known.path, status)))
