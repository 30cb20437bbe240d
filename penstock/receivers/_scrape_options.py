"""The file of Prometheus, as far as it is about scraping: `global` and `scrape_configs`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from penstock.config.types import Section, UrlPath
from penstock.prometheus.relabel import Rule
from penstock.receivers._scrape_client import ClientSection
from penstock.receivers._scrape_values import Interval, Size
from penstock.receivers._targets_options import (
    FileSDConfig,
    HTTPSDConfig,
    KubernetesSDConfig,
    StaticConfig,
)

Protocol = Literal[
    "PrometheusProto",
    "OpenMetricsText1.0.0",
    "OpenMetricsText0.0.1",
    "PrometheusText1.0.0",
    "PrometheusText0.0.4",
]

DEFAULT_PROTOCOLS: tuple[Protocol, ...] = (
    "OpenMetricsText1.0.0",
    "OpenMetricsText0.0.1",
    "PrometheusText1.0.0",
    "PrometheusText0.0.4",
)

_MIB = 1024 * 1024

_BY_SERVICE = "let a program write targets for file_sd_configs, or serve them for http_sd_configs"
_DISCOVERIES = (
    "aws azure consul digitalocean dns docker dockerswarm ec2 ecs eureka gce hetzner ionos kuma "
    "lightsail linode marathon nerve nomad openstack ovhcloud puppetdb scaleway serverset stackit "
    "triton uyuni vultr"
)


def _positive(size: int) -> int:
    if size == 0:
        msg = "nothing from outside is without a bound here; set a size such as 512MB"
        raise ValueError(msg)
    return size


class Limits(Section):
    """What holds for a job, or in `global` for all that say nothing else."""

    scrape_interval: Interval = Field(default=60.0, gt=0)
    """How often targets are scraped."""
    scrape_timeout: Interval = Field(default=10.0, gt=0)
    """How long a scrape may take."""
    scrape_protocols: tuple[Protocol, ...] = Field(default=DEFAULT_PROTOCOLS, min_length=1)
    """The formats that targets are asked for, the preferred first."""
    scrape_native_histograms: bool = False
    """Take native histograms, which only `PrometheusProto` has, as exponential ones; it is then the
    preferred format unless `scrape_protocols` says otherwise."""
    always_scrape_classic_histograms: bool = False
    """Take the classic buckets too of what has native ones."""
    body_size_limit: Annotated[Size, AfterValidator(_positive)] = 64 * _MIB
    """The largest exposition, when decompressed."""
    sample_limit: int = Field(default=0, ge=0)
    """The most samples of a scrape that may be left after relabelling; 0 sets no limit."""
    target_limit: int = Field(default=0, ge=0)
    """The most targets of a job; with more, none is scraped. 0 sets no limit."""
    label_limit: int = Field(default=0, ge=0)
    """The most labels of a sample; 0 sets no limit."""
    label_name_length_limit: int = Field(default=0, ge=0)
    """The longest name of a label in bytes; 0 sets no limit."""
    label_value_length_limit: int = Field(default=0, ge=0)
    """The longest value of a label in bytes; 0 sets no limit."""

    @property
    def timeout(self) -> float:
        """Seconds that a scrape may take: never more than there are between two."""
        return min(self.scrape_timeout, self.scrape_interval)

    @model_validator(mode="after")
    def _timely(self) -> Self:
        if "scrape_timeout" in self.model_fields_set and self.scrape_timeout > self.scrape_interval:
            msg = "scrape_timeout is longer than scrape_interval"
            raise ValueError(msg)
        return self


class Global(Limits):
    """What holds for all jobs that say nothing else."""

    external_labels: dict[str, str] = Field(default_factory=dict)
    """Labels that every sample gets."""

    not_here: ClassVar[Mapping[str, str]] = {
        "evaluation_interval": "there are no rules here; remove it",
        "rule_query_offset": "there are no rules here; remove it",
        "query_log_file": "there are no queries here; remove it",
        "scrape_failure_log_file": "failed scrapes are in Penstock's own log; remove it",
        "keep_dropped_targets": "dropped targets are not kept; remove it",
        "metric_name_validation_scheme": "names may be any UTF-8; remove it",
        "metric_name_escaping_scheme": "names are taken as they are; remove it",
        "convert_classic_histograms_to_nhcb": "they become OTLP histograms; remove it",
        "runtime": "it is about Prometheus' own process; remove it",
    }


class ScrapeConfig(Limits, ClientSection):
    """A job: targets that are scraped alike."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    job_name: str = Field(min_length=1)
    """The label `job` of its targets, and `service.name` in OTLP."""
    metrics_path: UrlPath = "/metrics"
    """Where targets expose their metrics."""
    scheme: Literal["http", "https"] = "http"
    """How targets are asked."""
    params: dict[str, list[str]] = Field(default_factory=dict)
    """Parameters of the URL."""
    enable_compression: bool = True
    """Ask for gzip."""
    scrape_fallback_protocol: Protocol | None = None
    """What to take an exposition for whose `Content-Type` says nothing of use; without it, the
    scrape fails."""
    honor_labels: bool = False
    """Leave labels of samples that the target has too; else they get `exported_` in front."""
    honor_timestamps: bool = True
    """Take the times that samples have; else that of the scrape."""
    track_timestamps_staleness: bool = False
    """Mark series as stale whose samples have times of their own, when they are gone."""
    static_configs: list[StaticConfig] = Field(default_factory=list)
    """Targets by their addresses."""
    file_sd_configs: list[FileSDConfig] = Field(default_factory=list)
    """Files that name targets."""
    http_sd_configs: list[HTTPSDConfig] = Field(default_factory=list)
    """URLs that answer with targets."""
    kubernetes_sd_configs: list[KubernetesSDConfig] = Field(default_factory=list)
    """Objects of the cluster that Penstock runs in."""
    relabel_configs: list[Rule] = Field(default_factory=list)
    """Rules for targets, before they are scraped."""
    metric_relabel_configs: list[Rule] = Field(default_factory=list)
    """Rules for samples."""

    @property
    def protocols(self) -> tuple[Protocol, ...]:
        """The formats to ask for, the preferred first."""
        if self.scrape_native_histograms and "scrape_protocols" not in self.model_fields_set:
            return ("PrometheusProto", *self.scrape_protocols)
        return self.scrape_protocols

    not_here: ClassVar[Mapping[str, str]] = {
        **ClientSection.not_here,
        **{f"{name}_sd_configs": _BY_SERVICE for name in _DISCOVERIES.split()},
        "native_histogram_bucket_limit": "filter histograms in a processor; remove it",
        "native_histogram_min_bucket_factor": "filter histograms in a processor; remove it",
        "convert_classic_histograms_to_nhcb": "they become OTLP histograms; remove it",
        "keep_dropped_targets": "dropped targets are not kept; remove it",
        "scrape_failure_log_file": "failed scrapes are in Penstock's own log; remove it",
        "metric_name_validation_scheme": "names may be any UTF-8; remove it",
        "metric_name_escaping_scheme": "names are taken as they are; remove it",
    }


