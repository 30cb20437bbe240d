"""Run a processor of your own: a Python file with a function of a batch, or a class."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, field_validator, model_validator

from penstock.config.types import Duration
from penstock.pipeline import Batch, ProcessorConfig, Refused, Stage, StartError
from penstock.pipeline.faults import FaultLog
from penstock.pipeline.steps import dropped, durations
from penstock.pipeline.worker import Worker
from penstock.processors._python_module import explained, load, location
from penstock.processors._python_source import from_entry_point, from_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.pipeline import Consume, Context
    from penstock.pipeline.worker import Outcome
    from penstock.processors._python_module import Hooks
    from penstock.processors._python_source import Source


class ErrorMode(StrEnum):
    """What becomes of a batch that the code failed on."""

    IGNORE = "ignore"
    DROP = "drop"
    PROPAGATE = "propagate"


class Config(ProcessorConfig):
    """Options of the `python` processor. One of `file` and `entry_point` is required."""

    file: Path | None = None
    """The Python file. Nobody but its owner may be able to write to it."""
    entry_point: str | None = None
    """The name that an installed package has for its module in the group `penstock.python`."""
    config: dict[str, Any] = Field(default_factory=dict)
    """Settings for the file's class `Config`."""
    error_mode: ErrorMode = ErrorMode.PROPAGATE
    """What becomes of a batch that the code raised an exception for, took too long for or returned
    nonsense for: `ignore` passes it on unchanged, `drop` drops it, `propagate` refuses it."""
    timeout: Duration = Field(default=5.0, gt=0)
    """How long the code may take for a batch."""
    warn_after: Duration = Field(default=0.1, gt=0)
    """How long it may take for a batch without a warning in the log."""

    @field_validator("file")
    @classmethod
    def _file_is_fit(cls, file: Path | None) -> Path | None:
        if file:
            from_file(file)
        return file

    @field_validator("entry_point")
    @classmethod
    def _entry_point_is_fit(cls, name: str | None) -> str | None:
        if name:
            from_entry_point(name)
        return name

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if bool(self.file) == bool(self.entry_point):
            msg = "expected one of `file` and `entry_point`"
            raise ValueError(msg)
        source = self.source()
        if self.config and not source.has_config:
            msg = f"{source.path} has no classes `Processor` and `Config` to take `config`"
            raise ValueError(msg)
        return self

    def source(self) -> Source:
        """The code as it is now. Raises `ValueError` where it cannot be used."""
        return from_file(self.file) if self.file else from_entry_point(self.entry_point or "")

    def build(self, context: Context) -> Python:
        """The processor."""
        return Python(self, context)


class _Reason(StrEnum):
    EXCEPTION = "exception"
    RESULT = "result"
    TIMEOUT = "timeout"


class _Fault(Exception):  # noqa: N818  (it is what became of a batch)
    """Why the code did not give a batch; `reason` is the label that counts it."""

    def __init__(self, reason: _Reason, cause: str) -> None:
        super().__init__(cause)
        self.reason = reason


_PHRASES = {
    ErrorMode.IGNORE: "Passed on unchanged",
    ErrorMode.DROP: "Dropped",
    ErrorMode.PROPAGATE: "Refused",
}


