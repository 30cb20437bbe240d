"""Prometheus' rules of indicators: alerts by thresholds and burn rates, and what is recorded."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from penstock.business.kinds import Count, Histogram, Slo, Sum
from penstock.business.lengths import written
from penstock.business.options import Judged, Measured, SlidingWindow
from penstock.prometheus.names import MetricType, Namer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.business.options import Indicator
    from penstock.business.settings import Settings

QUANTILES = (0.5, 0.95, 0.99)
"""Those that are recorded of histograms."""

RANGE = "5m"
"""Over which rates of what only grows are recorded."""

_HOUR = 3600.0


class Burn(NamedTuple):
    """The share of an error budget that must not burn in so many seconds, or how bad that is."""

    within: float
    share: float
    severity: str


BURNS = (
    Burn(_HOUR, 0.02, "critical"),
    Burn(6 * _HOUR, 0.05, "critical"),
    Burn(math.inf, 0.1, "warning"),
)
"""As the SRE Workbook has it in its chapter 5."""

SHOWN = 300.0
"""Seconds for which Prometheus shows a number that does not come again."""

_SLACK = 60
"""Seconds by which a number may come late, and be scraped late."""

_LEGACY = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_NO_NAME = re.compile(r"[^a-zA-Z0-9]+")

Rule = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes rules about series as `namer` calls them. `hold`, such as `1m`, is how long something
    has to be bad before somebody is told."""

    namer: Namer = Namer()  # noqa: RUF009  (it never changes)
    hold: str = "1m"

    def group(self, name: str, settings: Settings) -> dict[str, Any]:
        """A group of the rules of a set of indicators, as a file of rules has it."""
        found = [(each, it, step(settings, each)) for each, it in settings.indicators.items()]
        recordings = [rule for each in found for rule in self._recordings(*each)]
        alerts = [rule for each in found for rule in self._alerts(*each)]
        return {"name": name, "rules": recordings + alerts}

    def _recordings(self, name: str, indicator: Indicator, step: float) -> Iterator[Rule]:
        record = f"business:{_NO_NAME.sub('_', name)}"
        if isinstance(indicator, Histogram):
            ending = "_bucket" if indicator.bounds else ""
            rate = self._rate(name, indicator, MetricType.HISTOGRAM, ending)
            for q in QUANTILES:
                expression = f"histogram_quantile({q}, {rate})"
                yield {"record": f"{record}:p{q * 100:g}_{RANGE}", "expr": expression}
        elif _grows(indicator):
            rate = self._rate(name, indicator, MetricType.COUNTER)
            yield {"record": f"{record}:rate_{RANGE}", "expr": rate}
        elif isinstance(indicator, Judged) and indicator.is_judged and indicator.target is not None:
            sign = "<=" if indicator.worse_above else ">="
            expression = f"{self._newest(name, indicator, step)} {sign} bool {indicator.target:g}"
            yield {"record": f"{record}:on_target", "expr": expression}

    def _alerts(self, name: str, indicator: Indicator, step: float) -> Iterator[Rule]:
        if isinstance(indicator, Judged):
            sign, word = (">", "above") if indicator.worse_above else ("<", "below")
            limits = {"warning": indicator.warning, "critical": indicator.critical}
            for severity, limit in limits.items():
                if limit is not None:
                    expression = f"{self._newest(name, indicator, step)} {sign} {limit:g}"
                    yield self._alert(name, indicator, severity, expression, f"is {word} {limit:g}")
        if isinstance(indicator, Slo):
            yield from self._burning(name, indicator)

    def _burning(self, name: str, slo: Slo) -> Iterator[Rule]:
        """A long time says that it matters, a short one that it still goes on."""
        for short, long in pairwise(sorted(slo.burn_windows)):
            burn = next(burn for burn in BURNS if long <= burn.within)
            factor = burn.share * slo.period / long
            series = f"{name}_burn_rate"
            burning = (self._burn_rate(series, window) for window in (long, short))
            expression = " and ignoring (window) ".join(f"{it} > {factor:g}" for it in burning)
            told = f"is above {factor:g} in {written(long)}"
            alert = self._alert(series, slo, burn.severity, expression, told)
            alert["labels"]["window"] = written(long)
            yield alert

    def _alert(
        self, name: str, indicator: Indicator, severity: str, expression: str, told: str
    ) -> Rule:
        of = "".join(f", {label} {_value_of(label)}" for label in self._labels(indicator))
        return {
            "alert": "".join(word[:1].upper() + word[1:] for word in _NO_NAME.split(name)),
            "expr": expression,
            "for": self.hold,
            "labels": {"severity": severity},
            "annotations": {
                "summary": f"{name}{of} {told}: " + '{{ printf "%.4g" $value }}',
                "description": _literal(indicator.description or name),
            },
        }

    def _rate(self, name: str, indicator: Indicator, type_: MetricType, ending: str = "") -> str:
        labels = [*(["le"] if ending else []), *self._labels(indicator)]
        rate = f"rate({self._series(name, indicator, type_, ending)}[{RANGE}])"
        return f"sum by ({', '.join(map(_quoted, labels))}) ({rate})" if labels else f"sum({rate})"

    def _newest(self, name: str, indicator: Indicator, step: float) -> str:
        """The last number, which may not be shown any more when the next one comes."""
        series = self._series(name, indicator)
        if step < SHOWN:
            return series
        return f"last_over_time({series}[{written(math.ceil(step) + _SLACK)}])"

    def _series(
        self,
        name: str,
        indicator: Indicator,
        type_: MetricType = MetricType.GAUGE,
        ending: str = "",
    ) -> str:
        return _selector(self.namer.metric(name, indicator.unit, type_) + ending)

    def _burn_rate(self, name: str, window: float) -> str:
        return _selector(self.namer.metric(name, "", MetricType.GAUGE), window=written(window))

    def _labels(self, indicator: Indicator) -> list[str]:
        by = indicator.by if isinstance(indicator, Measured) else ()
        return [self.namer.label(key) for key in by]


def step(settings: Settings, name: str) -> float:
    """Seconds from one number of an indicator to the next; 0 where it comes every interval."""
    window = getattr(settings.indicators[settings.parts(name)[0]], "window", None)
    if isinstance(window, SlidingWindow):
        return window.every
    return window if isinstance(window, float) else 0.0


def _grows(indicator: Indicator) -> bool:
    """Whether it is a counter."""
    match indicator:
        case Count(window=None) | Sum(window=None, monotonic=True):
            return True
    return False


def _selector(name: str, **labels: str) -> str:
    """A series in PromQL; a name that Prometheus 2 could not have is quoted."""
    pairs = [f"{label}={json.dumps(value)}" for label, value in labels.items()]
    if not _LEGACY.fullmatch(name):
        return f"{{{', '.join([_quoted(name), *pairs])}}}"
    return f"{name}{{{', '.join(pairs)}}}" if pairs else name


def _quoted(name: str) -> str:
    return name if _LEGACY.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _value_of(label: str) -> str:
    """A label's value, in a template."""
    if _LEGACY.fullmatch(label):
        return f"{{{{ $labels.{label} }}}}"
    return f"{{{{ index $labels {_quoted(label)} }}}}"


def _literal(text: str) -> str:
    """A text that a template leaves as it is."""
    return text.replace("{{", '{{ "{{" }}')
