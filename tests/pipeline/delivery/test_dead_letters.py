"""Dead letters: what could not be delivered is in files, whole, and within their size."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from penstock.pipeline import Batch, Permanent, Refused, Rejected, Retryable, Signal, StartError
from penstock.pipeline.delivery import dead_letters
from penstock.pipeline.delivery.dead_letters import DeadLetterConfig, DeadLetters
from penstock.pipeline.telemetry.registry import Telemetry
from penstock.redaction import HIDDEN, keep_secret
from tests.kit import (
    Backend,
    GivenBackend,
    context,
    delivery,
    eventually,
    in_loop,
    names,
    outcome_of,
    spans,
)

if TYPE_CHECKING:
    from pathlib import Path

OFF = {"enabled": False}


def settings(backend: Backend, folder: Path, **options: Any) -> GivenBackend:
    """Settings that keep dead letters, and repeat nothing unless told so."""
    options = {"retry_on_failure": OFF, **options}
    letters = {"directory": str(folder), **options.pop("dead_letter", {})}
    return GivenBackend.model_validate({"component": backend, "dead_letter": letters, **options})


def letters(folder: Path) -> list[dict[str, Any]]:
    """Every line of every file."""
    files = sorted(folder.glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def kept(folder: Path) -> list[str]:
    """The names of the spans in all files, read as any reader of OTLP/JSON reads them."""
    files = sorted(folder.glob("*.jsonl"))
    lines = [line for file in files for line in file.read_bytes().splitlines()]
    return names([Batch.from_json("traces", line) for line in lines])


def sizes_in(folder: Path) -> list[int]:
    return [file.stat().st_size for file in folder.iterdir()]


def count(telemetry: Telemetry, what: str) -> float:
    return telemetry.total(f"penstock_exporter_{what}_items", exporter="backend")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Permanent("no such tenant"), "permanent"),
        (ValueError("a bug"), "permanent"),
        (Retryable("come again"), "retries_exhausted"),
    ],
)
@in_loop
async def test_a_batch_that_is_given_up_is_a_letter(
    tmp_path: Path, fault: Exception, reason: str
) -> None:
    telemetry, backend = Telemetry(), Backend(fault)
    async with delivery(backend, settings(backend, tmp_path), telemetry=telemetry) as subject:
        await subject.consume(spans(3))
        await eventually(lambda: subject.queued == 0)
    [letter] = letters(tmp_path)
    about = letter["penstock"]
    assert about.pop("time").endswith("+00:00")
    assert about == {
        "exporter": "backend",
        "signal": "traces",
        "reason": reason,
        "error": str(fault),
    }
    assert kept(tmp_path) == ["span 0", "span 1", "span 2"]
    assert count(telemetry, "dead_letter") == 3
    assert count(telemetry, "lost_dead_letter") == 0


@in_loop
async def test_items_that_the_back_end_names_are_a_letter(tmp_path: Path) -> None:
    batch = spans(3)
    bad = batch.split(max_items=1)[1]
    backend = Backend(Rejected(1, "no mapping", bad), Rejected(1, "which one it does not say"))
    async with delivery(backend, settings(backend, tmp_path)) as subject:
        await subject.consume(batch)
        await subject.consume(spans(2))
    [letter] = letters(tmp_path)
    assert (letter["penstock"]["reason"], letter["penstock"]["error"]) == ("partial", "no mapping")
    assert kept(tmp_path) == ["span 1"]


@pytest.mark.parametrize("queue", [OFF, {"wait_for_result": True}])
@in_loop
async def test_what_a_waiting_sender_may_send_again_is_no_letter(
    tmp_path: Path, queue: dict[str, Any]
) -> None:
    backend = Backend(Retryable("come again"), Permanent("never"))
    async with delivery(backend, settings(backend, tmp_path, sending_queue=queue)) as subject:
        assert isinstance(await outcome_of(subject.consume(spans(1, "later"))), Refused)
        await outcome_of(subject.consume(spans(1, "never")))
    assert kept(tmp_path) == ["never 0"]


@in_loop
async def test_what_is_left_at_a_stop_is_a_letter(tmp_path: Path) -> None:
    backend = Backend(*[Retryable("down")] * 9)
    retry = {"initial_interval": "60s"}
    async with delivery(backend, settings(backend, tmp_path, retry_on_failure=retry)) as subject:
        await subject.consume(spans(2))
        await subject.consume(spans(1, "other"))
    assert sorted(kept(tmp_path)) == ["other 0", "span 0", "span 1"]
    assert {letter["penstock"]["reason"] for letter in letters(tmp_path)} == {"shutdown"}


@in_loop
async def test_files_have_a_greatest_size_together(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(dead_letters, "FILE_BYTES", 1000)
    telemetry, backend = Telemetry(), Backend(*[Permanent("never")] * 40)
    config = settings(
        backend, tmp_path, dead_letter={"max_size": 5000}, sending_queue={"num_consumers": 1}
    )
    async with delivery(backend, config, telemetry=telemetry) as subject:
        for _ in range(40):
            await subject.consume(spans(1))
    sizes = sizes_in(tmp_path)
    assert len(sizes) > 2, "several files"
    assert 4000 < sum(sizes) <= 5000
    assert count(telemetry, "dead_letter") == len(kept(tmp_path))
    assert count(telemetry, "dead_letter") + count(telemetry, "lost_dead_letter") == 40


@in_loop
async def test_a_large_batch_is_several_lines(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(dead_letters, "LINE_BYTES", 100)
    backend = Backend(Permanent("never"))
    async with delivery(backend, settings(backend, tmp_path)) as subject:
        await subject.consume(spans(20))
    assert len(letters(tmp_path)) > 3
    assert kept(tmp_path) == [f"span {i}" for i in range(20)]


@in_loop
async def test_a_directory_that_cannot_be_written_to_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    config = DeadLetterConfig(directory=str(tmp_path / "file" / "letters"))
    async with context("backend") as given:
        with pytest.raises(StartError, match=r"dead_letter\.directory .*: Not a directory"):
            await DeadLetters(config, given, Signal.TRACES).start()


@in_loop
async def test_a_directory_that_goes_away_costs_letters_which_are_counted(tmp_path: Path) -> None:
    telemetry, backend = Telemetry(), Backend(Permanent("never"), Permanent("never"))
    folder = tmp_path / "letters"
    async with delivery(backend, settings(backend, folder), telemetry=telemetry) as subject:
        folder.rmdir()
        await subject.consume(spans(2))
    assert count(telemetry, "lost_dead_letter") == 2


@in_loop
async def test_secrets_and_long_errors_are_not_kept(tmp_path: Path) -> None:
    keep_secret(["hunter2-hunter2"])
    backend = Backend(Permanent("bad credentials hunter2-hunter2 " + "x" * 5000))
    async with delivery(backend, settings(backend, tmp_path)) as subject:
        await subject.consume(spans(1))
    error = letters(tmp_path)[0]["penstock"]["error"]
    assert error.startswith(f"bad credentials {HIDDEN}")
    assert len(error) == dead_letters.LONGEST_ERROR
