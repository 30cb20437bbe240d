"""Targets: what is found becomes, by the rules of a job, an address to ask and labels to give."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from yarl import URL

from penstock.prometheus.labels import LabelSets
from penstock.prometheus.relabel import relabel
from penstock.receivers._scrape_values import parse_interval, write_interval

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from penstock.receivers._scrape_options import ScrapeConfig

ADDRESS, SCHEME, PATH = "__address__", "__scheme__", "__metrics_path__"
INTERVAL, TIMEOUT = "__scrape_interval__", "__scrape_timeout__"
_PARAMETER = "__param_"


@dataclass(frozen=True)
class Target:
    """What is asked, how often, and the labels of whatever it exposes."""

    url: URL
    labels: tuple[tuple[str, str], ...]
    interval: float
    timeout: float
    discovered: tuple[tuple[str, str], ...]
    """What service discovery said, which is no label."""

    @cached_property
    def key(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        """What makes it this target: another one is scraped on its own."""
        return str(self.url), self.labels

    @property
    def offset(self) -> float:
        """Seconds from a multiple of the interval until it is scraped: other targets have others,
        so that not all are scraped at once."""
        digest = hashlib.blake2b(repr(self.key).encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") / 2**64 * self.interval


class TargetError(Exception):
    """What was found cannot be scraped."""


def targets_of(
    job: ScrapeConfig, found: Iterable[Mapping[str, str]]
) -> tuple[list[Target], list[TargetError]]:
    """The targets that the rules of a job leave, each once, and what is wrong with others."""
    usual = _usual(job)
    sets = relabel(job.relabel_configs, LabelSets.of([{**usual, **labels} for labels in found]))
    targets: dict[object, Target] = {}
    errors = []
    for labels in sets.to_dicts():
        if labels is None:
            continue
        try:
            target = _target(job, labels)
        except TargetError as error:
            errors.append(error)
        else:
            targets.setdefault(target.key, target)
    return list(targets.values()), errors


def _usual(job: ScrapeConfig) -> dict[str, str]:
    return {
        "job": job.job_name,
        SCHEME: job.scheme,
        PATH: job.metrics_path,
        INTERVAL: write_interval(job.scrape_interval),
        TIMEOUT: write_interval(job.timeout),
        **{f"{_PARAMETER}{name}": values[0] for name, values in job.params.items() if values},
    }


def _target(job: ScrapeConfig, labels: dict[str, str]) -> Target:
    address, scheme = labels.get(ADDRESS, ""), labels.get(SCHEME, "")
    if not address or "/" in address:
        msg = f"{address!r} is no address; expected host:port"
        raise TargetError(msg)
    if scheme not in {"http", "https"}:
        msg = f"{address} has the scheme {scheme!r}; expected http or https"
        raise TargetError(msg)
    try:
        url = URL(f"{scheme}://{address}").with_path(labels.get(PATH, ""))
        interval, timeout = (parse_interval(labels.get(name)) for name in (INTERVAL, TIMEOUT))
    except ValueError as error:
        msg = f"{address}: {error}"
        raise TargetError(msg) from error
    if not 0 < timeout <= interval:
        msg = f"{address}: the time-out of {timeout:g}s is not between 0 and {interval:g}s"
        raise TargetError(msg)
    public = {name: value for name, value in labels.items() if not name.startswith("__")}
    public.setdefault("instance", address)
    return Target(
        url=url.with_query(_query(job, labels)),
        labels=tuple(sorted(public.items())),
        interval=interval,
        timeout=timeout,
        discovered=tuple(sorted((k, v) for k, v in labels.items() if k.startswith("__"))),
    )


def _query(job: ScrapeConfig, labels: Mapping[str, str]) -> list[tuple[str, str]]:
    """The parameters of the job, whose first values labels may replace or add."""
    query = {name: list(values) for name, values in job.params.items()}
    for name, value in labels.items():
        if name.startswith(_PARAMETER):
            query.setdefault(name.removeprefix(_PARAMETER), [])[:1] = [value]
    return [(name, value) for name, values in query.items() for value in values]
