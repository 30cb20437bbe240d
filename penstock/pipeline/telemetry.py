"""Penstock's own numbers: one registry of counters and gauges, read by the metrics page and tests.

Counting is adding to a Python integer; the OpenTelemetry SDK reads the integers when it is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

Labels = tuple[tuple[str, str], ...]

MAX_SERIES_PER_COUNTER = 1_000
"""Series of one name beyond this are counted together under `otel.metric.overflow`."""

_OVERFLOW: Labels = (("otel.metric.overflow", "true"),)


class Counter:
    """A number that only grows: one series."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def add(self, amount: int) -> None:
        """Add `amount`, which is not negative."""
        self.value += amount


Reading = Counter | Callable[[], float]
"""Where a number is read: a counter, or a function that answers for a gauge."""


def read(source: Reading) -> float:
    """The present value of `source`."""
    return source.value if isinstance(source, Counter) else source()


@dataclass(slots=True)
class Family:
    """Every series of one name."""

    name: str
    description: str
    unit: str
    monotonic: bool
    series: dict[Labels, Reading] = field(default_factory=dict)

    def read(self) -> Iterator[tuple[Labels, float]]:
        """The present value of each series."""
        for labels, source in list(self.series.items()):
            yield labels, read(source)


class Telemetry:
    """The registry. A series that is asked for twice is the same one."""

    def __init__(self) -> None:
        self.families: dict[str, Family] = {}

    def counter(self, name: str, description: str, unit: str = "1", **labels: str) -> Counter:
        """The counter of that name and labels."""
        family = self._family(name, description, unit, monotonic=True)
        key = tuple(sorted(labels.items()))
        if key not in family.series and len(family.series) >= MAX_SERIES_PER_COUNTER:
            key = _OVERFLOW
        counter = family.series.setdefault(key, Counter())
        assert isinstance(counter, Counter)
        return counter

    def gauge(
        self,
        name: str,
        description: str,
        read: Callable[[], float],
        unit: str = "1",
        **labels: str,
    ) -> None:
        """Let `read` answer for the gauge of that name and labels."""
        family = self._family(name, description, unit, monotonic=False)
        family.series[tuple(sorted(labels.items()))] = read

    def observe(
        self,
        name: str,
        description: str,
        read: Callable[[], float],
        unit: str = "1",
        **labels: str,
    ) -> None:
        """Let `read` answer for a counter that something else keeps, such as the kernel."""
        family = self._family(name, description, unit, monotonic=True)
        family.series[tuple(sorted(labels.items()))] = read

    def total(self, name: str, **labels: str) -> float:
        """The sum over the series of `name` that have these labels; 0 where there is none."""
        family = self.families.get(name)
        wanted = set(labels.items())
        return sum(value for key, value in family.read() if wanted <= set(key)) if family else 0

    def _family(self, name: str, description: str, unit: str, *, monotonic: bool) -> Family:
        family = self.families.setdefault(name, Family(name, description, unit, monotonic))
        if family.monotonic != monotonic:
            msg = f"{name} is both a counter and a gauge"
            raise ValueError(msg)
        return family
