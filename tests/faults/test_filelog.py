"""Files that are damaged, hostile or many: nothing ends the receiver, and its memory is bounded."""

from __future__ import annotations

import gzip
import os
import random
import resource
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.kit import eventually, in_loop
from tests.receivers.test_filelog import append, logging

MIB = 1024 * 1024


@in_loop
async def test_lines_of_any_length_are_taken_in_pieces_and_nothing_is_lost(tmp_path: Path) -> None:
    lines = ["a" * 65_536, "b" * 10 * MIB, "c"]
    append(tmp_path / "app.log", "".join(f"{line}\n" for line in lines))
    async with logging(tmp_path) as logged:
        await eventually(lambda: logged.bodies and logged.bodies[-1] == "c")
    assert max(map(len, logged.bodies)) == MIB
    assert "".join(logged.bodies) == "".join(lines)


@in_loop
async def test_what_is_no_text_becomes_text(tmp_path: Path) -> None:
    (tmp_path / "app.log").write_bytes(
        b"a\x00b\n\xff\xfe c\n\xed\xa0\x80\n" + "ü".encode()[:1] + b"\n"
    )
    async with logging(tmp_path) as logged:
        await logged.until("a\x00b", "�� c", "���", "�")


@in_loop
async def test_bytes_of_any_kind_end_nothing(tmp_path: Path) -> None:
    noise = random.Random(7).randbytes(MIB)
    (tmp_path / "app.log").write_bytes(noise + b"\nend\n")
    operators: list[dict[str, Any]] = [
        {"type": "json_parser", "on_error": "send_quiet"},
        {"type": "container", "on_error": "send_quiet", "add_metadata_from_filepath": False},
        {"type": "key_value_parser", "on_error": "send_quiet"},
        {"type": "csv_parser", "header": "a,b", "on_error": "send_quiet"},
        {
            "type": "recombine",
            "is_first_entry": 'body contains "a"',
            "combine_field": "body",
            "force_flush_period": "10ms",
        },
    ]
    for encoding in ("utf-8", "utf-16le", "big5", "nop"):
        async with logging(tmp_path, operators=operators, encoding=encoding) as logged:
            await eventually(lambda: logged.batches and not logged.files("reading"))
        assert logged.batches


@in_loop
async def test_json_nested_deeply_is_a_fault_and_no_crash(tmp_path: Path) -> None:
    deep = '{"a":' * 5_000 + "1" + "}" * 5_000
    wide = "{" + ",".join(f'"{key}": 1' for key in range(20_000)) + "}"
    append(tmp_path / "app.log", f"{deep}\n{wide}\n")
    async with logging(tmp_path, operators=[{"type": "json_parser", "parse_to": "body"}]) as logged:
        await eventually(lambda: len(logged.bodies) == 2)
        assert logged.total("penstock_receiver_faulty_entries") == 1
    assert len(logged.bodies[1]) == 20_000


@in_loop
async def test_a_compressed_file_that_is_damaged_spoils_no_other(tmp_path: Path) -> None:
    good = gzip.compress(b"".join(b"line %d\n" % number for number in range(100_000)))
    (tmp_path / "bad.log.gz").write_bytes(good[:5_000] + b"\xff" * 500 + good[5_500:])
    (tmp_path / "no.log.gz").write_bytes(b"no gzip at all, but some text\n")
    (tmp_path / "half.log.gz").write_bytes(gzip.compress(b"whole\n") + good[:50])
    append(tmp_path / "app.log", "well\n")
    async with logging(tmp_path, include=[f"{tmp_path}/*"], compression="auto") as logged:
        await eventually(lambda: {"well", "whole"} <= set(logged.bodies))
        await eventually(
            lambda: logged.total("penstock_receiver_unread_files", reason="unreadable")
        )


@in_loop
async def test_what_is_no_file_is_left_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.log")
    (tmp_path / "folder.log").mkdir()
    (tmp_path / "nowhere.log").symlink_to(tmp_path / "missing")
    (tmp_path / "loop.log").symlink_to(tmp_path / "loop.log")
    append(tmp_path / "app.log", "well\n")
    (tmp_path / "again.log").symlink_to(tmp_path / "app.log")
    async with logging(tmp_path) as logged:
        await logged.until("well")


@pytest.mark.parametrize("way", ["truncated", "replaced", "deleted"])
@in_loop
async def test_files_change_under_the_reader(tmp_path: Path, way: str) -> None:
    """Whatever happens to it while it is read, lines are whole, and what comes last comes."""
    log = tmp_path / "app.log"
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            with log.open("a") as file:
                file.write("".join(f"line {n} end\n" for n in range(number, number + 500)))
            number += 500
            if way == "truncated":
                os.truncate(log, 0)
            elif way == "replaced":
                log.rename(tmp_path / "old")
            else:
                log.unlink()

    writer = threading.Thread(target=write)
    async with logging(tmp_path, poll_interval="1ms") as logged:
        writer.start()
        try:
            await eventually(lambda: len(logged.batches) > 5)
        finally:
            stop.set()
            writer.join()
        append(log, "last line end\n")
        await eventually(lambda: b"last line end" in logged.batches[-1].to_otlp())
    assert all(body.startswith(("line", "last")) for body in logged.bodies)


@in_loop
async def test_ten_thousand_files_need_few_descriptors_and_little_memory(tmp_path: Path) -> None:
    for number in range(10_000):
        (tmp_path / f"{number}.log").write_text(f"of {number}\n")
    before = resident()
    async with logging(tmp_path, poll_interval="500ms", max_concurrent_files=100) as logged:
        await eventually(lambda: sum(map(len, logged.batches)) >= 10_000)
        assert sorted(logged.bodies) == sorted(f"of {number}" for number in range(10_000))
        assert descriptors() < 100 + 100
        append(tmp_path / "4711.log", "more\n")
        await eventually(lambda: "more" in logged.bodies)
    assert resident() - before < 64 * MIB


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
