"""The file exporter: what is in the file, when, and what happens when it cannot be written."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from struct import unpack_from
from typing import TYPE_CHECKING, Any

import pytest
import zstandard
from pydantic import ValidationError

from penstock.config.load import load_text
from penstock.exporters.file import Config
from penstock.pipeline import Batch, Refused, Retryable, Signal, StartError
from penstock.pipeline.errors import ConfigError
from tests.exporters.attempts import running
from tests.exporters.test_record_file import full_at
from tests.kit import (
    Source,
    context,
    eventually,
    in_loop,
    outcome_of,
    points,
    records,
    service,
    spans,
    wire,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BATCHES = [spans(3), points(3), records(3)]


def to(path: Path, **settings: Any) -> Config:
    return Config.model_validate({"path": str(path)} | settings)


async def write(config: Config, *batches: Batch) -> None:
    """Run the exporter for so many batches, one after the other."""
    async with running(config) as exporter:
        for batch in batches:
            assert await exporter.send(batch) is None


def messages(data: bytes) -> Iterator[bytes]:
    """What a file of messages by length holds."""
    at = 0
    while at < len(data):
        (length,) = unpack_from(">I", data, at)
        at += 4 + length
        assert at <= len(data), "half a record"
        yield data[at - length : at]


@pytest.mark.parametrize("batch", BATCHES, ids=[*Signal])
@in_loop
async def test_json_is_a_line_a_request_and_comes_back_exactly(
    batch: Batch, tmp_path: Path
) -> None:
    await write(to(tmp_path / "data"), batch, batch)
    lines = (tmp_path / "data").read_bytes().splitlines(keepends=True)
    assert lines == [batch.to_json() + b"\n"] * 2
    assert Batch.from_json(batch.signal, lines[0]).to_otlp() == batch.to_otlp()


@in_loop
async def test_line_ends_in_telemetry_end_no_line(tmp_path: Path) -> None:
    await write(to(tmp_path / "data"), spans(1, "two\nlines\r\u2028"))
    (line,) = (tmp_path / "data").read_bytes().splitlines()
    assert json.loads(line)


@pytest.mark.parametrize("batch", BATCHES, ids=[*Signal])
@in_loop
async def test_proto_is_messages_by_length_and_comes_back_exactly(
    batch: Batch, tmp_path: Path
) -> None:
    await write(to(tmp_path / "data", format="proto"), batch, batch)
    found = list(messages((tmp_path / "data").read_bytes()))
    assert found == [batch.to_otlp()] * 2
    assert Batch.from_otlp(batch.signal, found[0]).rows() == batch.rows()


@pytest.mark.parametrize("format_", ["json", "proto"])
@in_loop
async def test_compressed_records_each_follow_their_length(format_: str, tmp_path: Path) -> None:
    batch = spans(100)
    settings = {"compression": "zstd", "compression_params": {"level": 3}}
    await write(to(tmp_path / "data", format=format_, **settings), batch, batch)
    encoded = batch.to_json() if format_ == "json" else batch.to_otlp()
    found = list(messages((tmp_path / "data").read_bytes()))
    assert [zstandard.decompress(message) for message in found] == [encoded] * 2


@in_loop
async def test_records_of_many_senders_stay_whole(tmp_path: Path) -> None:
    batches = [spans(size, f"sender {size}") for size in (1, 10, 2000) for _ in range(20)]
    async with running(to(tmp_path / "data")) as exporter:
        await asyncio.gather(*map(exporter.send, batches))
    lines = (tmp_path / "data").read_bytes().splitlines()
    assert sorted(lines) == sorted(batch.to_json() for batch in batches)


@in_loop
async def test_what_was_sent_is_in_the_file_when_send_returns(tmp_path: Path) -> None:
    async with running(to(tmp_path / "data", flush_interval="1h")) as exporter:
        await exporter.send(spans(1))
        assert (tmp_path / "data").read_bytes() == spans(1).to_json() + b"\n"


@in_loop
async def test_the_disk_keeps_it_after_the_flush_interval_and_at_the_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    async with running(to(tmp_path / "data", flush_interval="1ms")) as exporter:
        await exporter.send(spans(1))
        await eventually(lambda: len(synced) == 1)
    assert len(synced) == 1, "nothing was left to sync"
    await write(to(tmp_path / "data", flush_interval="1h"), spans(1))
    assert len(synced) == 2


@in_loop
async def test_what_the_disk_may_not_keep_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", fail)
    with caplog.at_level(logging.WARNING):
        await write(to(tmp_path / "data"), spans(3))
    place = tmp_path / "data"
    assert "a power failure may take it (3 items, 1 times): cannot write" in caplog.text
    assert f"{place}: Input/output error" in caplog.text


@in_loop
async def test_a_full_disk_refuses_with_the_path_and_the_reason_and_is_tried_again(
    tmp_path: Path,
) -> None:
    path = tmp_path / "data"
    async with running(to(path)) as exporter:
        await exporter.send(spans(1))
        with full_at(200), pytest.raises(Retryable) as raised:
            await exporter.send(spans(10))
        assert str(raised.value) == f"cannot write {path}: File too large"
        await exporter.send(spans(10))
    assert path.read_bytes() == spans(1).to_json() + b"\n" + spans(10).to_json() + b"\n"


@in_loop
async def test_a_sender_keeps_what_a_full_disk_does_not_take(tmp_path: Path) -> None:
    source = Source()
    settings = wire("traces: in -> file", in_=source, file=to(tmp_path / "data"))
    async with service(settings):
        with full_at(10):
            assert isinstance(await outcome_of(source.send(spans(10))), Refused)
        assert await outcome_of(source.send(spans(10))) is None


@in_loop
async def test_a_queue_and_retries_bring_it_over_a_full_disk(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source, path = Source(), tmp_path / "data"
    retry = {"initial_interval": "1ms", "max_interval": "1ms"}
    config = to(path, sending_queue={}, retry_on_failure=retry)
    async with service(wire("traces: in -> file", in_=source, file=config)):
        with full_at(10):
            await source.send(spans(10))
            await eventually(lambda: "An attempt failed and will be repeated" in caplog.text)
    assert path.read_bytes() == spans(10).to_json() + b"\n"


def test_full_files_are_set_aside(tmp_path: Path) -> None:
    batch = spans(10_000)
    rotation = {"max_megabytes": 1, "max_backups": 2}
    asyncio.run(write(to(tmp_path / "data.json", rotation=rotation), *[batch] * 6))
    files = sorted(tmp_path.iterdir())
    assert len(files) == 3
    assert [file.read_bytes() for file in files] == [batch.to_json() + b"\n"] * 3


@in_loop
async def test_half_a_record_of_a_run_that_broke_off_is_cut_off_and_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "data"
    path.write_bytes(b'{}\n{"resourceSpans":[')
    with caplog.at_level(logging.WARNING):
        await write(to(path, append=True), spans(1))
    assert path.read_bytes() == b"{}\n" + spans(1).to_json() + b"\n"
    assert f"cut off the last 18 bytes of {path}" in caplog.text


@in_loop
async def test_directories_are_made_where_that_is_asked_for(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b" / "data"
    async with context("file/deep") as given:
        with pytest.raises(StartError, match=r"^cannot write .*data: No such file or directory$"):
            await to(deep).build(given).start()
    await write(to(deep, create_directory=True, directory_permissions="0700"), spans(1))
    assert [folder.stat().st_mode & 0o777 for folder in deep.parents[:2]] == [0o700, 0o700]
    await write(to(deep, create_directory=True), spans(1))


@in_loop
async def test_two_exporters_cannot_write_one_file(tmp_path: Path) -> None:
    config = to(tmp_path / "data")
    async with running(config), context("file/second") as given:
        second = config.build(given)
        with pytest.raises(StartError, match="another exporter or program writes to it"):
            await second.start()
        await second.stop()


@in_loop
async def test_stop_works_without_start_and_twice(tmp_path: Path) -> None:
    async with context("file") as given:
        await to(tmp_path / "data").build(given).stop()
    async with running(to(tmp_path / "data")) as exporter:
        await exporter.stop()
        await exporter.stop()


def test_defaults_are_the_collectors() -> None:
    config = Config.model_validate({"path": "data", "rotation": None})
    assert (config.format, config.compression, config.append) == ("json", "none", False)
    assert config.flush_interval == 1
    assert config.rotation is not None
    assert config.rotation.model_dump() == {
        "max_megabytes": 100,
        "max_days": 0,
        "max_backups": 100,
        "localtime": False,
    }
    assert Config(path="data").rotation is None


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"path": ""}, "pattern"),
        ({"path": "a\0b"}, "pattern"),
        ({"path": "data", "format": "xml"}, "'json' or 'proto'"),
        ({"path": "data", "compression": "gzip"}, "'zstd' or 'none'"),
        ({"path": "data", "compression": "zstd", "compression_params": {"level": 23}}, "most 22"),
        ({"path": "data", "append": True, "rotation": {}}, "without rotation"),
        ({"path": "data", "rotation": {"max_megabytes": 0}}, "greater than or equal to 1"),
        ({"path": "data", "flush_interval": "0"}, "greater than 0"),
        ({"path": "data", "directory_permissions": "0700"}, "needs create_directory"),
        ({"path": "data", "create_directory": True, "directory_permissions": 755}, "octal"),
        ({"path": "data", "create_directory": True, "directory_permissions": "4755"}, "octal"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Config.model_validate(settings)


@pytest.mark.parametrize(
    ("option", "remedy"),
    [
        ("group_by: {enabled: true}", "write to one file, or to one for each pipeline"),
        ("encoding: otlp", "set format to json or proto"),
    ],
)
def test_options_that_are_not_here_say_what_to_do_instead(option: str, remedy: str) -> None:
    text = f"exporters: {{file: {{path: data, {option}}}}}"
    with pytest.raises(ConfigError, match=f"Penstock does not: {remedy}"):
        load_text(text, "test", {})
