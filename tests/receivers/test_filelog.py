"""The filelog receiver, on files that grow, move and vanish."""

from __future__ import annotations

import gzip
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from penstock.receivers.filelog import Config
from tests.kit import context, eventually, in_loop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from penstock.pipeline import Batch


class Logged:
    """What a receiver passed on, and what it counted."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.verdict: Exception | None = None
        self.telemetry: Any = None

    async def consume(self, batch: Batch) -> None:
        if self.verdict:
            raise self.verdict
        self.batches.append(batch)

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [row for batch in list(self.batches) for row in batch.rows()]

    @property
    def bodies(self) -> list[Any]:
        return [row.get("body") for row in self.rows]

    async def until(self, *bodies: Any) -> None:
        """Wait until just these have come, in any order."""
        try:
            await eventually(lambda: len(self.bodies) >= len(bodies))
        finally:
            assert sorted(self.bodies) == sorted(bodies)


@asynccontextmanager
async def logging(folder: Path, **options: Any) -> AsyncIterator[Logged]:
    """Run a receiver of the files of a folder."""
    logged = Logged()
    usual = {
        "include": [f"{folder}/*.log"],
        "start_at": "beginning",
        "poll_interval": "5ms",
        "force_flush_period": "0",
    }
    async with context("filelog") as made:
        logged.telemetry = made.telemetry
        receiver = Config.model_validate(usual | options).build(made)
        await receiver.start(logged.consume)
        try:
            yield logged
        finally:
            logged.verdict = None
            await receiver.stop()


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


@in_loop
async def test_lines_become_log_records(tmp_path: Path) -> None:
    append(tmp_path / "app.log", "one\ntwo\r\n\nthree")
    async with logging(tmp_path) as logged:
        await logged.until("one", "two")
        append(tmp_path / "app.log", " and a half\n")
        await logged.until("one", "two", "three and a half")
    row = logged.rows[0]
    assert row["attributes"] == {"log.file.name": "app.log"}
    assert row["observed_time_unix_nano"] > 0
    assert "time_unix_nano" not in row


@in_loop
async def test_a_file_that_is_renamed_goes_on_where_it_was(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(log, "one\n")
    async with logging(tmp_path) as logged:
        await logged.until("one")
        log.rename(tmp_path / "app.1.log")
        append(tmp_path / "app.1.log", "two\n")
        append(log, "three\n")
        await logged.until("one", "two", "three")


@in_loop
async def test_a_file_that_is_copied_and_truncated_is_read_once(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(log, "one\n")
    async with logging(tmp_path) as logged:
        await logged.until("one")
        append(log, "two\n")
        (tmp_path / "app.1.log").write_text(log.read_text())
        os.truncate(log, 0)
        append(log, "new\n")
        await logged.until("one", "two", "new")


@in_loop
async def test_a_file_that_is_compressed_after_its_rotation_is_read_once(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(log, "one\n")
    async with logging(tmp_path, include=[f"{tmp_path}/*"], compression="auto") as logged:
        await logged.until("one")
        (tmp_path / "app.log.gz").write_bytes(gzip.compress(b"one\ntwo\n"))
        log.unlink()
        append(log, "three\n")
        await logged.until("one", "two", "three")


@in_loop
async def test_a_file_that_is_deleted_while_it_is_read_is_read_to_its_end(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    with log.open("w") as file:
        file.write("one\n")
        file.flush()
        async with logging(tmp_path) as logged:
            await logged.until("one")
            log.unlink()
            file.write("two\n")
            file.flush()
            await logged.until("one", "two")
