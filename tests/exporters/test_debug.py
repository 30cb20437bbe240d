"""The debug exporter: what it prints, and where."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from penstock.exporters.debug import Config, Debug, Sampler, details, summary
from penstock.pipeline import Batch, Permanent, StartError
from tests.exporters.attempts import running
from tests.kit import context, in_loop, points, records, spans

if TYPE_CHECKING:
    from pathlib import Path

Capture = pytest.CaptureFixture[str]


async def show(*batches: Batch, **options: Any) -> None:
    """Print these batches, on standard output unless told otherwise."""
    config = Config.model_validate({"use_internal_logger": False} | options)
    async with running(config) as exporter:
        for batch in batches:
            await exporter.send(batch)


def shown(captured: str) -> list[str]:
    """The lines that were printed, without the time."""
    return [re.sub(r"^\S+Z\t", "", line) for line in captured.splitlines()]


def test_defaults_are_the_collectors() -> None:
    assert Config().model_dump() == {
        "verbosity": "basic",
        "sampling_initial": 2,
        "sampling_thereafter": 1,
        "use_internal_logger": True,
        "output_paths": None,
    }


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"verbosity": "none"}, "'basic', 'normal' or 'detailed'"),
        ({"sampling_initial": -1}, "greater than or equal to 0"),
        ({"output_paths": ["stderr"]}, "needs use_internal_logger: false"),
        ({"use_internal_logger": False, "output_paths": []}, "names nothing"),
        ({"use_internal_logger": False, "output_paths": [""]}, "pattern"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Config.model_validate(settings)


@in_loop
async def test_basic_prints_a_line_for_each_batch(capsys: Capture) -> None:
    traces, metrics, logs = spans(2), points(3), records(4)
    await show(traces, metrics, logs)
    assert shown(capsys.readouterr().out) == [
        f'Traces {{"spans":2,"bytes":{traces.nbytes}}}',
        f'Metrics {{"data points":3,"bytes":{metrics.nbytes}}}',
        f'Logs {{"log records":4,"bytes":{logs.nbytes}}}',
    ]


@in_loop
async def test_a_batch_starts_with_the_time(capsys: Capture) -> None:
    await show(spans(1))
    moment = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\t"
    assert re.match(f"{moment}Traces ", capsys.readouterr().out)


@in_loop
async def test_normal_prints_a_line_for_each_item_too(capsys: Capture) -> None:
    await show(spans(2), verbosity="normal")
    lines = shown(capsys.readouterr().out)
    assert len(lines) == 3
    assert lines[1].startswith("span 0 ")


@in_loop
async def test_detailed_prints_every_field(capsys: Capture) -> None:
    await show(spans(2), verbosity="detailed")
    assert "    name: span 1" in shown(capsys.readouterr().out)


@pytest.mark.parametrize("use_internal_logger", [False, True])
@in_loop
async def test_control_characters_are_escaped(
    use_internal_logger: bool, capsys: Capture, caplog: pytest.LogCaptureFixture
) -> None:
    batch = spans(1, "two\nlines \x1b[31m")
    with caplog.at_level(logging.INFO):
        await show(batch, verbosity="normal", use_internal_logger=use_internal_logger)
    lines = caplog.messages if use_internal_logger else shown(capsys.readouterr().out)
    assert len(lines) == 2
    assert lines[1].startswith(r"two\nlines \u001b[31m")


@in_loop
async def test_the_log_gets_it_unless_told_otherwise(
    capsys: Capture, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        await show(spans(2), use_internal_logger=True)
    assert caplog.messages == [f'Traces {{"spans":2,"bytes":{spans(2).nbytes}}}']
    assert capsys.readouterr().out == ""


@in_loop
async def test_output_paths_are_streams_and_files_that_are_added_to(
    tmp_path: Path, capsys: Capture
) -> None:
    path = tmp_path / "shown"
    await show(spans(1), output_paths=["stdout", "stderr", str(path)])
    captured = capsys.readouterr()
    assert captured.out == captured.err == path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    await show(spans(1), output_paths=[str(path)])
    assert len(shown(path.read_text())) == 2


@in_loop
async def test_a_file_that_cannot_be_opened_stops_the_start(tmp_path: Path) -> None:
    config = Config(use_internal_logger=False, output_paths=[str(tmp_path)])
    async with context("debug/file") as given:
        exporter = config.build(given)
        with pytest.raises(StartError, match=r"debug/file: cannot print to .*: Is a directory"):
            await exporter.start()


@in_loop
async def test_what_cannot_be_printed_is_not_tried_again() -> None:
    config = Config(use_internal_logger=False, output_paths=["/dev/full"])
    async with running(config) as exporter:
        with pytest.raises(Permanent, match="cannot print to /dev/full: No space left on device"):
            await exporter.send(spans(1))


def test_a_summary_has_the_name_the_ids_the_value_and_the_attributes() -> None:
    span = {"name": "GET", "trace_id": "aa", "span_id": "bb", "attributes": {"code": 200}}
    assert summary(span) == "GET aa bb code=200"
    assert summary({"metric": {"name": "load"}, "as_double": 0.5}) == "load 0.5"
    assert summary({"metric": {"name": "took"}, "count": 3, "sum": 4.5}) == "took count=3 sum=4.5"
    assert summary({"body": "started", "attributes": {}}) == "started"


def test_details_are_indented_by_depth() -> None:
    row = {"name": "GET", "resource": {"attributes": {"a": 1}}, "events": [{"name": "e"}], "x": {}}
    assert list(details(row, depth=0)) == [
        "name: GET",
        "resource:",
        "    attributes:",
        "        a: 1",
        "events:",
        "    0:",
        "        name: e",
        "x: {}",
    ]


@pytest.mark.parametrize(
    ("initial", "thereafter", "taken"),
    [(2, 1, "111111"), (2, 0, "110000"), (1, 2, "101010"), (0, 3, "001001")],
)
def test_sampling_takes_the_first_of_each_second_and_then_every_so_many(
    initial: int, thereafter: int, taken: str
) -> None:
    sampler = Sampler(initial, thereafter)
    for second in (1.0, 2.5):
        assert "".join(str(int(sampler.takes(second))) for _ in taken) == taken


@in_loop
async def test_each_signal_is_sampled_by_itself(caplog: pytest.LogCaptureFixture) -> None:
    config = Config(sampling_initial=1, sampling_thereafter=0)
    async with context("debug") as given:
        exporter = Debug(config, given, clock=lambda: 1.5)
        with caplog.at_level(logging.INFO):
            for batch in (spans(1), records(1), spans(2), records(2)):
                await exporter.send(batch)
    assert [message.partition(" ")[0] for message in caplog.messages] == ["Traces", "Logs"]
