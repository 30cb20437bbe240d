"""What was measured, as JSON and as tables; `python -m bench.report` prints the last again."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.plan import RESULTS, BenchError, Scenario
from bench.process import LOAD_CORE, SERVER_CORE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.measure import Sample

LATEST = RESULTS / "latest.json"
TITLES = {
    "cpu_us": "CPU per item, µs",
    "peak_mb": "peak memory, MB",
    "p50_ms": "p50, ms",
    "p99_ms": "p99, ms",
    "growth_mb_per_min": "growth, MB a minute",
    "lost_percent": "lost, %",
    "ready_s": "start to ready, s",
    "idle_mb": "memory at rest, MB",
}
SHOWN = {
    "load": ["cpu_us", "peak_mb", "p50_ms", "p99_ms"],
    "kept": ["cpu_us", "peak_mb", "p50_ms", "p99_ms"],
    "statsd": ["cpu_us", "peak_mb", "lost_percent"],
    "files": ["cpu_us", "peak_mb"],
    "bulk": ["cpu_us", "peak_mb", "p50_ms", "p99_ms"],
    "kafka-out": ["cpu_us", "peak_mb", "p50_ms", "p99_ms"],
    "kafka-in": ["cpu_us", "peak_mb"],
    "idle": ["ready_s", "idle_mb"],
    "soak": ["cpu_us", "peak_mb", "p99_ms", "growth_mb_per_min"],
}
NEAR_ZERO = {"growth_mb_per_min", "lost_percent"}  # where a ratio says nothing
COMPARED = TITLES.keys() - NEAR_ZERO
BYTES_PER_GB = 1 << 30


@dataclass(frozen=True, slots=True)
class Result:
    """One scenario's samples, for each server in the order of its runs."""

    scenario: Scenario
    samples: dict[str, list[Sample]]

    @property
    def rounds(self) -> int:
        """How often each server ran."""
        return len(next(iter(self.samples.values())))

    def median(self, server: str, measure: str) -> float:
        """Give the median of one measure over the rounds."""
        return statistics.median(sample[measure] for sample in self.samples[server])

    def ratios(self, server: str, baseline: str, measure: str) -> list[float]:
        """Give the measure relative to the baseline's, for each pair of runs in turn."""
        pairs = zip(self.samples[server], self.samples[baseline], strict=True)
        return [mine[measure] / theirs[measure] for mine, theirs in pairs]

    def summary(self, baseline: str) -> dict[str, Any]:
        """Give medians and ratios by server, for readers of the JSON file."""
        return {name: self._of_server(name, baseline) for name in self.samples}

    def _of_server(self, name: str, baseline: str) -> dict[str, Any]:
        measures = SHOWN[self.scenario.kind]
        medians = {m: self.median(name, m) for m in measures}
        if name == baseline or baseline not in self.samples:
            return {"median": medians}
        ratios = {m: self.ratios(name, baseline, m) for m in measures if m in COMPARED}
        spread = {m: [min(r), statistics.median(r), max(r)] for m, r in ratios.items()}
        return {"median": medians, "ratio_low_median_high": spread}


