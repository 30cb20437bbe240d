"""Files that grow and are rotated while a real Penstock reads them, is killed and starts again."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.integration.recorder import Recorder
from tests.integration.service import Penstock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Tailing(Penstock):
    """Reads the files of a folder, and tells a back end before it goes on."""

    def __init__(self, folder: Path, recorder: Recorder, **options: Any) -> None:
        self._folder = folder
        self._options = options
        exporter = {
            "endpoint": recorder.address,
            "tls": {"insecure": True},
            "sending_queue": {"enabled": False},
        }
        super().__init__(folder, {"otlp": exporter})

    def settings(self, exporters: Mapping[str, Any]) -> dict[str, Any]:
        settings = super().settings(exporters)
        settings["receivers"] = {
            "filelog": {
                "include": [str(self._folder / "logs" / "*")],
                "start_at": "beginning",
                "compression": "auto",
                "poll_interval": "50ms",
                "storage": "file_storage",
                **self._options,
            }
        }
        settings["extensions"]["file_storage"] = {"directory": str(self._folder / "stored")}
        settings["service"]["extensions"].append("file_storage")
        pipeline = {"receivers": ["filelog"], "exporters": ["otlp"]}
        settings["service"]["pipelines"] = {"logs": pipeline}
        return settings


class Writer(threading.Thread):
    """Writes numbered lines, and rotates the file every so many."""

    def __init__(self, folder: Path, lines: int, every: int) -> None:
        super().__init__()
        self._folder = folder
        self._lines = lines
        self._every = every

    def run(self) -> None:
        log = self._folder / "app.log"
        for begin in range(0, self._lines, self._every):
            with log.open("w") as file:
                for number in range(begin, begin + self._every):
                    file.write(f"line {number} {'x' * 150}\n")
                    if number % 500 == 0:
                        file.flush()
                        time.sleep(0.002)
            log.rename(self._folder / f"app.log.{begin // self._every}")


def numbers(recorder: Recorder) -> Counter[int]:
    """How often each line has come."""
    return Counter(
        int(record.body.string_value.split()[1])
        for request in recorder.requests("logs")
        for resource in request.resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    )


def logs(folder: Path) -> Path:
    made = folder / "logs"
    made.mkdir()
    return made


def test_every_line_comes_once_however_often_the_file_is_rotated(tmp_path: Path) -> None:
    writer = Writer(logs(tmp_path), lines=60_000, every=5_000)
    with Recorder() as recorder, Tailing(tmp_path, recorder) as penstock:
        writer.start()
        writer.join()
        penstock.wait_until(lambda: len(numbers(recorder)) == 60_000)
        assert set(numbers(recorder).values()) == {1}


def test_a_stop_in_order_loses_and_repeats_nothing(tmp_path: Path) -> None:
    writer = Writer(logs(tmp_path), lines=60_000, every=60_000)
    with Recorder() as recorder:
        writer.start()
        for _ in range(3):
            with Tailing(tmp_path, recorder) as penstock:
                before = len(numbers(recorder))
                penstock.wait_until(lambda: len(numbers(recorder)) > before)  # noqa: B023
        writer.join()
        with Tailing(tmp_path, recorder) as penstock:
            penstock.wait_until(lambda: len(numbers(recorder)) == 60_000)
        assert set(numbers(recorder).values()) == {1}


def test_who_is_killed_loses_nothing_and_repeats_what_was_not_stored(tmp_path: Path) -> None:
    writer = Writer(logs(tmp_path), lines=100_000, every=25_000)
    with Recorder() as recorder:
        writer.start()
        with Tailing(tmp_path, recorder) as penstock:
            penstock.wait_until(lambda: len(numbers(recorder)) > 20_000)
            penstock.kill()
        writer.join()
        with Tailing(tmp_path, recorder) as penstock:
            penstock.wait_until(lambda: len(numbers(recorder)) == 100_000)
            found = numbers(recorder)
    assert max(found.values()) <= 2, "what came twice came again once"


def test_a_back_end_that_is_down_costs_nothing(tmp_path: Path) -> None:
    writer = Writer(logs(tmp_path), lines=20_000, every=5_000)
    recorder = Recorder()
    with Tailing(tmp_path, recorder) as penstock:
        writer.start()
        writer.join()
        with recorder:
            penstock.wait_until(lambda: len(numbers(recorder)) == 20_000)
            assert set(numbers(recorder).values()) == {1}


def test_files_are_known_after_they_were_compressed_while_nobody_looked(tmp_path: Path) -> None:
    import gzip

    log = logs(tmp_path) / "app.log"
    log.write_text("".join(f"line {number} {'x' * 50}\n" for number in range(1_000)))
    with Recorder() as recorder:
        with Tailing(tmp_path, recorder) as penstock:
            penstock.wait_until(lambda: len(numbers(recorder)) == 1_000)
        with log.open("a") as file:
            file.write("line 1000\n")
        (log.parent / "app.log.1.gz").write_bytes(gzip.compress(log.read_bytes()))
        os.truncate(log, 0)
        with log.open("a") as file:
            file.write("line 1001\n")
        with Tailing(tmp_path, recorder) as penstock:
            penstock.wait_until(lambda: len(numbers(recorder)) == 1_002)
        assert set(numbers(recorder).values()) == {1}
