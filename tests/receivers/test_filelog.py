"""The filelog receiver, on files that grow, move and vanish."""

from __future__ import annotations

import gzip
import os
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from penstock.extensions import file_storage
from penstock.extensions.file_storage import FileStorage
from penstock.pipeline import Invalid, Refused, StartError
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
        self.offers = 0
        self.telemetry: Any = None

    async def consume(self, batch: Batch) -> None:
        self.offers += 1
        if self.verdict:
            raise self.verdict
        self.batches.append(batch)

    def total(self, name: str, **labels: str) -> float:
        found: float = self.telemetry.total(name, **labels)
        return found

    def files(self, what: str) -> float:
        return self.total(f"otelcol_fileconsumer_{what}_files")

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
async def logging(
    folder: Path, stored: dict[str, FileStorage] | None = None, **options: Any
) -> AsyncIterator[Logged]:
    """Run a receiver of the files of a folder."""
    logged = Logged()
    usual = {
        "include": [f"{folder}/*.log"],
        "start_at": "beginning",
        "poll_interval": "5ms",
        "force_flush_period": "0",
    }
    async with context("filelog", extensions=stored or {}) as made:
        logged.telemetry = made.telemetry
        receiver = Config.model_validate(usual | options).build(made)
        await receiver.start(logged.consume)
        try:
            yield logged
        finally:
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


