"""The python processor: somebody's own code, and what it may do wrong."""

from __future__ import annotations

import asyncio
import gc
import re
import sys
import threading
import time
import weakref
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any, Self

import pytest

from penstock.config.load import load_text
from penstock.pipeline import Refused, StartError
from penstock.pipeline.errors import ConfigError
from penstock.processors.python import Config
from tests.kit import (
    Backend,
    Source,
    eventually,
    in_loop,
    names,
    outcome_of,
    points,
    recorded,
    service,
    spans,
    wire,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.pipeline.runner import Running

    Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file of code."""

    def write(text: str) -> Path:
        file = tmp_path / "own.py"
        file.write_text(dedent(text))
        file.chmod(0o644)
        return file

    return write


class Pipeline:
    """A service whose one pipeline has the processor."""

    def __init__(self, file: Path, **settings: Any) -> None:
        own = Config.model_validate({"file": file, **settings})
        self.source, self.backend = Source(), Backend()
        self._service = service(
            wire("traces: in -> own -> out", in_=self.source, own=own, out=self.backend)
        )

    async def __aenter__(self) -> Self:
        self.running: Running = await self._service.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._service.__aexit__(None, None, None)

    @property
    def names(self) -> list[str]:
        return names(self.backend.got)

    def failed(self, reason: str) -> float:
        return self.running.telemetry.total("penstock_processor_failed_batches", reason=reason)

    def dropped(self, reason: str) -> float:
        return self.running.telemetry.total("penstock_processor_dropped_items", reason=reason)


HALF = """
    def process(batch):
        return batch.keep(batch.column("span.name") == "span 1")
"""

FAILS = """
    def process(batch):
        secret = batch.column("span.name").values[0]
        raise KeyError(secret)
"""


@in_loop
async def test_a_function_takes_batches_and_gives_what_goes_on(write: Write) -> None:
    async with Pipeline(write(HALF)) as pipeline:
        await pipeline.source.send(spans(3))
        assert pipeline.names == ["span 1"]
        assert pipeline.dropped("filtered") == 2


@in_loop
async def test_a_class_has_settings_state_a_start_and_a_stop(write: Write, tmp_path: Path) -> None:
    code = """
        from __future__ import annotations
        from pathlib import Path
        from pydantic import BaseModel

        class Config(BaseModel):
            log: Path
            limit: int = 2

        class Processor:
            def __init__(self, config: Config) -> None:
                self.config, self.seen = config, 0
            def start(self):
                self.config.log.write_text("started")
            def process(self, batch):
                self.seen += len(batch)
                return batch if self.seen <= self.config.limit else None
            def stop(self):
                self.config.log.write_text(f"saw {self.seen}")
    """
    log = tmp_path / "log"
    async with Pipeline(write(code), config={"log": str(log)}) as pipeline:
        assert log.read_text() == "started"
        await pipeline.source.send(spans(2))
        await pipeline.source.send(spans(1))
        assert len(pipeline.names) == 2
    assert log.read_text() == "saw 3"


@in_loop
async def test_every_pipeline_has_a_state_of_its_own(write: Write) -> None:
    own = Config(
        file=write(
            "seen = []\ndef process(batch):\n  seen.append(1)\n  print(seen)\n"
            "  return batch if len(seen) == 1 else None\n"
        )
    )
    source, backend = Source(), Backend()
    wiring = wire(
        "traces: in -> own -> out",
        "traces/2: in -> own -> out",
        in_=source,
        own=own,
        out=backend,
    )
    async with service(wiring):
        await source.send(spans(1))
        assert len(backend.got) == 2


@in_loop
async def test_the_code_runs_beside_the_event_loop_and_never_twice_at_once(write: Write) -> None:
    code = """
        import threading
        inside = threading.Lock()
        def process(batch):
            assert threading.current_thread() is not threading.main_thread()
            assert inside.acquire(blocking=False)
            inside.release()
            return batch
    """
    async with Pipeline(write(code)) as pipeline:
        await asyncio.gather(*(pipeline.source.send(spans(1)) for _ in range(50)))
        assert len(pipeline.names) == 50


@in_loop
async def test_ignore_passes_on_what_the_code_failed_on(write: Write) -> None:
    async with Pipeline(write(FAILS), error_mode="ignore") as pipeline:
        await pipeline.source.send(spans(2))
        assert len(pipeline.names) == 2
        assert pipeline.failed("exception") == 1
        assert pipeline.dropped("error") == 0


@in_loop
async def test_drop_drops_what_the_code_failed_on(write: Write) -> None:
    async with Pipeline(write(FAILS), error_mode="drop") as pipeline:
        await pipeline.source.send(spans(2))
        assert pipeline.names == []
        assert pipeline.dropped("error") == 2


@in_loop
async def test_propagate_leaves_it_to_the_sender(write: Write) -> None:
    async with Pipeline(write(FAILS)) as pipeline:
        with pytest.raises(Refused, match="own failed"):
            await pipeline.source.send(spans(2))
        assert pipeline.dropped("error") == 0


@in_loop
async def test_an_exception_is_logged_with_its_line_and_without_data(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    async with Pipeline(write(FAILS), error_mode="drop") as pipeline:
        for _ in range(3):
            await pipeline.source.send(spans(1, "hidden"))
    (line,) = [it.getMessage() for it in caplog.records if "KeyError" in it.getMessage()]
    assert "own.py:4, `raise KeyError(secret)`" in line
    assert "hidden" not in caplog.text


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("return 7", "returned int"),
        ("return [batch]", "returned list"),
        ("return batch.native", "returned Batch"),
        ("return type(batch).concat([batch, batch])", "made 4 items of 2"),
        ("import sys; sys.exit()", "SystemExit"),
        ("raise StopIteration", "StopIteration"),
        ("return process(batch)", "RecursionError"),
        ("return batch.set('span.nonsense', 1)", "ValueError"),
        ("return batch.keep([True])", "ValueError"),
    ],
)
@in_loop
async def test_nonsense_costs_a_batch_and_not_the_service(
    write: Write, caplog: pytest.LogCaptureFixture, statement: str, told: str
) -> None:
    code = f"def process(batch):\n    if len(batch) == 1: return batch\n    {statement}\n"
    async with Pipeline(write(code), error_mode="drop") as pipeline:
        await pipeline.source.send(spans(2))
        assert pipeline.dropped("error") == 2
        await pipeline.source.send(spans(1))
        assert len(pipeline.names) == 1
    assert told in caplog.text


@in_loop
async def test_a_batch_of_another_signal_is_nonsense(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "other_batch", points(1), raising=False)
    code = "import sys\ndef process(batch): return sys.other_batch\n"
    async with Pipeline(write(code), error_mode="drop") as pipeline:
        await pipeline.source.send(spans(1))
        assert pipeline.failed("result") == 1


HANGS = """
    import sys
    def process(batch):
        if len(batch) == 1:
            sys.gate.wait()
        return batch
"""


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """What the code that hangs waits for."""
    gate = threading.Event()
    monkeypatch.setattr(sys, "gate", gate, raising=False)
    return gate


@in_loop
async def test_what_hangs_is_told_and_refused_until_it_returns(
    write: Write, gate: threading.Event
) -> None:
    settings = {"timeout": "50ms", "error_mode": "ignore"}
    async with Pipeline(write(HANGS), **settings) as pipeline:
        await pipeline.source.send(spans(1))
        assert pipeline.failed("timeout") == 1
        assert len(pipeline.names) == 1, "passed on unchanged"

        with pytest.raises(Refused, match="has not returned"):
            await pipeline.source.send(spans(2))

        gate.set()

        async def taken() -> bool:
            return await outcome_of(pipeline.source.send(spans(2))) is None

        async with asyncio.timeout(5):
            while not await taken():
                pass
        assert len(pipeline.names) == 3


@in_loop
async def test_what_hangs_does_not_keep_the_service_from_stopping(
    write: Write, gate: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    begin = time.monotonic()
    async with Pipeline(write(HANGS), timeout="50ms", error_mode="drop") as pipeline:
        await pipeline.source.send(spans(1))
    assert time.monotonic() - begin < 3
    assert "own.py hangs" in caplog.text
    gate.set()


@in_loop
async def test_the_event_loop_goes_on_while_the_code_works(
    write: Write, gate: threading.Event
) -> None:
    async with Pipeline(write(HANGS)) as pipeline:
        sending = asyncio.ensure_future(pipeline.source.send(spans(1)))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not sending.done()
        gate.set()
        await sending


@in_loop
async def test_slow_code_is_warned_of_by_name_and_measured(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    code = "import time\ndef process(batch):\n    time.sleep(0.02)\n    return batch\n"
    async with Pipeline(write(code), warn_after="10ms") as pipeline:
        took = recorded(pipeline.running.telemetry, "otelcol_processor_internal_duration")
        await pipeline.source.send(spans(1))
    assert took[0] >= 0.02
    (line,) = [it.getMessage() for it in caplog.records if "Slow" in it.getMessage()]
    assert f"own.py took {took[0]:.3g}s" in line


@in_loop
async def test_what_code_keeps_is_let_go_with_it(write: Write) -> None:
    code = """
        kept = []
        class Leak: pass
        def process(batch):
            kept.append((Leak(), batch, bytearray(100_000)))
            return batch
    """
    async with Pipeline(write(code)) as pipeline:
        for _ in range(20):
            await pipeline.source.send(spans(1))
        (module,) = [it for name, it in sys.modules.items() if name.startswith("penstock_python_")]
        leaks = [weakref.ref(entry[0]) for entry in module.kept]
        del module
    assert len(leaks) == 20
    await eventually(lambda: gc.collect() >= 0 and not any(leak() for leak in leaks))
    assert not [name for name in sys.modules if name.startswith("penstock_python_")]


@in_loop
async def test_a_batch_is_not_kept_until_the_next_one_comes(write: Write) -> None:
    code = """
        import weakref
        class Mark: pass
        marks = []
        def process(batch):
            mark = Mark()
            marks.append(weakref.ref(mark))
            raise ValueError(mark)
    """
    async with Pipeline(write(code), error_mode="drop") as pipeline:
        await pipeline.source.send(spans(1))
        (module,) = [it for name, it in sys.modules.items() if name.startswith("penstock_python_")]
        await eventually(lambda: module.marks[0]() is None)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("def process(batch): return batch\nraise OSError('no such disk')", "own.py:2, `raise"),
        ("class Processor:\n def process(self, batch): pass\n def start(self): 1 / 0", "own.py:3"),
        (
            "class Config: pass\nclass Processor:\n def process(self, batch): pass",
            "must derive from `pydantic.BaseModel`",
        ),
        ("import sys\ndef process(batch): pass\nsys.exit(0)", "SystemExit"),
    ],
)
@in_loop
async def test_code_that_does_not_start_stops_the_start_with_its_line(
    write: Write, code: str, told: str
) -> None:
    with pytest.raises(StartError, match=r"processor own in traces could not start") as caught:
        async with Pipeline(write(code)):
            pass
    assert told in str(caught.value)


SETTINGS = """
    from pydantic import BaseModel
    class Config(BaseModel):
        limit: int
    class Processor:
        def __init__(self, config): pass
        def process(self, batch): return batch
"""


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"limit": "much"}, "config.limit: Input should be a valid integer"),
        ({"limit": 1, "limt": 2}, "config.limt: unknown option; there are limit"),
        ({}, "config.limit: Field required"),
    ],
)
@in_loop
async def test_settings_that_the_code_does_not_take_stop_the_start(
    write: Write, given: dict[str, Any], told: str
) -> None:
    with pytest.raises(StartError) as caught:
        async with Pipeline(write(SETTINGS), config=given):
            pass
    assert told in str(caught.value)


@in_loop
async def test_a_file_that_was_changed_for_the_worse_stops_the_start(write: Write) -> None:
    file = write(HALF)
    pipeline = Pipeline(file)
    file.chmod(0o666)
    with pytest.raises(StartError, match="chmod go-w"):
        await pipeline.__aenter__()


def refusal(settings: str) -> str:
    """What `validate` says of the processor."""
    text = f"""
receivers: {{otlp: {{protocols: {{grpc: }}}}}}
processors:
  python: {settings}
exporters: {{nop: }}
service: {{pipelines: {{traces: {{receivers: [otlp], processors: [python], exporters: [nop]}}}}}}
"""
    with pytest.raises(ConfigError) as caught:
        load_text(text, "own.yaml", {})
    (fault,) = caught.value.faults
    return str(fault)


def test_validate_does_not_run_the_code(write: Write, tmp_path: Path) -> None:
    file = write(f"""
        def process(batch): pass
        open({str(tmp_path / "ran")!r}, "w").close()
    """)
    Config(file=file)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("def process(batch):\n  retrun batch", "own.py:2:10: invalid syntax"),
        ("return 1", "own.py:1:1: 'return' outside function"),
        ("x = '\0'", "own.py"),
        ("", "own.py: expected a function `process(batch)` or a class `Processor`"),
        ("def proces(batch): pass", "own.py: expected a function `process(batch)`"),
        ("class Processor: pass", "own.py:1: expected a method `process(self, batch)`"),
        ("async def process(batch): pass", "own.py:1: `process` must not be `async`"),
        ("\ndef process(): pass", "own.py:2: `process` must take one argument, the batch"),
        ("def process(a, b): pass", "own.py:1: `process` must take one argument"),
        ("def process(a, *, b): pass", "own.py:1: `process` must take one argument"),
        ("class Processor:\n  def process(self): pass", "own.py:2: `process` must take one"),
        ("(" * 9000, "own.py"),
    ],
)
def test_validate_tells_what_the_code_lacks_and_where(write: Write, code: str, told: str) -> None:
    found = refusal(f"{{file: {write(code)}}}")
    assert found.startswith("processors.python.file: ")
    assert told in found


def test_settings_need_a_class_that_takes_them(write: Write) -> None:
    file = write(HALF)
    assert "no classes `Processor` and `Config`" in refusal(f"{{file: {file}, config: {{a: 1}}}}")


@pytest.mark.parametrize("settings", ["{}", "{file: a.py, entry_point: b}"])
def test_a_processor_has_one_place_for_its_code(
    settings: str, write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write(HALF).rename(tmp_path / "a.py")
    monkeypatch.chdir(tmp_path)
    assert refusal(settings)


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o777])
def test_a_file_that_others_can_write_is_refused(write: Write, mode: int) -> None:
    file = write(HALF)
    file.chmod(mode)
    assert "chmod go-w" in refusal(f"{{file: {file}}}")


def test_a_link_that_leads_out_of_its_folder_is_refused(write: Write, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    link = tmp_path / "folder" / "link.py"
    link.symlink_to(write(HALF))
    assert "leads out of its folder" in refusal(f"{{file: {link}}}")


def test_links_within_its_folder_are_followed_as_kubernetes_makes_them(
    write: Write, tmp_path: Path
) -> None:
    (tmp_path / "..2026").mkdir()
    write(HALF).rename(tmp_path / "..2026" / "own.py")
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "own.py").symlink_to("..data/own.py")
    assert Config(file=tmp_path / "own.py").source().text


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe.py")
    assert "is no file" in refusal(f"{{file: {tmp_path / 'pipe.py'}}}")
    assert "Is a directory" in refusal(f"{{file: {tmp_path}}}")
    assert "cannot be read: No such file" in refusal(f"{{file: {tmp_path / 'none.py'}}}")


def test_a_file_of_a_size_that_nobody_writes_is_refused(write: Write) -> None:
    assert "more than 1048576" in refusal(f"{{file: {write('#' * 2_000_000)}}}")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that announces `half` and `gone`."""
    (tmp_path / "acme_half.py").write_text(dedent(HALF))
    facts = tmp_path / "acme-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(
        "[penstock.python]\nhalf = acme_half\ngone = acme_gone\n"
    )
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("installed")
@in_loop
async def test_an_installed_package_can_have_the_code() -> None:
    source, backend = Source(), Backend()
    own = Config(entry_point="half")
    async with service(wire("traces: in -> own -> out", in_=source, own=own, out=backend)):
        await source.send(spans(3))
        assert names(backend.got) == ["span 1"]