@dataclass(frozen=True, slots=True)
class Report:
    """One whole run of the benchmark."""

    date: str
    machine: dict[str, str]
    servers: dict[str, str]
    baseline: str
    scale: float
    results: list[Result]

    def save(self) -> None:
        """Write the run to `results/latest.json`."""
        document = asdict(self)
        for entry, result in zip(document["results"], self.results, strict=True):
            entry["summary"] = result.summary(self.baseline)
        LATEST.write_text(json.dumps(document, indent=1) + "\n")

    @classmethod
    def latest(cls) -> Report:
        """Read what `save` wrote; raises `BenchError` if nothing did."""
        if not LATEST.exists():
            msg = "nothing has been measured yet; run `make bench`"
            raise BenchError(msg)
        document = json.loads(LATEST.read_bytes())
        results = [
            Result(Scenario(**entry["scenario"]), entry["samples"])
            for entry in document.pop("results")
        ]
        return cls(**document, results=results)

    def tables(self) -> Iterator[list[list[str]]]:
        """Give one table for each kind of scenario that ran: rows of cells, the head first."""
        for kind, measures in SHOWN.items():
            results = [result for result in self.results if result.scenario.kind == kind]
            if results:
                head = [f"rounds: {results[0].rounds}", *(TITLES[measure] for measure in measures)]
                yield [head, *(self._row(result, measures) for result in results)]

    def notes(self) -> list[str]:
        """Say what the figures are and where they were taken."""
        compared = ", ".join(name for name in self.servers if name != self.baseline)
        names, versions = " / ".join(self.servers), ", ".join(self.servers.values())
        ratio = (
            f" → {compared} relative to {self.baseline}, median of the pairs" if compared else ""
        )
        scaled = f" Requests scaled by {self.scale:g}." if self.scale != 1 else ""
        return [
            f"{names}, medians{ratio} (target).{scaled}",
            f"{self.date}: {versions}; {', '.join(self.machine.values())}.",
        ]

    def _row(self, result: Result, measures: list[str]) -> list[str]:
        return [result.scenario.name, *(self._cell(result, measure) for measure in measures)]

    def _cell(self, result: Result, measure: str) -> str:
        text = " / ".join(self._value(result, name, measure) for name in result.samples)
        compared = [name for name in result.samples if name != self.baseline]
        if self.baseline not in result.samples or not compared or measure not in COMPARED:
            return text
        ratios = (self._ratio(result, name, measure) for name in compared)
        return f"{text} → {', '.join(ratios)}"

    def _value(self, result: Result, server: str, measure: str) -> str:
        value, limit = result.median(server, measure), result.scenario.limit.get(measure)
        return _short(value) + self._verdict(server, value, limit)

    def _ratio(self, result: Result, server: str, measure: str) -> str:
        value = statistics.median(result.ratios(server, self.baseline, measure))
        return f"{value:.2f}" + self._verdict(server, value, result.scenario.ratio.get(measure))

    def _verdict(self, server: str, value: float, target: float | None) -> str:
        if target is None or server == self.baseline:
            return ""
        return f" (≤ {target:g})" if value <= target else f" (missed ≤ {target:g})"


def describe_machine() -> dict[str, str]:
    """Name the machine: processor, cores, memory, kernel, interpreter, and how busy it was."""
    info = Path("/proc/cpuinfo").read_text().splitlines()
    models = (line.partition(":")[2] for line in info if line.startswith("model name"))
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cpu": next(models, platform.machine()).strip(),
        "cores": f"{os.cpu_count()} cores (server on {SERVER_CORE}, load and sink on {LOAD_CORE})",
        "memory": f"{memory / BYTES_PER_GB:.0f} GB",
        "kernel": f"{platform.system()} {platform.release()}",
        "python": f"Python {platform.python_version()}",
        "load_average": f"load average {os.getloadavg()[0]:.1f} at the start",
    }


def as_text(report: Report) -> str:
    """Lay the tables out for a terminal."""
    tables = ["\n".join(_aligned(table)) for table in report.tables()]
    return "\n\n".join([*tables, "\n".join(report.notes())])


def as_markdown(report: Report) -> str:
    """Lay the tables out for the README."""
    tables = ["\n".join(_piped(table)) for table in report.tables()]
    return "\n\n".join([*tables, *report.notes()])


def _aligned(table: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in table]


def _piped(table: list[list[str]]) -> list[str]:
    head, *rows = (f"| {' | '.join(row)} |" for row in table)
    return [head, "|---" * len(table[0]) + "|", *rows]


def _short(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"  # noqa: PLR2004


if __name__ == "__main__":
    try:
        sys.stdout.write(as_markdown(Report.latest()) + "\n")
    except BenchError as error:
        sys.exit(f"bench: {error}")
