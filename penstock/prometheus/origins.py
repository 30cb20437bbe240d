"""What a resource and a scope become in Prometheus: labels, and a target's info."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from penstock.prometheus.names import Namer

Pairs: TypeAlias = "Sequence[tuple[str, str]]"
"""Names or keys, and texts."""

IDENTIFYING = frozenset({"service.name", "service.namespace", "service.instance.id"})
"""Attributes of resources that `job` and `instance` are made of."""

_OWN_OF_SCOPE = frozenset({"name", "version", "schema_url"})


@dataclass(frozen=True, slots=True)
class Origins:
    """How origins are shown. `promoted` says which attributes of resources become labels of every
    series; `constant` are labels of all."""

    namer: Namer
    promoted: Callable[[str], bool]
    scope_info: bool = True
    constant: tuple[tuple[str, str], ...] = ()

    def labels(
        self, resource: Pairs, scope: Sequence[str], scope_attributes: Pairs
    ) -> list[tuple[str, str]]:
        """The labels of every series from there; `scope` is its name, version and schema URL.

        Where several have one name, the first counts: constant labels, those that say where a
        series comes from, and then attributes of the resource.
        """
        labels = dict(self.constant)
        own = [*job_and_instance(resource)]
        if self.scope_info:
            own += self._of_scope(scope, scope_attributes)
        for name, value in own:
            labels.setdefault(name, value)
        promoted = ((key, value) for key, value in resource if self.promoted(key))
        return [*labels.items(), *self._others(promoted, labels)]

    def target(self, resource: Pairs) -> list[tuple[str, str]] | None:
        """The labels of its `target_info`; `None` for a resource that does not say what it is."""
        own = job_and_instance(resource)
        if not own:
            return None
        rest = ((key, value) for key, value in resource if key not in IDENTIFYING)
        return [*own, *self._others(rest, dict(own))]

    def _of_scope(self, scope: Sequence[str], attributes: Pairs) -> Iterable[tuple[str, str]]:
        yield from zip(
            ("otel_scope_name", "otel_scope_version", "otel_scope_schema_url"), scope, strict=True
        )
        for key, value in attributes:
            if key not in _OWN_OF_SCOPE:
                yield self.namer.label(f"otel_scope_{key}"), value

    def _others(
        self, attributes: Iterable[tuple[str, str]], taken: dict[str, str]
    ) -> list[tuple[str, str]]:
        """Labels of attributes in the order of their keys: values of one name are joined so."""
        named = ((self.namer.label(key), value) for key, value in sorted(attributes))
        return [(name, value) for name, value in named if name and name not in taken]


def job_and_instance(resource: Pairs) -> list[tuple[str, str]]:
    """The labels that say which target a resource is: those of the two that it has."""
    said = dict(resource)
    job = said.get("service.name", "")
    if job and (namespace := said.get("service.namespace")):
        job = f"{namespace}/{job}"
    labels = (("job", job), ("instance", said.get("service.instance.id", "")))
    return [(name, value) for name, value in labels if value]
