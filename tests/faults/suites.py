"""Lines of the scorecard that tests elsewhere measure whole: they are run, and counted."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults.scorecard import Figure, Result

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]

SUITES = {
    "hostile back ends": (
        "15",
        "Faulty and hostile back ends",
        ("faults/test_hostile_back_ends.py", "faults/test_exporter_contract.py"),
    ),
    "receiver contract": ("16", "Receiver contract", ("faults/test_receiver_contract.py",)),
    "memory": ("18", "Memory bound, in a container of 256 MiB", ("faults/test_memory_limit.py",)),
    "statsd": ("StatsD", "Floods of StatsD", ("faults/test_statsd.py",)),
    "secrets": (
        "28",
        "Secrets, authentication, what is open by default",
        (
            "faults/test_canaries.py",
            "faults/test_canaries_in_settings.py",
            "extensions/test_basicauth.py",
            "extensions/test_bearertokenauth.py",
            "pipeline/test_auth.py",
            "conformance/test_components.py",
            "test_constant_time.py",
        ),
    ),
    "numbers": (
        "B9",
        "Numbers at their extremes, to every exporter",
        ("conformance/test_extremes.py",),
    ),
    "hostile items": (
        "B12",
        "Regular expressions, hostile items and own code in processors",
        ("faults/test_hostile_items.py", "kernel/test_pattern.py", "processors/test_python.py"),
    ),
    "yaml": ("B13", "YAML bombs", ("config/test_bombs.py",)),
    "injection": ("B20", "Injection into the log and own metrics", ("faults/test_injection.py",)),
    "exposure": (
        "B25",
        "What is open by default",
        ("conformance/test_components.py", "pipeline/test_exposure.py", "config/test_ports.py"),
    ),
    "tls": (
        "B27",
        "TLS: versions, certificates, changing them under load",
        (
            "receivers/test_otlp_tls.py",
            "config/test_tls.py",
            "exporters/test_client.py",
            "exporters/test_otlp.py",
            "exporters/test_otlphttp.py",
            "extensions/test_health_check.py",
        ),
    ),
}
"""By name: the line, what it is about, and its files below tests/."""


def runners() -> dict[str, Callable[[object, Path], Result]]:
    """A program for each suite."""
    return {name: partial(_run, *suite) for name, suite in SUITES.items()}


def _run(line: str, title: str, files: tuple[str, ...], _scale: object, _folder: Path) -> Result:
    paths = [str(ROOT / "tests" / file) for file in files]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *paths]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    passed = re.search(r"(\d+) passed", done.stdout)
    failed = re.search(r"(\d+) (?:failed|error)", done.stdout)
    # A suite that does not even begin has not passed.
    figure = Figure("failed tests", int(failed[1]) if failed else int(not passed), 0)
    return Result(line, title, (figure,), f"{passed[1] if passed else 0} tests passed")
