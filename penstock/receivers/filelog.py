"""Read logs from files, as they grow and are rotated."""

from __future__ import annotations

import asyncio
import json
import time
from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar, Self, TypeVar

from pydantic import Field, model_validator

from penstock._kernel import LogRules
from penstock.pipeline import Receiver, Signal
from penstock.pipeline.faults import FaultLog
from penstock.pipeline.insist import Insister, pause
from penstock.pipeline.storage import STORAGE, StorageError, storage
from penstock.pipeline.telemetry.registry import Level
from penstock.pipeline.worker import Worker
from penstock.receivers._operators_options import AnyOperator, Container
from penstock.receivers._operators_program import names, program
from penstock.receivers._tail_checkpoints import Checkpoints
from penstock.receivers._tail_files import Files
from penstock.receivers._tail_options import FileOptions
from penstock.receivers._tail_reader import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from penstock.pipeline import Consume, Context
    from penstock.pipeline.telemetry.registry import Counter
    from penstock.receivers._tail_reader import Gathered

T = TypeVar("T")

_FAULTS = {
    "unreadable": "A file cannot be read",
    "duplicate": "A file is not read, since another one begins like it",
}


class Config(FileOptions):
    """Options of the `filelog` receiver, under the Collector's names."""

    signals: ClassVar[frozenset[Signal]] = frozenset({Signal.LOGS})

    storage: Annotated[str, STORAGE] = ""
    """The id of an extension that keeps how far files have been read; without one, nobody does."""
    operators: list[AnyOperator] = Field(default_factory=list)
    """What is made of entries, one step after the other."""

    not_here: ClassVar[Mapping[str, str]] = {
        "acquire_fs_lock": "files are read without locks; remove it",
        "delete_after_read": "nothing is ever deleted; have the files rotated",
        "header": "lines at the beginning are entries like others; drop them with a filter",
        "initial_buffer_size": "buffers grow as they need to; remove it",
        "max_batches": "files are read in turns however many they are; remove it",
        "ordering_criteria": "files are known again by how they begin; remove it",
        "polls_to_archive": "files that are gone are remembered, the last 10,000; remove it",
    }

    @model_validator(mode="after")
    def _can_be_run(self) -> Self:
        of_pods = (
            isinstance(it, Container) and it.add_metadata_from_filepath for it in self.operators
        )
        if any(of_pods) and not self.include_file_path:
            msg = (
                "container tells of pods by paths: set include_file_path to true, or "
                "add_metadata_from_filepath to false"
            )
            raise ValueError(msg)
        LogRules(self.rules())
        return self

    def rules(self) -> str:
        """What the kernel does with files."""
        return json.dumps(self.splitting() | {"operators": program(self.operators)})

    def build(self, context: Context) -> Receiver:
        """The receiver these settings describe."""
        return FileLog(self, context)


