"""Show metrics to Prometheus: the newest value of every series, whenever it scrapes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress
from fnmatch import translate
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import Field, model_validator

from penstock.config.tls import ServerTLS
from penstock.config.types import Duration, ListenAddress, Section, UrlPath
from penstock.exporters._exposed import FAULTS, MEANINGS, Exposed
from penstock.exporters._scrapes import Scrapes
from penstock.pipeline import Context, Exporter, ExporterConfig, Signal
from penstock.pipeline.auth import ServerAuth
from penstock.pipeline.component import Rejected
from penstock.pipeline.web import Page, secured
from penstock.prometheus.names import Namer, Strategy
from penstock.prometheus.origins import IDENTIFYING, Origins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from penstock.pipeline import Batch
    from penstock.pipeline.telemetry.registry import Counter

TARGET = "target_info"

_SWEEPS = 4
"""Looks at the age of series within the time that they are shown without an update."""

_ONE_FOR_ALL = "scrapers are few and known; remove it"


class ResourceLabels(Section):
    """Which attributes of resources become labels of all their series."""

    included: list[str] = Field(default=[])
    """Keys; `*` stands for any characters, `?` for one. Without any, all but those excluded."""
    excluded: list[str] = Field(default=[])
    """Keys that are left out, in the same notation."""
    enabled: bool = False
    """The older way to include all."""
    exclude_service_attributes: bool = False
    """The older way to exclude those that `job` and `instance` are made of."""

    @property
    def promoted(self) -> Callable[[str], bool]:
        """Whether the attribute of a key becomes a label."""
        if not (self.included or self.excluded or self.enabled):
            return lambda _: False
        excluded = {*self.excluded, *(IDENTIFYING if self.exclude_service_attributes else ())}
        wanted, unwanted = _pattern(self.included or ["*"]), _pattern(excluded)
        return lambda key: bool(wanted.fullmatch(key)) and not unwanted.fullmatch(key)


def _pattern(wildcards: Iterable[str]) -> re.Pattern[str]:
    # A bracket is a character like any other here.
    texts = (translate(wildcard.replace("[", "[[]")) for wildcard in wildcards)
    return re.compile("|".join(texts) or r"(?!)")


class Config(ExporterConfig):
    """Options of the Collector's `prometheus` exporter."""

    signals = frozenset({Signal.METRICS})
    not_here: ClassVar[Mapping[str, str]] = {
        "sending_queue": "points are shown at once, so nothing waits; remove it",
        "transport": "it listens on TCP; remove it",
        "cors": "what is shown is for Prometheus, not for pages; remove it",
        "max_request_body_size": "requests have no bodies; remove it",
        "compression_algorithms": "requests have no bodies; remove it",
        "include_metadata": "headers of requests are not kept; remove it",
        "response_headers": "no headers can be added; remove it",
        "middlewares": "there are none; remove it",
        "read_timeout": _ONE_FOR_ALL,
        "read_header_timeout": _ONE_FOR_ALL,
        "idle_timeout": _ONE_FOR_ALL,
        "keep_alives_enabled": _ONE_FOR_ALL,
    }

    endpoint: ListenAddress
    """Where to listen for scrapes."""
    path: UrlPath = "/metrics"
    """The path to scrape."""
    tls: ServerTLS | None = None
    """TLS of that address."""
    auth: ServerAuth | None = None
    """Whose scrapes are answered; without it, everybody's."""
    write_timeout: Duration = 30.0
    """How long an answer may take; 0 is for ever."""
    namespace: str = ""
    """What comes before the names of all metrics, and an underscore."""
    const_labels: dict[str, str] = Field(default={})
    """Labels of all series."""
    send_timestamps: bool = False
    """Whether to show the times of points; without, they are of the time of the scrape."""
    metric_expiration: Duration = Field(default=300.0, ge=1)
    """How long a series is shown without an update."""
    enable_open_metrics: bool = False
    """Whether to answer in OpenMetrics too, if that is preferred."""
    without_scope_info: bool = False
    """Whether to leave out the labels that tell the instrumentation scope."""
    add_metric_suffixes: bool = True
    """Whether names end in unit and type; `translation_strategy` says it better."""
    translation_strategy: Strategy | None = None
    """How much of names stays; underscores and suffixes unless given."""
    resource_to_telemetry_conversion: ResourceLabels = ResourceLabels()
    """The older name of the next."""
    resource_constant_labels: ResourceLabels = ResourceLabels()
    """Which attributes of resources become labels of all their series."""
    max_series: int = Field(default=1_000_000, ge=1)
    """How many series are kept; others are dropped until one leaves."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        both = {"resource_to_telemetry_conversion", "resource_constant_labels"}
        if both <= self.model_fields_set:
            msg = "resource_to_telemetry_conversion is resource_constant_labels; keep the latter"
            raise ValueError(msg)
        return self

    @property
    def namer(self) -> Namer:
        """How metrics and labels are named."""
        suffixed = Strategy.UNDERSCORES_AND_SUFFIXES
        usual = suffixed if self.add_metric_suffixes else Strategy.UNDERSCORES
        return Namer(self.translation_strategy or usual, self.namespace)

    @property
    def origins(self) -> Origins:
        """How resources and scopes are shown."""
        newer = "resource_constant_labels" in self.model_fields_set
        labels = self.resource_constant_labels if newer else self.resource_to_telemetry_conversion
        constant = ((self.namer.label(key), value) for key, value in self.const_labels.items())
        return Origins(self.namer, labels.promoted, not self.without_scope_info, tuple(constant))

    def build(self, context: Context) -> Prometheus:
        """The exporter these settings describe."""
        return Prometheus(self, context)


class Prometheus(Exporter):
    """Keeps the newest point of every series, and shows them all at an address."""

    def __init__(self, config: Config, context: Context) -> None:
        self.port = 0
        """Where it listens, once it does."""
        self._config = config
        self._context = context
        name = f"{config.namer.label(config.namespace)}_{TARGET}" if config.namespace else TARGET
        self._exposed = Exposed(
            config.origins,
            target=name,
            limit=config.max_series,
            expiration=config.metric_expiration,
        )
        self._dropped = {fault: _dropped(context, fault) for fault in FAULTS}
        context.telemetry.gauge(
            "penstock_exporter_prometheus_series",
            "Series that are shown.",
            lambda: self._exposed.kernel.counts()[1],
            "{series}",
            exporter=context.id,
        )
        self._scrapes = Scrapes(self._exposed, config, context)
        self._page = Page()
        self._page.add(config.path, self._scrapes.answer)
        self._sweeper: asyncio.Task[None] | None = None

    @property
    def trouble(self) -> str | None:
        """Metrics that are not shown, and why."""
        return self._exposed.trouble()

    async def start(self) -> None:
        """Listen. Raises `StartError`."""
        config = self._config
        if config.auth:
            self._scrapes.authenticator = config.auth.find(self._context)
        tls = secured(config.tls, self._context) if config.tls else None
        self.port = await self._page.open(config.endpoint, tls)
        self._sweeper = self._context.tasks.create_task(self._sweep())

    async def stop(self) -> None:
        """Listen no more."""
        await self._page.close()
        if self._sweeper:
            self._sweeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweeper
            self._sweeper = None

    async def send(self, batch: Batch) -> Rejected | None:
        """Show what is new in a batch."""
        dropped = await self._exposed.take(batch)
        if not dropped:
            return None
        for fault, points in dropped.items():
            self._dropped[fault].add(points)
        reasons = (f"{points} {fault} ({MEANINGS[fault]})" for fault, points in dropped.items())
        return Rejected(dropped.total(), f"not shown: {', '.join(reasons)}")

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(self._config.metric_expiration / _SWEEPS)
            await self._exposed.expire()


def _dropped(context: Context, fault: str) -> Counter:
    return context.telemetry.counter(
        "penstock_exporter_prometheus_dropped_points",
        "Data points that are not shown, by reason.",
        "{datapoint}",
        exporter=context.id,
        reason=fault,
    )
