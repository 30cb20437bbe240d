"""Options of `k8sattributes` that have options of their own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from penstock._kernel import Pattern
from penstock.config.regexps import Regexp
from penstock.config.types import Section
from penstock.processors._k8s_pod import Copied

_PODS_ONLY = "Penstock follows pods alone"

Metadata = Literal[
    "k8s.pod.name",
    "k8s.pod.uid",
    "k8s.pod.ip",
    "k8s.pod.hostname",
    "k8s.pod.start_time",
    "k8s.namespace.name",
    "k8s.node.name",
    "k8s.deployment.name",
    "k8s.replicaset.name",
    "k8s.replicaset.uid",
    "k8s.statefulset.name",
    "k8s.statefulset.uid",
    "k8s.daemonset.name",
    "k8s.daemonset.uid",
    "k8s.job.name",
    "k8s.job.uid",
    "k8s.cronjob.name",
    "k8s.container.name",
    "container.id",
    "container.image.name",
    "container.image.tag",
]

OWN: tuple[Metadata, ...] = (
    "k8s.pod.name",
    "k8s.pod.uid",
    "k8s.namespace.name",
    "k8s.node.name",
)
"""What is told of Penstock's own pod where the settings do not say."""

OF_ANY: tuple[Metadata, ...] = (*OWN, "k8s.pod.start_time", "k8s.deployment.name")
"""What is told of a cluster's pods where the settings do not say."""


def _pods(value: object) -> object:
    if value in ("namespace", "node", "deployment", "statefulset", "daemonset", "job"):
        msg = f"{_PODS_ONLY}, so labels and annotations are those of pods, not of a {value}"
        raise ValueError(msg)
    return value


class FieldRule(Section):
    """A label or an annotation that becomes an attribute. One of `key` and `key_regex`."""

    tag_name: str = ""
    """The attribute; without it `k8s.pod.labels.KEY` or `k8s.pod.annotations.KEY`. With
    `key_regex`, `$1` is its first group."""
    key: str = ""
    """The key of the label or annotation."""
    key_regex: Regexp = ""
    """A pattern of whole keys."""
    from_: Annotated[Literal["pod"], BeforeValidator(_pods)] = Field(default="pod", alias="from")
    """Whose it is: only a `pod`'s."""

    not_here: ClassVar[Mapping[str, str]] = {"regex": "as in the Collector; use `transform`"}

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.key) == bool(self.key_regex):
            found = "both" if self.key else "none"
            msg = f"expected one of key and key_regex, found {found}"
            raise ValueError(msg)
        return self

    def copied(self, *, labels: bool) -> Copied:
        """The rule."""
        pattern = Pattern(f"^(?:{self.key_regex})$") if self.key_regex else None
        return Copied(labels, self.key, pattern, self.tag_name)


class Extract(Section):
    """What is told."""

    metadata: tuple[Metadata, ...] | None = None
    """The attributes. Without it: name, uid, namespace and node of the pod; with `auth_type` also
    its start time and its Deployment's name."""
    labels: tuple[FieldRule, ...] = ()
    """Labels that become attributes."""
    annotations: tuple[FieldRule, ...] = ()
    """Annotations that become attributes."""
    otel_annotations: bool = False
    """Whether annotations `resource.opentelemetry.io/NAME` become attributes."""
    deployment_name_from_replicaset: bool = False
    """Whether a ReplicaSet's name is enough to tell its Deployment's; else the pod's label
    `pod-template-hash` must be its end."""


class LabelFilter(Section):
    """A condition on a label."""

    key: str
    """The label."""
    value: str = ""
    """Its value."""
    op: Literal["equals", "not-equals", "exists", "does-not-exist"] = "equals"
    """`equals`, `not-equals`, `exists` or `does-not-exist`."""


class FieldFilter(Section):
    """A condition on a field that the API selects by, such as `status.phase`."""

    key: str
    """The field."""
    value: str
    """Its value."""
    op: Literal["equals", "not-equals"] = "equals"
    """`equals` or `not-equals`."""


_SELECTORS = {"equals": "{}={}", "not-equals": "{}!={}", "exists": "{}", "does-not-exist": "!{}"}


class Filter(Section):
    """The pods that are followed; all of the cluster's without it."""

    node: str = ""
    """Those of a node."""
    node_from_env_var: str = ""
    """Those of the node that an environment variable names."""
    namespace: str = ""
    """Those of a namespace."""
    labels: tuple[LabelFilter, ...] = ()
    """Those with labels."""
    fields_: tuple[FieldFilter, ...] = Field(default=(), alias="fields")
    """Those with fields."""

    @field_validator("node_from_env_var")
    @classmethod
    def _is_set(cls, name: str) -> str:
        if name and not os.environ.get(name):
            msg = f"the environment variable {name} is not set"
            raise ValueError(msg)
        return name

    def selectors(self) -> dict[str, str]:
        """The same as parameters of the API."""
        made = {
            "labelSelector": [_SELECTORS[it.op].format(it.key, it.value) for it in self.labels],
            "fieldSelector": [_SELECTORS[it.op].format(it.key, it.value) for it in self.fields_],
        }
        if node := os.environ.get(self.node_from_env_var) or self.node:
            made["fieldSelector"].append(f"spec.nodeName={node}")
        return {name: ",".join(parts) for name, parts in made.items() if parts}


class Source(Section):
    """What a resource's pod is found by."""

    from_: Literal["resource_attribute", "connection"] = Field(alias="from")
    """`resource_attribute`, or `connection`: the address that it came from."""
    name: str = ""
    """The attribute, such as `k8s.pod.ip`."""

    @model_validator(mode="after")
    def _has_a_name_where_it_needs_one(self) -> Self:
        if bool(self.name) != (self.from_ == "resource_attribute"):
            msg = "expected a name with resource_attribute, and none with connection"
            raise ValueError(msg)
        return self


class Association(Section):
    """A way to find a resource's pod."""

    sources: tuple[Source, ...] = Field(min_length=1, max_length=4)
    """All of them must fit."""


class ExcludedPod(Section):
    """Pods of which nothing is told."""

    name: Regexp
    """A pattern of their names."""


class Exclude(Section):
    """Pods of which nothing is told."""

    pods: tuple[ExcludedPod, ...] = (
        ExcludedPod(name="jaeger-agent"),
        ExcludedPod(name="jaeger-collector"),
    )
    """Patterns of their names."""