class FileLog(Receiver):
    """Reads what files have to say, a batch at a time. Until that has been taken it reads no
    further: what waits is in the files."""

    transports = ("file",)

    def __init__(self, config: Config, context: Context) -> None:
        self._config = config
        self._context = context
        self._operators = names(config.operators)
        self._faults = FaultLog(context.logger)
        files = Files(config, LogRules(config.rules()), self._trouble, time.monotonic)
        self._files = files
        self._reader = Reader(files, config.poll_interval, time.monotonic)
        self._worker = Worker(context.id)
        self._stopping = asyncio.Event()
        self._checkpoints: Checkpoints | None = None
        self._task: asyncio.Task[None] | None = None
        self._count(context)

    async def start(self, consume: Consume) -> None:
        """Begin to look for files. Raises `StartError` where there is no such storage."""
        self._worker.start()
        if self._config.storage:
            await self._on_disk(self._restore)
        self._task = self._context.tasks.create_task(self._run(consume))

    async def stop(self) -> None:
        """Read no more; returns when what was read has been taken."""
        self._stopping.set()
        self._insister.hurry()
        task, self._task = self._task, None
        if task is not None:
            await asyncio.wait([task])
        self._worker.end()

    async def _run(self, consume: Consume) -> None:
        while not self._stopping.is_set():
            gathered = await self._on_disk(self._reader.gather)
            await self._pass_on(gathered, consume)
            await pause(self._stopping, self._reader.rest)
        await self._end(consume)

    async def _on_disk(self, work: Callable[[], T]) -> T:
        outcome = await self._worker.call(work)
        if outcome.error:
            raise outcome.error
        value: T = outcome.value
        return value

    def _restore(self) -> None:
        store = storage(self._context, self._config.storage).open(f"receiver {self._context.id}")
        self._checkpoints = Checkpoints(store, time.monotonic)
        self._checkpoints.restore(self._files)

    async def _end(self, consume: Consume) -> None:
        """Pass on what waits for other parts, if nobody reads it again, and close the files."""
        if self._checkpoints is None:
            await self._pass_on(await self._on_disk(self._reader.finish), consume)
        await self._on_disk(self._files.close_all)
        if self._checkpoints is not None:
            await self._on_disk(partial(self._write, now=True))
            await self._on_disk(self._checkpoints.close)

    def _write(self, *, now: bool) -> None:
        assert self._checkpoints is not None
        try:
            self._checkpoints.write(now=now)
        except StorageError as error:
            self._faults.report("Not stored, how far files have been read", 0, error)

    async def _pass_on(self, gathered: Gathered, consume: Consume) -> None:
        if gathered.batch is not None:
            await self._insister.offer(consume, gathered.batch)
        for known, mark in gathered.marks.items():
            known.accepted = mark
            if self._checkpoints is not None:
                self._checkpoints.note(known)
        self._tell(gathered)
        if self._checkpoints is not None:
            while self._files.forgotten:
                self._checkpoints.forget(self._files.forgotten.pop())
            await self._on_disk(partial(self._write, now=False))

    def _tell(self, gathered: Gathered) -> None:
        for operator, entries in gathered.dropped:
            self._filtered[operator].add(entries)
        for operator, entries, offset, fault in gathered.faults:
            self._faulty[operator].add(entries)
            name = self._operators[operator]
            if not self._config.operators[operator].on_error.endswith("_quiet"):
                cause = f"{fault}, first at byte {offset} of a file"
                self._faults.report(f"The operator {name} can make nothing of it", entries, cause)

    def _trouble(self, reason: str, path: str, cause: OSError | str) -> None:
        self._unread[reason].add(1)
        text = cause if isinstance(cause, str) else cause.strerror or str(cause)
        self._faults.report(_FAULTS[reason], 0, f"{path}: {text}")

    def _count(self, context: Context) -> None:
        def count(what: str, meaning: str, unit: str, **labels: str) -> Counter:
            name, counter = f"penstock_receiver_{what}", context.telemetry.counter
            return counter(name, meaning, unit, Level.BASIC, receiver=context.id, **labels)

        no_stage = "Items taken over that no stage took."
        invalid = count("dropped_items", no_stage, "{item}", reason="invalid")
        self._insister = Insister(invalid, self._faults)
        unread = "Times that a file could not be read, by reason."
        self._unread = {r: count("unread_files", unread, "{time}", reason=r) for r in _FAULTS}
        filtered = "Entries that operators dropped on purpose."
        faulty = "Entries of which operators could make nothing."
        self._filtered, self._faulty = (
            [count(what, meaning, "{entry}", operator=name) for name in self._operators]
            for what, meaning in (("filtered_entries", filtered), ("faulty_entries", faulty))
        )
        for name, meaning, read in (
            ("open", "Files that are open.", lambda: self._files.open_files),
            ("reading", "Files that have more to be read.", lambda: self._reader.reading_files),
        ):
            gauge = f"otelcol_fileconsumer_{name}_files"
            context.telemetry.gauge(gauge, meaning, read, "{file}", receiver=context.id)
