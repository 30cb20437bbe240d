from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest

from penstock import logs
from penstock.logs import LogSettings, Sampling

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.usefixtures("logging_as_before")


class Clock:
    """A clock that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def record(name: str, message: str, *args: object) -> logging.LogRecord:
    return logging.LogRecord(name, logging.WARNING, __file__, 1, message, args, None)


def test_console_line_has_time_level_component_and_message(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure(LogSettings())
    logging.getLogger("penstock.exporters.otlp/eu").warning("back end %s is down", "eu")

    time, level, component, message = capsys.readouterr().err.rstrip("\n").split(maxsplit=3)

    assert time.endswith("Z")
    assert (level, component, message) == ("warn", "exporters.otlp/eu", "back end eu is down")


@pytest.mark.parametrize("encoding", ["console", "json"])
def test_record_is_one_line_whatever_it_holds(
    encoding: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(LogSettings(encoding=encoding))
    try:
        raise ValueError("first\nsecond \x1b[31m\u2028 \ud800")  # noqa: TRY003, TRY301
    except ValueError:
        logging.getLogger("penstock.a\nb").exception("gone\r\nwrong")

    text = capsys.readouterr().err

    assert len(text.splitlines()) == 1
    assert "\x1b" not in text
    assert "gone\\r\\nwrong" in text
    assert "ValueError: first\\nsecond" in text


def test_json_line_is_an_object_with_the_same_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogSettings(encoding="json"))
    logging.getLogger("penstock.service").error("no\nway")

    fields = json.loads(capsys.readouterr().err)

    assert fields.pop("ts").endswith("Z")
    assert fields == {"level": "error", "logger": "service", "msg": "no\nway"}


def test_json_line_of_a_component_says_which_in_the_collectors_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure(LogSettings(encoding="json"))
    logs.component_logger("exporter", "otlp/eu.1", signal="traces").warning("down")
    logs.component_logger("processor", "batch", pipeline="logs/a").warning("full")

    first, second = map(json.loads, capsys.readouterr().err.splitlines())

    assert (first["logger"], second["logger"]) == ("exporters.otlp/eu.1", "processors.batch")
    assert {key: value for key, value in first.items() if key.startswith("otelcol.")} == {
        "otelcol.component.kind": "exporter",
        "otelcol.component.id": "otlp/eu.1",
        "otelcol.signal": "traces",
    }
    assert second["otelcol.pipeline.id"] == "logs/a"


@pytest.mark.parametrize("encoding", ["console", "json"])
def test_initial_fields_are_on_every_line(
    encoding: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(LogSettings(encoding=encoding, initial_fields={"site": "eu\n1", "rack": 7}))
    logging.getLogger("penstock.service").error("no way")

    line = capsys.readouterr().err

    fields = json.loads(line[line.index("{") :].replace(r"\\n", r"\n"))
    assert (fields["site"], fields["rack"]) == ("eu\n1", 7)


def test_tracebacks_can_be_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogSettings(tracebacks=False))
    logging.getLogger("penstock.service").error("gone", exc_info=ValueError("why"))

    assert capsys.readouterr().err.endswith("gone\n")


def test_the_log_goes_to_every_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, moved = tmp_path / "own.log", tmp_path / "own.log.1"
    logs.configure(LogSettings(output_paths=("stdout", f"file://{file}")))
    logging.getLogger("penstock.service").error("first")
    file.rename(moved)
    logging.getLogger("penstock.service").error("second")

    lines = capsys.readouterr().out.splitlines()

    assert moved.read_text().splitlines() + file.read_text().splitlines() == lines
    assert len(lines) == 2


def test_file_that_cannot_be_written_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        logs.configure(LogSettings(output_paths=(str(tmp_path / "none" / "own.log"),)))


def test_libraries_are_heard_from_warnings_only(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogSettings(level="debug"))
    logging.getLogger("penstock.service").debug("ours")
    logging.getLogger("grpc").info("theirs, chatty")
    logging.getLogger("grpc").warning("theirs, serious")

    lines = [line.split(maxsplit=3)[3] for line in capsys.readouterr().err.splitlines()]

    assert lines == ["ours", "theirs, serious"]


def test_level_error_silences_warnings_of_all(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogSettings(level="error"))
    logging.getLogger("penstock.service").warning("ours")
    logging.getLogger("grpc").warning("theirs")

    assert capsys.readouterr().err == ""


def test_of_what_repeats_the_first_and_then_one_of_many_are_written() -> None:
    clock = Clock()
    sampler = logs.Sampler(Sampling(tick=10, initial=3, thereafter=4), clock)

    written = [number for number in range(1, 16) if sampler.filter(record("penstock.a", "full"))]

    assert written == [1, 2, 3, 7, 11, 15]
    clock.now += 10
    assert sampler.filter(record("penstock.a", "full"))


def test_sampled_wordings_are_counted_each_for_itself() -> None:
    sampler = logs.Sampler(Sampling(initial=1, thereafter=0), Clock())

    assert sampler.filter(record("penstock.a", "%d is full", 1))
    assert not sampler.filter(record("penstock.a", "%d is full", 2))
    assert sampler.filter(record("penstock.b", "%d is full", 3))
    assert sampler.filter(record("penstock.a", "%d is empty", 4))


def test_what_was_left_out_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogSettings(sampling=Sampling(initial=1, thereafter=100)))
    for _ in range(101):
        logging.getLogger("penstock.service").warning("full")

    first, second = capsys.readouterr().err.splitlines()

    assert first.endswith("full")
    assert second.endswith("full (99 more like this were left out)")


def test_without_sampling_every_line_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogSettings(sampling=None))
    for _ in range(50):
        logging.getLogger("penstock.service").warning("full")

    assert len(capsys.readouterr().err.splitlines()) == 50


def test_what_is_to_be_whole_is_not_sampled(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogSettings(sampling=Sampling(initial=1, thereafter=0)))
    for number in range(50):
        logging.getLogger("penstock.exporters.debug").info("%d", number, extra=logs.WHOLE)

    assert len(capsys.readouterr().err.splitlines()) == 50


def test_library_writes_a_line_of_a_kind_in_ten_seconds() -> None:
    clock = Clock()
    sampler = logs.Sampler(None, clock)

    assert sampler.filter(record("aiohttp.server", "Error handling request"))
    assert not any(
        sampler.filter(record("aiohttp.server", "Error handling request")) for _ in range(10_000)
    )
    clock.now += 10
    again = record("aiohttp.server", "Error handling request")
    assert sampler.filter(again)
    assert vars(again)["left_out"] == 10_000


def test_wordings_that_never_repeat_do_not_fill_the_memory_or_the_disk() -> None:
    clock = Clock()
    sampler = logs.Sampler(None, clock)

    written = sum(sampler.filter(record("grpc", f"peer {number}")) for number in range(50_000))

    assert written <= 1_001
    assert len(sampler._seen) <= 1_001
    clock.now += 10
    assert sampler.filter(record("grpc", "a new one"))
    assert sampler.filter(record("grpc", "another"))