class PrometheusConfig(Section):
    """A file of Prometheus."""

    global_: Global = Field(default_factory=Global, alias="global")
    """What holds for all jobs that say nothing else."""
    scrape_configs: list[ScrapeConfig] = Field(min_length=1)
    """The jobs."""

    not_here: ClassVar[Mapping[str, str]] = {
        "rule_files": "there are no rules here; keep them in Prometheus",
        "scrape_config_files": "name the jobs under scrape_configs",
        "alerting": "there are no alerts here; keep them in Prometheus",
        "remote_write": "use the prometheusremotewrite exporter",
        "remote_read": "there are no queries here; remove it",
        "otlp": "use the otlp receiver",
        "storage": "nothing is stored here; remove it",
        "tracing": "use service.telemetry.traces",
    }

    @model_validator(mode="before")
    @classmethod
    def _inherit(cls, value: Any) -> Any:
        """Let jobs have what `global` says and they do not."""
        if not isinstance(value, dict) or not isinstance(value.get("global"), dict):
            return value
        common = {k: v for k, v in value["global"].items() if k in Limits.model_fields}
        jobs = value.get("scrape_configs")
        if not isinstance(jobs, list):
            return value
        inherited = [_inherited(common, job) if isinstance(job, dict) else job for job in jobs]
        return {**value, "scrape_configs": inherited}

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        names = [job.job_name for job in self.scrape_configs]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            msg = f"two jobs have the job_name {twice!r}; give each its own"
            raise ValueError(msg)
        return self


def _inherited(common: Mapping[str, Any], job: Mapping[str, Any]) -> dict[str, Any]:
    """A shorter interval brings a shorter time-out with it, as in Prometheus."""
    own = {name: value for name, value in common.items() if name not in job}
    if "scrape_interval" in job:
        own.pop("scrape_timeout", None)
    return {**own, **job}