class Python(Stage):
    """Gives batches, one after the other, to code that runs in a thread of its own.

    A sender waits for its batch: nothing is held here. Code that hangs cannot be stopped, so
    batches are refused until it returns.
    """

    def __init__(self, config: Config, context: Context) -> None:
        self._config = config
        self._context = context
        self._file = config.file or config.entry_point
        self._hooks: Hooks | None = None
        self._worker: Worker | None = None
        self._turn = asyncio.Lock()
        self._faults = FaultLog(context.logger)
        self._filtered = dropped(context, "filtered")
        self._errors = dropped(context, "error")
        self._failed = {
            reason: context.telemetry.counter(
                "penstock_processor_failed_batches",
                "Batches on which somebody's own code failed, by reason.",
                "{batch}",
                processor=context.id,
                pipeline=context.pipeline or "",
                reason=reason,
            )
            for reason in _Reason
        }
        self._durations = {signal: durations(context, signal) for signal in context.signals}

    async def start(self, consume: Consume) -> None:
        """Run the file, and its `start`. Raises `StartError` with the line that failed."""
        self._consume = consume
        try:
            source = self._config.source()
        except ValueError as error:
            raise StartError(str(error)) from None
        self._path = source.path
        self._worker = Worker(f"penstock {self._context.id}")
        self._worker.start()
        self._hooks = await self._required(partial(load, source, self._config.config))
        if self._hooks.start:
            await self._required(self._hooks.start)

    async def consume(self, batch: Batch) -> None:
        """Pass on what the code makes of `batch`. Raises `Refused` while it hangs."""
        reason = self._filtered
        async with self._turn:
            try:
                result = await self._processed(batch)
            except _Fault as fault:
                reason, result = self._errors, self._after(fault, batch)
        if result is not None:
            await self._consume(result)
        reason.add(len(batch) - (len(result) if result is not None else 0))

    async def stop(self) -> None:
        """Run the code's `stop` and end its thread, unless it hangs."""
        worker, self._worker = self._worker, None
        if worker is None:
            return
        async with self._turn:
            if self._hooks and self._hooks.stop and not worker.busy:
                await self._stop_code(worker, self._hooks.stop)
        if worker.busy:
            self._context.logger.error("%s hangs: its thread ends with the process", self._file)
        worker.end()
        if self._hooks:
            self._hooks.forget()
            self._hooks = None

    async def _processed(self, batch: Batch) -> Batch | None:
        worker, hooks = self._worker, self._hooks
        if worker is None or hooks is None:
            msg = f"{self._file} does not run"
            raise Refused(msg)
        if worker.busy:
            msg = f"{self._file} has not returned from an earlier batch"
            raise Refused(msg, self._config.timeout)
        outcome = await self._call(worker, hooks.process, batch)
        self._durations[batch.signal].record(outcome.seconds)
        result = self._result(outcome, batch)
        if outcome.seconds > self._config.warn_after:
            self._faults.report("Slow", len(batch), f"{self._file} took {outcome.seconds:.3g}s")
        self._context.status.ok()
        return result

    async def _call(self, worker: Worker, function: Callable[..., Any], *arguments: Any) -> Outcome:
        try:
            async with asyncio.timeout(self._config.timeout):
                return await worker.call(function, *arguments)
        except TimeoutError:
            msg = f"{self._file} has not returned within {self._config.timeout:g}s"
            raise _Fault(_Reason.TIMEOUT, msg) from None

    def _result(self, outcome: Outcome, batch: Batch) -> Batch | None:
        if outcome.error:
            raise _Fault(_Reason.EXCEPTION, location(outcome.error, self._path))
        result = outcome.value
        if result is None:
            return None
        if not isinstance(result, Batch) or result.signal is not batch.signal:
            found = result.signal if isinstance(result, Batch) else type(result).__name__
            msg = f"{self._file} returned {found}; expected a batch of {batch.signal} or None"
            raise _Fault(_Reason.RESULT, msg)
        if len(result) > len(batch):
            msg = f"{self._file} made {len(result)} items of {len(batch)}; it may only take away"
            raise _Fault(_Reason.RESULT, msg)
        return result if len(result) else None

    def _after(self, fault: _Fault, batch: Batch) -> Batch | None:
        """What goes on instead of what the code should have given. Raises `Refused`."""
        self._failed[fault.reason].add(1)
        self._faults.report(_PHRASES[self._config.error_mode], len(batch), str(fault))
        self._context.status.recoverable(str(fault))
        if self._config.error_mode is ErrorMode.PROPAGATE:
            msg = f"the processor {self._context.id} failed"
            raise Refused(msg)
        return batch if self._config.error_mode is ErrorMode.IGNORE else None

    async def _required(self, function: Callable[[], Any]) -> Any:
        """Call what the start needs. Raises `StartError`."""
        assert self._worker
        outcome = await self._worker.call(function)
        if isinstance(outcome.error, StartError):
            raise outcome.error
        if outcome.error:
            raise StartError(explained(outcome.error, self._path))
        return outcome.value

    async def _stop_code(self, worker: Worker, stop: Callable[[], Any]) -> None:
        try:
            outcome = await self._call(worker, stop)
        except _Fault as fault:
            self._context.logger.error("%s", fault)  # noqa: TRY400  (what hangs has no traceback)
            return
        if outcome.error:
            where = location(outcome.error, self._path)
            self._context.logger.error("The code failed to stop: %s", where)
