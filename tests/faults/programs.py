"""What the soak runs: a program for each line of the scorecard that is about attacks."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from tests.faults import bombs, damage, fuzzing, h2spec, panics, suites
from tests.faults.churn import churn
from tests.faults.floods import FLOODS, flood
from tests.faults.reloads import reload_often
from tests.faults.scorecard import Figure, Result
from tests.faults.slow import PERIOD, besiege
from tests.faults.victim import MIB, standing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tests.faults.victim import Outcome, Stand

KIB = 1024

log = logging.getLogger("soak")


@dataclass(frozen=True)
class Scale:
    """How much is done."""

    flood_seconds: float
    connections: int
    idle: int
    dribbling: int
    slow_seconds: float
    bodies: int
    """Valid requests whose every byte is damaged."""
    fuzz_seconds: int
    churn_seconds: float
    reloads: int

    def lasting(self, seconds: int) -> Self:
        """The same with floods and fuzzing of that length, and ten times as much churn."""
        return replace(
            self, flood_seconds=seconds, fuzz_seconds=seconds, churn_seconds=10 * seconds
        )


SHORT = Scale(0.5, 2, 500, 100, 2, 60, 5, 6, 10)
WHOLE = Scale(60, 8, 10_000, 2_000, 60, 4_000, 60, 600, 1_000)

Program = Callable[[Scale, "Path"], Result]


def baseline(stand: Stand, seconds: float) -> Outcome:
    """How the honest sender does when nobody else is there."""
    with stand.attack() as outcome:
        stand.wait(seconds)
    return outcome


@contextmanager
def standing_apart(folder: Path) -> Iterator[Stand]:
    """The victim on one core, senders and attackers on another, where there are two."""
    cores = os.sched_getaffinity(0)
    one, *others = sorted(cores)
    with standing(folder) as stand:
        if others:
            stand.victim.pin(one)
            os.sched_setaffinity(0, others[:1])  # the attackers' process is yet to be started
        try:
            yield stand
        finally:
            os.sched_setaffinity(0, cores)


def floods(scale: Scale, folder: Path) -> Result:
    """Every flood of HTTP/2, one after the other."""
    growth, lost, unnamed, goodput = 0, 0, 0, 1.0
    with standing_apart(folder) as stand:
        for name in FLOODS:
            # Anew each time, since a machine may have more to do at one time than at another.
            quiet = baseline(stand, min(scale.flood_seconds, 5))
            port = stand.victim.ports.grpc
            with stand.attack() as outcome:
                stand.attackers.submit(
                    flood, port, name, scale.flood_seconds, scale.connections
                ).result()
            growth = max(growth, outcome.growth)
            lost += len(outcome.refused)
            unnamed += not outcome.named
            log.info("%s: %s; %.0f before", name, outcome, quiet.rate)
            goodput = min(goodput, outcome.rate / quiet.rate)
    figures = (
        Figure("growth", growth / MIB, 32, "MiB"),
        Figure("of an honest sender's requests lost to the crowd", 100 * (1 - goodput), 40, "%"),
        Figure("honest requests refused", lost, 0),
        Figure("floods without a counter", unnamed, 0),
    )
    scope = f"{len(FLOODS)} floods of {scale.flood_seconds:g} s, {scale.connections} connections"
    return Result("21", "HTTP/2 attacks", figures, scope)


def slow(scale: Scale, folder: Path) -> Result:
    """Connections that are idle, and some that say a byte at a time."""
    return _besieged("19", scale.idle, scale.dribbling, scale.slow_seconds, folder)


def slow_tls(scale: Scale, folder: Path) -> Result:
    """The same by TLS."""
    return _besieged("19 TLS", scale.idle, scale.dribbling, scale.slow_seconds, folder, tls=True)


def _besieged(
    line: str, idle: int, dribbling: int, seconds: float, folder: Path, *, tls: bool = False
) -> Result:
    with standing_apart(folder) as stand:
        quiet = baseline(stand, min(seconds, 10))
        port = stand.victim.tls_port if tls else stand.victim.ports.grpc
        with stand.attack() as outcome:
            stand.attackers.submit(besiege, port, idle, dribbling, seconds, tls=tls).result()
    size = outcome.growth / (idle + dribbling) / KIB
    figures = (
        Figure("a connection", size, 64 if tls else 32, "KiB"),
        Figure("times the usual p99 of an honest sender", outcome.slowest / quiet.slowest, 2),
        Figure("honest requests refused", len(outcome.refused), 0),
    )
    scope = f"{idle:,} idle, {dribbling:,} that send a byte in {PERIOD} s, {seconds:g} s"
    return Result(line, "Connections", figures, scope)


def conformance(_: Scale, folder: Path) -> Result:
    """h2spec, strict, in clear and by TLS."""
    program = h2spec.install()
    with standing(folder) as stand, stand.attack():
        clear = h2spec.check(program, stand.victim.ports.grpc)
        tls = h2spec.check(program, stand.victim.tls_port, *h2spec.TLS)
    _tell([*clear.failed.items(), *tls.failed.items()])
    figures = (Figure("failed cases", len(clear.failed) + len(tls.failed), 0),)
    explained = clear.explained + tls.explained
    scope = f"in clear {clear.passed} cases passed, by TLS {tls.passed}; {explained} explained"
    return Result("20", "HTTP/2 conformance, h2spec --strict", figures, scope)


def bombing(_: Scale, folder: Path) -> Result:
    """Every bomb on every way in, then requests of nothing but empty items."""
    size = 4 * MIB - 64
    with standing(folder) as stand:
        with stand.attack() as outcome:
            blast = bombs.throw_all(stand)
        _tell((bomb, "was not refused") for bomb in blast.taken)
        growth = 0
        for body in bombs.empty_items(size).values():
            with stand.attack(is_taken=True) as taken:
                bombs.WAYS["otlp http protobuf"](stand.victim, body, "identity")
            growth = max(growth, taken.growth)
    figures = (
        Figure("bombs not refused for good", len(blast.taken), 0),
        Figure("CPU a bomb", blast.dearest * 1000, 50, "ms"),
        Figure("growth a bomb", blast.largest / MIB, 32, "MiB"),
        Figure("times their size for items of 2 bytes", growth / size, 20),
        Figure("honest requests refused", len(outcome.refused), 0),
    )
    return Result("22", "Bombs", figures, f"{blast.thrown} bombs, {len(bombs.WAYS)} ways in")


def damaged(scale: Scale, folder: Path) -> Result:
    """Valid requests with every byte damaged, and damaged heads on every port."""
    answers: Counter[int] = Counter()
    requests = damage.damaged_requests(damage.valid_bodies(scale.bodies))
    with standing(folder) as stand:
        with stand.attack(is_taken=True) as outcome:
            answers.update(damage.statuses(stand.victim.ports.http, requests))
            for port in stand.victim.ports:
                answers.update(damage.answers(port, damage.damaged_heads()))
        tracebacks = stand.victim.output().count("Traceback")
        exits = not stand.victim.is_alive
    faults = sum(count for status, count in answers.items() if status >= 500)
    figures = (
        Figure("exits", exits, 0),
        Figure("tracebacks", tracebacks, 0),
        Figure("answers of 5xx", faults, 0),
        Figure("honest requests refused", len(outcome.refused), 0),
    )
    scope = (
        f"{answers.total():,} requests, every byte of {scale.bodies:,} valid ones damaged in turn"
    )
    return Result("24", "Live ports", figures, scope)


def panicking(_: Scale, folder: Path) -> Result:
    """A kernel that panics on request."""
    with panics.instead_of_the_kernel(panics.build(), folder), standing(folder) as stand:
        with stand.attack() as outcome:
            answers = panics.ask_for_panics(stand.victim)
        survived = stand.victim.is_alive
    figures = (
        Figure("exits", not survived, 0),
        Figure("wrong answers", len(answers.wrong), 0),
        Figure("panics not counted", answers.asked - outcome.named["panicked"], 0),
        Figure("honest requests refused", len(outcome.refused), 0),
    )
    return Result("B7", "Deliberate panics", figures, f"{answers.asked} panics")


def exploding(scale: Scale, folder: Path) -> Result:
    """A label whose value is new on every point."""
    return churn(scale.churn_seconds, folder)


def reloading(scale: Scale, folder: Path) -> Result:
    """Settings that change while senders send."""
    return reload_often(scale.reloads, folder)


def fuzz(scale: Scale, _: Path) -> Result:
    """Every fuzz target."""
    if lacking := fuzzing.missing():
        message = f"fuzzing needs {lacking}"
        raise SystemExit(message)
    targets = fuzzing.targets()
    runs = {target: fuzzing.run(target, scale.fuzz_seconds) for target in targets}
    crashed = {target: run.crash for target, run in runs.items() if run.crash}
    _tell(crashed.items())
    executions = sum(run.executions for run in runs.values())
    figures = (Figure("crashes, and differences from the official decoder", len(crashed), 0),)
    scope = f"{len(targets)} targets of {scale.fuzz_seconds} s, {executions:,} executions"
    return Result("23", "Fuzzing", figures, scope)


def _tell(faults: Iterable[tuple[str, str]]) -> None:
    """Show what a figure only counts."""
    for name, fault in faults:
        log.warning("%s:\n%s", name, fault)


PROGRAMS: dict[str, Program] = {
    **suites.runners(),
    "slow": slow,
    "slow tls": slow_tls,
    "series": exploding,
    "reloads": reloading,
    "h2spec": conformance,
    "floods": floods,
    "bombs": bombing,
    "fuzz": fuzz,
    "damage": damaged,
    "panics": panicking,
}
"""By name."""
