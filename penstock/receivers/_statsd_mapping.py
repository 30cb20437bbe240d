"""Rules of the Prometheus `statsd_exporter`, as its own file has them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from penstock.config.regexps import compiled
from penstock.config.types import Section
from penstock.receivers._statsd_options import EXPONENTIAL, Bounds, Observer

_GLOB = re.compile(r"(?:\*|[a-zA-Z_][a-zA-Z0-9_-]*)(?:\.(?:\*|[a-zA-Z0-9_-]+))*")
_GROUP = re.compile(r"\$(\d+)")

DEFAULT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]
"""Those of Prometheus' client libraries."""

_MEMORY = "windows are those of aggregation_interval; remove it"


class Rule(NamedTuple):
    """A rule as the kernel takes it."""

    pattern: str
    metric_type: str | None
    drop: bool
    name: str
    labels: list[tuple[str, str]]
    honor_labels: bool
    observer: Observer | None
    scale: float


class Quantile(Section):
    """A quantile of a summary."""

    quantile: float = Field(ge=0, le=1)
    """Which one."""
    error: float = Field(default=0.0, ge=0, le=1)
    """The error that is allowed: there is none up to 1,024 values a window, then 0.005."""


class SummaryOptions(Section):
    """How summaries are."""

    quantiles: list[Quantile] = Field(default_factory=list)
    """The quantiles that are told; if empty, 0.5, 0.9 and 0.99."""

    not_here: ClassVar[Mapping[str, str]] = {
        "max_age": _MEMORY,
        "age_buckets": _MEMORY,
        "buf_cap": _MEMORY,
    }

    def observer(self) -> Observer:
        """What the kernel is told."""
        wanted = [it.quantile for it in self.quantiles] or [0.5, 0.9, 0.99]
        return Observer("summary", [quantile * 100 for quantile in wanted])


class HistogramOptions(Section):
    """How histograms are."""

    buckets: Bounds = Field(default=DEFAULT_BUCKETS)
    """The upper bounds of their buckets, in ascending order."""
    native_histogram_bucket_factor: float = Field(default=0.0, ge=0)
    """Over 1: exponential histograms instead, which begin finer than that."""
    native_histogram_max_buckets: int = Field(default=EXPONENTIAL, ge=2, le=16_384)
    """The most buckets that an exponential histogram has of each sign."""

    def observer(self) -> Observer:
        """What the kernel is told."""
        explicit = [] if self.native_histogram_bucket_factor > 1 else [("", self.buckets)]
        return Observer("histogram", (), self.native_histogram_max_buckets, explicit)


class Defaults(Section):
    """What rules do that do not say."""

    match_type: Literal["glob", "regex"] = "glob"
    """How `match` is written."""
    observer_type: Literal["summary", "histogram"] | None = None
    """What becomes of timers, histograms and distributions that rules match; without it, what
    `timer_histogram_mapping` says."""
    summary_options: SummaryOptions = SummaryOptions()
    """How summaries are."""
    histogram_options: HistogramOptions = HistogramOptions()
    """How histograms are."""

    not_here: ClassVar[Mapping[str, str]] = {
        "glob_disable_ordering": "the first rule that matches counts; put exact ones first",
        "ttl": _MEMORY,
        "timer_type": "set `observer_type`",
        "buckets": "set `histogram_options.buckets`",
        "quantiles": "set `summary_options.quantiles`",
    }


class MappingRule(Section):
    """A rule: which metrics it is about, and what becomes of them."""

    match: str = Field(min_length=1)
    """The whole name, where `*` is anything between dots; or a regular expression found in it."""
    match_type: Literal["glob", "regex"] | None = None
    """How `match` is written; without it, as `defaults.match_type` says."""
    match_metric_type: Literal["counter", "gauge", "observer", "timer"] | None = None
    """Only metrics of this type: `observer`, also `timer`, is every timer, histogram and
    distribution."""
    action: Literal["map", "drop"] = "map"
    """Whether such metrics are told of."""
    name: str = ""
    """Their name; `$1` is what the first `*` stands for, or the first group."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Attributes that they get, where `$1` means the same."""
    honor_labels: bool = False
    """Whether tags come before labels of the same name."""
    scale: float = 1.0
    """What values are multiplied by."""
    observer_type: Literal["summary", "histogram"] | None = None
    """What becomes of such timers, histograms and distributions; without it, as
    `defaults.observer_type` says."""
    summary_options: SummaryOptions | None = None
    """How summaries are; without it, as `defaults.summary_options` says."""
    histogram_options: HistogramOptions | None = None
    """How histograms are; without it, as `defaults.histogram_options` says."""

    not_here: ClassVar[Mapping[str, str]] = {
        "help": "StatsD has no descriptions; use the `transform` processor",
        "ttl": _MEMORY,
        "timer_type": "set `observer_type`",
        "buckets": "set `histogram_options.buckets`",
        "quantiles": "set `summary_options.quantiles`",
    }

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.action == "map" and not self.name:
            msg = "a rule needs the name that its metrics get, or action: drop"
            raise ValueError(msg)
        return self

    def rule(self, defaults: Defaults) -> Rule:
        """What the kernel is told."""
        is_glob = self.is_glob(defaults)
        template = _for_glob if is_glob else str
        return Rule(
            pattern=_pattern(self.match) if is_glob else self.match,
            metric_type=self.match_metric_type,
            drop=self.action == "drop",
            name=template(self.name),
            labels=[(key, template(value)) for key, value in self.labels.items()],
            honor_labels=self.honor_labels,
            observer=self._observer(defaults),
            scale=self.scale,
        )

    def is_glob(self, defaults: Defaults) -> bool:
        """Whether `match` is no regular expression."""
        return (self.match_type or defaults.match_type) == "glob"

    def _observer(self, defaults: Defaults) -> Observer | None:
        kind = self.observer_type or defaults.observer_type
        if kind == "summary":
            return (self.summary_options or defaults.summary_options).observer()
        if kind == "histogram":
            return (self.histogram_options or defaults.histogram_options).observer()
        return None


class MappingFile(Section):
    """What a mapping file of `statsd_exporter` holds."""

    defaults: Defaults = Defaults()
    """What rules do that do not say."""
    mappings: list[MappingRule] = Field(default_factory=list)
    """Rules, of which the first that matches counts: globs in order, and then regular expressions
    in order."""

    @model_validator(mode="after")
    def _readable(self) -> Self:
        for rule in self.mappings:
            if not rule.is_glob(self.defaults):
                compiled(rule.match)
            elif not _GLOB.fullmatch(rule.match):
                msg = f"{rule.match!r} is no glob such as app.*.requests; or set match_type: regex"
                raise ValueError(msg)
        return self

    def rules(self) -> list[Rule]:
        """What the kernel is told."""
        ordered = sorted(self.mappings, key=lambda rule: not rule.is_glob(self.defaults))
        return [rule.rule(self.defaults) for rule in ordered]


def _pattern(glob: str) -> str:
    return "^" + re.escape(glob).replace(r"\*", "([^.]*)") + "$"


def _for_glob(template: str) -> str:
    """With braces around the numbers of groups: what follows them is no part of a name."""
    return _GROUP.sub(r"${\1}", template)
