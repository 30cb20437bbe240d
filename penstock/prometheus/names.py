"""Names of metrics, units and labels: from OpenTelemetry's to Prometheus'.

The rules are those of the OpenTelemetry specification (Prometheus and OpenMetrics Compatibility),
in the words of Prometheus' own `otlptranslator`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Strategy(StrEnum):
    """How much of a name stays as it is: `translation_strategy`."""

    UNDERSCORES_AND_SUFFIXES = "UnderscoreEscapingWithSuffixes"
    UNDERSCORES = "UnderscoreEscapingWithoutSuffixes"
    UTF8_AND_SUFFIXES = "NoUTF8EscapingWithSuffixes"
    UTF8 = "NoTranslation"

    @property
    def escapes(self) -> bool:
        """Whether what Prometheus 2 could not have in names becomes an underscore."""
        return self in {self.UNDERSCORES_AND_SUFFIXES, self.UNDERSCORES}

    @property
    def adds_suffixes(self) -> bool:
        """Whether the unit and the type become part of a name."""
        return self in {self.UNDERSCORES_AND_SUFFIXES, self.UTF8_AND_SUFFIXES}


class MetricType(StrEnum):
    """The types of Prometheus that metrics become, in the words of its formats."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    SUMMARY = "summary"
    UNKNOWN = "unknown"


UNITS = {
    "d": "days",
    "h": "hours",
    "min": "minutes",
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
    "By": "bytes",
    "KiBy": "kibibytes",
    "MiBy": "mebibytes",
    "GiBy": "gibibytes",
    "TiBy": "tibibytes",
    "KBy": "kilobytes",
    "MBy": "megabytes",
    "GBy": "gigabytes",
    "TBy": "terabytes",
    "m": "meters",
    "V": "volts",
    "A": "amperes",
    "J": "joules",
    "W": "watts",
    "g": "grams",
    "Cel": "celsius",
    "Hz": "hertz",
    "1": "",
    "%": "percent",
}
"""Units of UCUM in Prometheus' words; any other stays as it is."""

PER_UNITS = {
    "s": "second",
    "m": "minute",
    "h": "hour",
    "d": "day",
    "w": "week",
    "mo": "month",
    "y": "year",
}
"""The same after a slash."""

_NO_NAME = re.compile(r"[^a-zA-Z0-9:]+")
_NO_NAME_OR_UNDERSCORE = re.compile(r"[^a-zA-Z0-9:_]+")
_NO_LABEL = re.compile(r"[^a-zA-Z0-9]+")
_RESERVED = re.compile(r"__(.*)__", re.DOTALL)
_NAME_LABEL = "__name__"


@dataclass(frozen=True, slots=True)
class Namer:
    """Names in one strategy. `namespace` comes before the names of all metrics."""

    strategy: Strategy = Strategy.UNDERSCORES_AND_SUFFIXES
    namespace: str = ""

    def metric(self, name: str, unit: str, type_: MetricType) -> str:
        """The name of a metric; empty where none can be made of it."""
        if not self.strategy.escapes:
            return self._utf8_name(name, unit, type_)
        if self.strategy.adds_suffixes:
            return self._suffixed_name(name, unit, type_)
        plain = _joined(_NO_NAME_OR_UNDERSCORE, name)
        if not plain.strip("_") and plain != name:
            return ""
        if self.namespace:
            return _no_digit(f"{_joined(_NO_NAME_OR_UNDERSCORE, self.namespace)}_{plain}")
        return _no_digit(plain)

    def unit(self, unit: str) -> str:
        """A unit in Prometheus' words, as it stands in names; empty where there is none."""
        parts = unit_suffixes(unit)
        if self.strategy.escapes:
            parts = (_clean(parts[0]), _clean(parts[1]))
        return "_".join(filter(None, parts)).removeprefix("_").removesuffix("_")

    def label(self, key: str) -> str:
        """The name of an attribute's label; empty for one that can have none."""
        name = label(key) if self.strategy.escapes else key
        return "" if name == _NAME_LABEL else name

    def _suffixed_name(self, name: str, unit: str, type_: MetricType) -> str:
        tokens = [token for token in _NO_NAME.split(name) if token]
        main, per = (_clean(part) for part in unit_suffixes(unit))
        per = "" if per == "per_" else per.removesuffix("_")
        main, per = ("" if part in tokens else part for part in (main, per))
        if per:
            main = main.removesuffix("_")
        tokens += filter(None, (main, per))
        for suffix in type_suffix(unit, type_):
            tokens = [token for token in tokens if token != suffix] + [suffix]
        if not tokens:
            return ""
        if self.namespace:
            tokens.insert(0, "_".join(filter(None, _NO_NAME.split(self.namespace))))
        return _no_digit("_".join(tokens))

    def _utf8_name(self, name: str, unit: str, type_: MetricType) -> str:
        if self.namespace:
            name = f"{self.namespace}_{name}"
        if not self.strategy.adds_suffixes:
            return name
        main, per = unit_suffixes(unit)
        endings = [ending for ending in (per, *type_suffix(unit, type_)) if ending]
        for ending in reversed(endings):
            name = _without(name, ending)
        if main and not name.endswith(main):
            name = f"{name}_{main}"
        return "_".join([name, *endings])


def label(key: str) -> str:
    """The name of a label that Prometheus 2 could have: letters, digits and single underscores.

    A key of nothing else becomes `_`, which is a name like any other.
    """
    reserved = _RESERVED.fullmatch(key)
    name = _NO_LABEL.sub("_", reserved[1] if reserved else key)
    if reserved:
        return f"__{name}__"
    return f"key_{name}" if name[:1].isdigit() else name


def unit_suffixes(unit: str) -> tuple[str, str]:
    """What a unit and what is after its slash add to a name; what is in braces adds nothing."""
    main, _, per = (part.strip() for part in unit.partition("/"))
    main, per = ("" if {*part} & {*"{}"} else part for part in (main, per))
    per = PER_UNITS.get(per, per)
    return UNITS.get(main, main), f"per_{per}" if per else ""


def type_suffix(unit: str, type_: MetricType) -> list[str]:
    """What the type adds to a name. A counter of unit 1 is a count of things, and no ratio."""
    if type_ is MetricType.COUNTER:
        return ["total"]
    return ["ratio"] if unit == "1" and type_ is MetricType.GAUGE else []


def _clean(unit: str) -> str:
    return _NO_NAME.sub("_", unit).removeprefix("_")


def _joined(separator: re.Pattern[str], name: str) -> str:
    return "_".join(filter(None, separator.split(name)))


def _no_digit(name: str) -> str:
    return f"_{name}" if name[:1].isdigit() else name


def _without(name: str, ending: str) -> str:
    """The name without an ending and what is before it, if that leaves something."""
    cut = len(name) - len(ending) - 1
    return name[:cut] if cut > 0 and name.endswith(ending) else name
