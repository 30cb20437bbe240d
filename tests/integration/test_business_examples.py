"""What the examples of presets send becomes the numbers that their README works out."""

from __future__ import annotations

import json
import re
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from penstock.business.dry_run import STATES
from penstock.business.presets import names
from penstock.business.settings import Settings
from penstock.prometheus.names import MetricType, Namer
from tests.integration.program import Program, complete, eventually, fetch, free_ports
from tests.integration.service import ITEMS, command

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = Path(__file__).parents[2] / "examples" / "business"

WINDOW = 300
"""Seconds that each program tells of, and the longest step of a window."""

GRACE = 45
"""Seconds that all services and programs have before the windows close."""

SAME = 1e-9
STATED = 0.01
"""How far off numbers may be: a quantile's error is stated."""

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Example(Program):
    """A service with the settings of an example, and where it listens."""

    def __init__(self, preset: str, folder: Path, lateness: float) -> None:
        self.otlp, self.page, self.statsd, self.push = free_ports(4)
        self.settings = EXAMPLES / f"{preset}.yaml"
        self.recorded = folder / f"{preset}.json"
        text = self.settings.read_text()
        sets = {
            "receivers.otlp.protocols.http.endpoint": f"127.0.0.1:{self.otlp}",
            "exporters.prometheus.endpoint": f"127.0.0.1:{self.page}",
            "connectors.business_metrics.interval": "1s",
            "service.telemetry.metrics.level": "none",
        }
        sets["exporters.file.path"] = str(self.recorded)
        for signal in ITEMS:
            if f"    {signal}:\n" in text:
                sets[f"service.pipelines.{signal}.exporters"] = "[business_metrics, file]"
        for receiver, port in {"statsd": self.statsd, "push_http": self.push}.items():
            if f"  {receiver}:\n" in text:
                sets[f"receivers.{receiver}.endpoint"] = f"127.0.0.1:{port}"
        settings = [f"--set={path}={value}" for path, value in sets.items()]
        arguments = command("run", "--config", str(self.settings), *settings)
        env = {"ALLOWED_LATENESS": f"{lateness:.0f}s"}
        super().__init__(preset, arguments, folder, env)

    def ready(self) -> bool:
        """Whether it can be scraped; receivers have not all started before."""
        return "Every pipeline runs." in self.output()

    def endpoints(self) -> dict[str, str]:
        """Where a program has to send."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.otlp}",
            "STATSD_ENDPOINT": f"127.0.0.1:{self.statsd}",
            "EVENTS_ENDPOINT": f"http://127.0.0.1:{self.push}/v1/push/events",
        }

    def shown(self) -> Series:
        """What a scrape sees."""
        return series((fetch(f"http://127.0.0.1:{self.page}/metrics") or b"").decode())


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Example]]:
    """All examples at once, each with what its program has sent of the last whole five minutes."""
    folder = tmp_path_factory.mktemp("examples")
    until = time.time() // WINDOW * WINDOW
    lateness = time.time() - until + GRACE
    with ExitStack() as running:
        services = {
            preset: running.enter_context(Example(preset, folder, lateness)) for preset in names()
        }
        told = datetime.fromtimestamp(until, UTC).isoformat()
        programs = [
            Program(
                f"{preset}-program",
                [sys.executable, str(EXAMPLES / f"{preset}.py"), "--until", told],
                folder,
                service.endpoints(),
            )
            for preset, service in services.items()
        ]
        for program in programs:
            assert program.wait() == 0, program.output()
        yield services


def series(page: str) -> Series:
    """Numbers by name and labels, those of the origin left out."""
    found = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            own = ("otel_scope_", "job", "instance")
            labels = {it for it in sample.labels.items() if not it[0].startswith(own)}
            found[sample.name, frozenset(labels)] = sample.value
    return found


def expected(preset: str) -> Series:
    """What the README says."""
    text = (EXAMPLES / "README.md").read_text()
    (block,) = re.findall(rf"^## {preset}\n.*?^```text\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    found = series(block)
    assert len(found) == block.count("\n")
    return found


def off(want: Series, got: Series) -> dict[str, tuple[float, float | None]]:
    """What is not as wanted: both numbers."""
    return {
        f"{name}{dict(labels)}": (value, got.get((name, labels)))
        for (name, labels), value in want.items()
        if got.get((name, labels))
        != pytest.approx(value, rel=STATED if "_p95_" in name else SAME, abs=SAME)
    }


@pytest.mark.parametrize("preset", names())
def test_the_numbers_are_those_of_the_readme(preset: str, examples: dict[str, Example]) -> None:
    want = expected(preset)
    shown = examples[preset].shown
    eventually(lambda: not off(want, shown()), lambda: off(want, shown()))


@pytest.mark.parametrize("preset", names())
def test_what_was_recorded_comes_to_the_same(preset: str, examples: dict[str, Example]) -> None:
    recorded = str(examples[preset].recorded)
    config = ("--config", str(examples[preset].settings), "--format", "json")
    found = json.loads(complete(command("business", "dry-run", recorded, *config)))
    got: dict[tuple[str, Any], float] = {}
    for key, value in gauges(preset, found["business_metrics"]["numbers"]):
        got.setdefault(key, value)  # what StatsD sent just now is of a window after that
    want = {key: value for key, value in expected(preset).items() if key in got}
    assert want
    assert off(want, got) == {}


def gauges(preset: str, numbers: list[dict[str, Any]]) -> Iterator[tuple[tuple[str, Any], float]]:
    """Numbers by the names that they have in Prometheus."""
    indicators = Settings(preset=preset).indicators
    for it in numbers:
        name, state = it["indicator"], it["state"]
        labels = frozenset((key, str(value)) for key, value in it["attributes"].items())
        shown = Namer().metric(name, indicators[name].unit, MetricType.GAUGE)
        yield (shown, labels), it["value"]
        if state:
            yield (f"{name}_state", labels), STATES.index(state)
