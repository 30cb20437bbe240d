"""From samples of Prometheus to data points, under their resources and scopes."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from penstock.pipeline import Batch, Column
from penstock.prometheus.labels import NAME
from penstock.prometheus.units import UCUM

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from penstock._kernel import Samples

    Parent = tuple[dict[str, Any], str, str, str, dict[str, Any]]
    Told = Mapping[tuple[str, str], Mapping[str, str]]
    Describe = Callable[[str, str], dict[str, str]]
    """The attributes of the resource that a job and an instance are."""

BYTES_PER_SAMPLE = 64
"""As a sample usually takes, or fewer: an exposition of the largest size has no more samples than
these make, since the shortest ones become fifty times as large."""

_SCOPE = "otel_scope_"
_KNOWN_SCOPE = (f"{_SCOPE}name", f"{_SCOPE}version", f"{_SCOPE}schema_url")
_OF_TARGETS = ("job", "instance")
_TARGET_INFO, _SCOPE_INFO = "target_info", "otel_scope_info"


def column(samples: Samples, name: str) -> Column:
    """What each sample has under a label."""
    codes, values = samples.column(name)
    return Column(np.frombuffer(codes, dtype=np.uint32), values)


def told(samples: Samples) -> dict[tuple[str, str], dict[str, str]]:
    """What targets tell of themselves, by job and instance."""
    return {
        (info.pop("job", ""), info.pop("instance", "")): {
            name: text for name, text in info.items() if text and name != NAME
        }
        for info in samples.series(_TARGET_INFO)
    }


def points(
    samples: Samples, about: Told, describe: Describe, scope: str, now: int
) -> tuple[Batch | None, dict[str, int]]:
    """The points under their resources and scopes, and how many samples came to nothing, by reason.

    `about` is what targets tell of themselves; what says no scope is of `scope`.
    """
    names = [*_OF_TARGETS, *(name for name in samples.labels() if name.startswith(_SCOPE))]
    owners, distinct = _combinations([column(samples, name) for name in names], len(samples))
    rows = [dict(zip(names, row, strict=True)) for row in distinct]
    parents = [_parent(labels, about, describe, scope) for labels in rows]
    ordinary = ~column(samples, NAME).isin([_TARGET_INFO, _SCOPE_INFO])
    if not ordinary.all():
        owners = owners[ordinary]
        samples.keep(ordinary.view(np.uint8).data)
    batch, dropped = samples.to_otlp(
        owners=np.ascontiguousarray(owners).data,
        parents=parents,
        without=names,
        now=now,
        units=UCUM,
    )
    return (None if batch is None else Batch(batch)), dropped


def _combinations(columns: list[Column], count: int) -> tuple[Any, list[list[str]]]:
    """A code for each sample, and the values of each code."""
    codes = np.zeros(count, dtype=np.int64)
    for each in columns:
        codes = np.unique(codes * len(each.values) + each.codes, return_inverse=True)[1]
    _, first, codes = np.unique(codes, return_index=True, return_inverse=True)
    rows = [[each.values[each.codes[item]] for each in columns] for item in first.tolist()]
    return codes.astype(np.uint32), rows


def _parent(labels: Mapping[str, str], about: Told, describe: Describe, ours: str) -> Parent:
    named = labels["job"], labels["instance"]
    scope = {name: text for name, text in labels.items() if name.startswith(_SCOPE) and text}
    name, number, schema = (scope.pop(known, "") for known in _KNOWN_SCOPE)
    if not (name or number or schema or scope):
        name, number = ours, version("penstock")
    attributes = {key.removeprefix(_SCOPE): text for key, text in scope.items()}
    return {**describe(*named), **about.get(named, {})}, name, number, schema, attributes