@pytest.mark.usefixtures("installed")
def test_a_package_that_is_not_installed_is_named_with_those_that_are() -> None:
    assert "which has gone, half" in refusal("{entry_point: hlaf}")
    assert "`acme_gone` cannot be found" in refusal("{entry_point: gone}")


@pytest.mark.parametrize(
    ("stop", "told"),
    [("sys.gate.wait()", "has not returned within 0.05s"), ("1 / 0", "ZeroDivisionError at ")],
)
@in_loop
async def test_code_that_does_not_stop_is_told_and_left(
    write: Write, gate: threading.Event, caplog: pytest.LogCaptureFixture, stop: str, told: str
) -> None:
    code = f"""
        import sys
        class Processor:
            def process(self, batch): return batch
            def stop(self): {stop}
    """
    async with Pipeline(write(code), timeout="50ms") as pipeline:
        await pipeline.source.send(spans(1))
    gate.set()
    assert told in caplog.text


DOCUMENT = Path(__file__).parents[2] / "docs" / "python.md"


@pytest.mark.parametrize(
    "code",
    [
        code
        for code in re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
        if "polars" not in code  # which not everybody has
    ],
)
@in_loop
async def test_the_code_in_the_document_runs(write: Write, code: str) -> None:
    async with Pipeline(write(code)) as pipeline:
        await pipeline.source.send(spans(2))
        assert len(pipeline.names) == 2


def test_a_status_tells_what_failed_and_that_it_works_again(write: Write) -> None:
    code = "def process(batch):\n    return batch if len(batch) > 1 else 1\n"

    async def run() -> list[str]:
        async with Pipeline(write(code), error_mode="drop") as pipeline:
            (state,) = pipeline.running.board.at("processor own in traces")
            found = []
            for count in (1, 2):
                await pipeline.source.send(spans(count))
                found.append(str(state.report.status))
            return found

    assert asyncio.run(run()) == ["StatusRecoverableError", "StatusOK"]
