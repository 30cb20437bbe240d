"""Read logs from files, as they grow and are rotated."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, ClassVar, Self, TypeVar

from pydantic import Field, model_validator

from penstock._kernel import LogRules
from penstock.pipeline import Receiver, Signal
from penstock.pipeline.faults import FaultLog
from penstock.pipeline.insist import Insister, pause
from penstock.pipeline.telemetry.registry import Level
from penstock.pipeline.worker import Worker
from penstock.receivers._operators_options import AnyOperator, Container
from penstock.receivers._operators_program import names, program
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
        "retry_on_failure": "what is refused is always offered again until it is taken; remove it",
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
        self._task: asyncio.Task[None] | None = None
        self._count(context)

    async def start(self, consume: Consume) -> None:
        """Begin to look for files."""
        self._worker.start()
        self._task = self._context.tasks.create_task(self._run(consume))

    async def stop(self) -> None:
        """Read no more; returns when what was read has been taken."""
        self._stopping.set()
        self._insister.hurry()
        task, self._task = self._task, None
        if task is not None:
            await asyncio.wait([task])

    async def _run(self, consume: Consume) -> None:
        try:
            while not self._stopping.is_set():
                gathered = await self._on_disk(self._reader.gather)
                await self._pass_on(gathered, consume)
                await pause(self._stopping, self._reader.rest)
            await self._on_disk(self._files.close_all)
        finally:
            self._worker.end()

    async def _on_disk(self, work: Callable[[], T]) -> T:
        outcome = await self._worker.call(work)
        if outcome.error:
            raise outcome.error
        value: T = outcome.value
        return value

    async def _pass_on(self, gathered: Gathered, consume: Consume) -> None:
        if gathered.batch is not None:
            await self._insister.offer(consume, gathered.batch)
        for known, mark in gathered.marks.items():
            known.accepted = mark
        self._tell(gathered)

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