@in_loop
async def test_only_what_is_new_is_read_by_default(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(log, "old\n")
    async with logging(tmp_path, start_at="end", poll_interval="20ms") as logged:
        await eventually(lambda: logged.files("open"))
        append(log, "new\n")
        append(tmp_path / "other.log", "of a new file\n")
        await logged.until("new", "of a new file")


@in_loop
async def test_a_file_that_is_truncated_is_read_from_its_beginning(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    append(log, "one\ntwo\n")
    async with logging(tmp_path) as logged:
        await logged.until("one", "two")
        log.write_text("three\n")
        await logged.until("one", "two", "three")


@in_loop
async def test_a_file_that_is_replaced_is_read_and_what_it_was_to_its_end(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    with log.open("w") as old:
        old.write("one\n")
        old.flush()
        async with logging(tmp_path) as logged:
            await logged.until("one")
            append(tmp_path / "next", "other\n")
            old.write("two\n")
            old.flush()
            (tmp_path / "next").rename(log)
            await logged.until("one", "two", "other")


@in_loop
async def test_what_is_refused_is_offered_again_and_nothing_is_read_meanwhile(
    tmp_path: Path,
) -> None:
    log = tmp_path / "app.log"
    append(log, "one\n")
    async with logging(tmp_path) as logged:
        logged.verdict = Refused("busy", retry_after=0.01)
        await eventually(lambda: logged.offers > 1)
        append(log, "two\n")
        logged.verdict = None
        await logged.until("one", "two")
    assert [len(batch) for batch in logged.batches] == [1, 1]


@in_loop
async def test_what_no_stage_will_take_is_dropped_and_counted(tmp_path: Path) -> None:
    append(tmp_path / "app.log", "one\n")
    async with logging(tmp_path) as logged:
        logged.verdict = Invalid("never")
        await eventually(lambda: logged.total("penstock_receiver_dropped_items") == 1)
        logged.verdict = None
        append(tmp_path / "app.log", "two\n")
        await logged.until("two")


@in_loop
async def test_half_a_line_is_an_entry_after_a_while(tmp_path: Path) -> None:
    append(tmp_path / "app.log", "one\nhalf")
    async with logging(tmp_path, force_flush_period="10ms") as logged:
        await logged.until("one", "half")


@in_loop
async def test_parts_that_wait_for_others_are_passed_on_at_the_stop(tmp_path: Path) -> None:
    append(tmp_path / "app.log", "one\n two\n")
    operator = {"type": "recombine", "combine_field": "body", "is_first_entry": 'body == "one"'}
    async with logging(tmp_path, operators=[operator]) as logged:
        await eventually(lambda: logged.files("open"))
        assert logged.bodies == []
    assert logged.bodies == ["one\ntwo"]


@in_loop
async def test_of_two_files_that_begin_alike_one_is_read(tmp_path: Path) -> None:
    append(tmp_path / "a.log", "the same\n")
    append(tmp_path / "b.log", "the same\n")
    async with logging(tmp_path) as logged:
        await logged.until("the same")
        await eventually(
            lambda: logged.total("penstock_receiver_unread_files", reason="duplicate") == 1
        )


@in_loop
async def test_what_operators_do_not_pass_on_is_counted(tmp_path: Path) -> None:
    append(tmp_path / "app.log", "no JSON\n{}\n")
    operators = [
        {"type": "json_parser", "id": "json", "on_error": "send_quiet"},
        {"type": "filter", "expr": 'body == "{}"'},
    ]
    async with logging(tmp_path, operators=operators) as logged:
        await logged.until("no JSON")
        assert logged.total("penstock_receiver_faulty_entries", operator="json") == 1
        assert logged.total("penstock_receiver_filtered_entries", operator="filter") == 1


async def storage_in(folder: Path) -> dict[str, FileStorage]:
    """A storage that runs."""
    async with context("file_storage") as made:
        config = file_storage.Config.model_validate({"directory": str(folder / "stored")})
        storage = config.build(made)
        await storage.start()
        assert isinstance(storage, FileStorage)
        return {"file_storage": storage}


@in_loop
async def test_a_restart_neither_loses_nor_repeats(tmp_path: Path) -> None:
    stored = await storage_in(tmp_path)
    log = tmp_path / "app.log"
    append(log, "one\nhalf")
    async with logging(tmp_path, stored, storage="file_storage") as logged:
        await logged.until("one")
    append(log, " of two\n")
    log.rename(tmp_path / "app.1.log")
    append(log, "three\n")
    async with logging(tmp_path, stored, storage="file_storage", start_at="end") as logged:
        await logged.until("half of two", "three")
    (tmp_path / "app.2.log").write_text((tmp_path / "app.1.log").read_text())
    (tmp_path / "app.1.log").unlink()
    append(log, "four\n")
    async with logging(tmp_path, stored, storage="file_storage") as logged:
        await logged.until("four")


@in_loop
async def test_what_was_not_taken_is_read_again_after_a_restart(tmp_path: Path) -> None:
    stored = await storage_in(tmp_path)
    append(tmp_path / "app.log", "one\n")
    operator = {"type": "recombine", "combine_field": "body", "is_first_entry": 'body == "one"'}
    options: dict[str, Any] = {"storage": "file_storage", "operators": [operator]}
    async with logging(tmp_path, stored, **options) as logged:
        await eventually(lambda: logged.files("open"))
    assert logged.bodies == []
    append(tmp_path / "app.log", "two\none\n")
    async with logging(tmp_path, stored, **options) as logged:
        await logged.until("one\ntwo")


@in_loop
async def test_a_storage_that_does_not_run_stops_the_start(tmp_path: Path) -> None:
    config = Config.model_validate({"include": [f"{tmp_path}/*"], "storage": "file_storage"})
    async with context("filelog") as made:
        receiver = config.build(made)
        with pytest.raises(StartError, match="no `file_storage` runs"):
            await receiver.start(Logged().consume)
        await receiver.stop()


@in_loop
async def test_more_files_than_may_be_open_are_read(tmp_path: Path) -> None:
    for number in range(20):
        append(tmp_path / f"{number}.log", f"of {number}\n")
    async with logging(tmp_path, max_concurrent_files=4) as logged:
        await logged.until(*(f"of {number}" for number in range(20)))
        append(tmp_path / "7.log", "more\n")
        await eventually(lambda: "more" in logged.bodies)
        assert logged.files("open") <= 4


@in_loop
async def test_patterns_choose_files_and_attributes_tell_of_them(tmp_path: Path) -> None:
    for name in ("a/b/c.log", "a/d.txt", "a/b/no.log", "a/b/old.log", "a/b/.hidden.log"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        append(tmp_path / name, f"{name}\n")
    os.utime(tmp_path / "a/b/old.log", (time.time() - 7200, time.time() - 7200))
    options: dict[str, Any] = {
        "include": [f"{tmp_path}/**/*.{{log,txt}}"],
        "exclude": [f"{tmp_path}/**/n?.log", f"{tmp_path}/**/.*"],
        "exclude_older_than": "1h",
        "include_file_path": True,
        "include_file_record_number": True,
        "include_file_record_offset": True,
        "attributes": {"team": "shop"},
        "resource": {"host.name": "web"},
    }
    async with logging(tmp_path, **options) as logged:
        await logged.until("a/b/c.log", "a/d.txt")
    row = next(row for row in logged.rows if row["body"] == "a/d.txt")
    assert row["attributes"] == {
        "team": "shop",
        "log.file.name": "d.txt",
        "log.file.path": str(tmp_path / "a/d.txt"),
        "log.file.record_number": 1,
        "log.file.record_offset": 0,
    }
    assert row["resource"]["attributes"] == {"host.name": "web"}


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"include": []}, "at least 1 item"),
        ({"encoding": "klingon"}, "is no known encoding"),
        ({"multiline": {}}, "either line_start_pattern or line_end_pattern"),
        ({"multiline": {"line_end_pattern": "("}}, "unclosed group"),
        ({"multiline": {"line_end_pattern": "x"}, "encoding": "big5"}, "multiline cannot be used"),
        ({"max_log_size": "much"}, "expected a size such as 1MiB"),
        ({"operators": [{"type": "container"}]}, "set include_file_path to true"),
    ],
)
def test_settings_that_make_no_sense_are_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Config.model_validate({"include": ["*"]} | options)
