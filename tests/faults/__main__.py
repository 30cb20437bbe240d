"""Attack for longer than a test does, and write the scorecard: `python -m tests.faults --help`."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults import programs, scorecard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.scorecard import Result

log = logging.getLogger("soak")


def main() -> int:
    """Run the programs that were asked for; 1 if a goal was missed."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    options = _options()
    results = [*_run_all(options)]
    if not options.short:
        scorecard.write(results)
    missed = [result for result in results if not result.is_met]
    return 1 if missed else 0


def _run_all(options: argparse.Namespace) -> Iterator[Result]:
    scale = programs.SHORT if options.short else programs.WHOLE
    scale = scale.lasting(options.seconds) if options.seconds else scale
    for name in options.programs or programs.PROGRAMS:
        program = programs.PROGRAMS[name]
        log.info("%s, %d times", name, options.runs)
        result = reduce(lambda one, other: one.worse(other), _runs(program, scale, options.runs))
        log.info("%s", result.row().strip())
        yield result


def _runs(program: programs.Program, scale: programs.Scale, count: int) -> Iterator[Result]:
    for _ in range(count):
        with tempfile.TemporaryDirectory() as folder:
            yield program(scale, Path(folder))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument(
        "programs",
        nargs="*",
        metavar="PROGRAM",
        help=f"which to run, all without: {', '.join(programs.PROGRAMS)}",
    )
    parser.add_argument("--runs", type=int, default=1, help="how often each; the worst counts")
    parser.add_argument("--seconds", type=int, help="how long each flood and each fuzz target runs")
    parser.add_argument(
        "--short",
        action="store_true",
        help="a minute in all, for every change; leaves the scorecard as it is",
    )
    options = parser.parse_args()
    if unknown := {*options.programs} - {*programs.PROGRAMS}:
        parser.error(f"no such program: {', '.join(sorted(unknown))}")
    return options


if __name__ == "__main__":
    os.nice(5)
    sys.exit(main())
