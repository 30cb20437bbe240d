"""Penstock's own numbers: one registry of counters, gauges and histograms, read by whoever shows
them and by tests.

Counting is adding to a Python integer; the OpenTelemetry SDK reads the integers when it is asked.
A histogram is written to the SDK itself, and to nobody where nobody shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Labels = tuple[tuple[str, str], ...]

MAX_SERIES_PER_FAMILY = 1_000
"""Series of one name beyond this are counted together under `otel.metric.overflow`."""

BATCH_ITEMS = (
    10,
    25,
    50,
    75,
    100,
    250,
    500,
    750,
    *range(1_000, 10_000, 1_000),
    *(10_000, 20_000, 30_000, 50_000, 100_000),
)
"""Upper ends of buckets for items in a batch, the Collector's."""

BATCH_BYTES = tuple(1 << power for power in range(7, 25))
"""The same for its bytes: 128 to 16 Mi."""

_OVERFLOW: Labels = (("otel.metric.overflow", "true"),)


class Level(IntEnum):
    """How much Penstock tells about itself, in the Collector's words; each has what is below it."""

    NONE = 0
    BASIC = 1
    NORMAL = 2
    DETAILED = 3


class Kind(StrEnum):
    """What the numbers of one name are."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Counter:
    """A number that only grows: one series."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def add(self, amount: int) -> None:
        """Add `amount`, which is not negative."""
        self.value += amount


Sink = Callable[[float, Mapping[str, str]], None]
"""Where values of a histogram go, with the labels of their series."""


class Histogram:
    """How values are distributed: one series."""

    __slots__ = ("_labels", "_sinks")

    def __init__(self, labels: Labels, sinks: Sequence[Sink]) -> None:
        self._labels = dict(labels)
        self._sinks = sinks

    def record(self, value: float) -> None:
        """Give `value` to everybody who shows the histogram."""
        for sink in self._sinks:
            sink(value, self._labels)


Reading = Counter | Callable[[], float]
"""Where a number is read: a counter, or a function that answers for a gauge."""


def read(source: Reading) -> float:
    """The present value of `source`."""
    return source.value if isinstance(source, Counter) else source()


@dataclass(slots=True)
class Family:
    """Every series of one name, shown from `level` on; `bounds` are a histogram's."""

    name: str
    description: str
    unit: str
    kind: Kind
    level: Level
    bounds: Sequence[float] = ()
    series: dict[Labels, Reading | Histogram] = field(default_factory=dict)
    sinks: list[Sink] = field(default_factory=list)

    def key(self, labels: Mapping[str, str]) -> Labels:
        """The series of `labels`, or the one that counts what is too many."""
        key = tuple(sorted(labels.items()))
        full = key not in self.series and len(self.series) >= MAX_SERIES_PER_FAMILY
        return _OVERFLOW if full else key

    def read(self) -> Iterator[tuple[Labels, float]]:
        """The present value of each series; nothing for a histogram, which has no one value."""
        for labels, source in list(self.series.items()):
            if not isinstance(source, Histogram):
                yield labels, read(source)


class Telemetry:
    """The registry. A series that is asked for twice is the same one."""

    def __init__(self) -> None:
        self.families: dict[str, Family] = {}
        self._watchers: list[Callable[[Family], None]] = []
        self.reports: dict[str, dict[str, Callable[[], object]]] = {}
        """What components tell on pages of their own: by path and component, plain data."""

    def tell(self, path: str, component: str, report: Callable[[], object]) -> None:
        """Have `report` answer for a component on the page at `path`, as JSON."""
        self.reports.setdefault(path, {})[component] = report

    def watch(self, show: Callable[[Family], None]) -> None:
        """Call `show` for every family that there is, and for each that comes."""
        self._watchers.append(show)
        for family in list(self.families.values()):
            show(family)

    def counter(
        self,
        name: str,
        description: str,
        unit: str = "{item}",
        level: Level = Level.BASIC,
        /,
        **labels: str,
    ) -> Counter:
        """The counter of that name and labels."""
        family = self._family(Family(name, description, unit, Kind.COUNTER, level))
        counter = family.series.setdefault(family.key(labels), Counter())
        assert isinstance(counter, Counter)
        return counter

    def histogram(
        self,
        name: str,
        description: str,
        unit: str,
        bounds: Sequence[float],
        level: Level = Level.DETAILED,
        /,
        **labels: str,
    ) -> Histogram:
        """The histogram of that name and labels; `bounds` are its buckets' upper ends."""
        family = self._family(Family(name, description, unit, Kind.HISTOGRAM, level, bounds))
        key = family.key(labels)
        histogram = family.series.setdefault(key, Histogram(key, family.sinks))
        assert isinstance(histogram, Histogram)
        return histogram

    def gauge(
        self,
        name: str,
        description: str,
        read: Callable[[], float],
        unit: str = "{item}",
        level: Level = Level.BASIC,
        /,
        **labels: str,
    ) -> None:
        """Let `read` answer for the gauge of that name and labels."""
        family = self._family(Family(name, description, unit, Kind.GAUGE, level))
        family.series[family.key(labels)] = read

    def forget(self, name: str, read: Callable[[], float]) -> None:
        """Show the gauge of that name no more that `read` answers for, if it still does."""
        series = self.families[name].series
        for key in [key for key, reading in series.items() if reading is read]:
            del series[key]

    def observe(
        self,
        name: str,
        description: str,
        read: Callable[[], float],
        unit: str = "{item}",
        level: Level = Level.BASIC,
        /,
        **labels: str,
    ) -> None:
        """Let `read` answer for a counter that something else keeps, such as the kernel."""
        family = self._family(Family(name, description, unit, Kind.COUNTER, level))
        family.series[family.key(labels)] = read

    def counters(self, name: str, /, **labels: str) -> list[Counter]:
        """The counters of `name` that have these labels, as far as there are any yet."""
        family = self.families.get(name)
        wanted = set(labels.items())
        series = family.series.items() if family else ()
        return [each for key, each in series if wanted <= set(key) and isinstance(each, Counter)]

    def total(self, name: str, /, **labels: str) -> float:
        """The sum over the series of `name` that have these labels; 0 where there is none."""
        family = self.families.get(name)
        wanted = set(labels.items())
        return sum(value for key, value in family.read() if wanted <= set(key)) if family else 0

    def _family(self, wanted: Family) -> Family:
        family = self.families.setdefault(wanted.name, wanted)
        if family.kind is not wanted.kind:
            msg = f"{family.name} is both a {family.kind} and a {wanted.kind}"
            raise ValueError(msg)
        if family is wanted:
            for show in self._watchers:
                show(family)
        return family
