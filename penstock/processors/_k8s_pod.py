"""What is told of a pod, by what the Kubernetes API says of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from penstock._kernel import Pattern

POD_IP = "k8s.pod.ip"
"""Where resources have the address of their pod."""

_IGNORED = "opentelemetry.io/k8s-processor/ignore"
_FOR_RESOURCES = "resource.opentelemetry.io/"
_OF_DEPLOYMENT = re.compile(r"(.+)-[a-z0-9]{10}")
_OF_CRON_JOB = re.compile(r"(.+)-[0-9]+")
_OWNERS = {"ReplicaSet": "replicaset", "DaemonSet": "daemonset", "StatefulSet": "statefulset"}

Told = dict[str, str]


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod, as far as it matters here."""

    uid: str
    created: str
    """When, as the API writes it: later is greater."""
    attributes: Told
    """What is told in resources."""
    identity: Told
    """What resources may name it by."""
    containers: Mapping[str, Told] = field(default_factory=dict)
    """What is told of each container, by its name."""

    def container(self, name: Any, id_: Any) -> Told:
        """What is told of the container with that name or id; of the only one without either."""
        if name or id_:
            found = self.containers.get(name) if name else None
            by_id = (it for it in self.containers.values() if it.get("container.id") == id_)
            return found or (next(by_id, {}) if not name else {})
        return next(iter(self.containers.values())) if len(self.containers) == 1 else {}


class Copied(NamedTuple):
    """A rule by which a label or an annotation becomes an attribute."""

    labels: bool
    """Whether it is about labels; else about annotations."""
    key: str
    """The key; every key that `pattern` matches if empty."""
    pattern: Pattern | None
    attribute: str
    """The attribute's name, in which `$1` is a group of the pattern; the usual one if empty."""

    def told(self, labels: Mapping[str, str], annotations: Mapping[str, str]) -> Iterator[Any]:
        """Pairs of the attribute's name and its value."""
        values, usual = (
            (labels, "k8s.pod.labels.") if self.labels else (annotations, "k8s.pod.annotations.")
        )
        keys = [self.key] if not self.pattern else [*values]
        for key in keys:
            if key in values and (not self.pattern or self.pattern.found([key])[0]):
                yield self._name(key) or usual + key, values[key]

    def _name(self, key: str) -> str:
        if self.pattern and self.attribute:
            return self.pattern.replaced([key], self.attribute)[0]
        return self.attribute


@dataclass(frozen=True, slots=True)
class Rules:
    """What is told of pods, and of which not."""

    wanted: Collection[str]
    """The names of attributes."""
    copied: Sequence[Copied] = ()
    from_annotations: bool = False
    """Whether annotations `resource.opentelemetry.io/NAME` become attributes."""
    by_name: bool = False
    """Whether a ReplicaSet's name is enough to tell its Deployment's."""
    excluded: Callable[[list[str]], list[bool]] = lambda names: [False] * len(names)
    """Which pods, by their names, nothing is told of."""

    def pod(self, found: Mapping[str, Any]) -> Pod | None:
        """The pod of an object of the API; `None` for one of which nothing is told."""
        about, spec, status = found["metadata"], found.get("spec", {}), found.get("status", {})
        annotations = about.get("annotations") or {}
        if annotations.get(_IGNORED, "").strip().lower() == "true":
            return None
        if self.excluded([about["name"]])[0]:
            return None
        everything = dict(_facts(about, spec, status, by_name=self.by_name))
        attributes = {name: everything[name] for name in self.wanted if everything.get(name)}
        for rule in self.copied:
            attributes |= dict(rule.told(about.get("labels") or {}, annotations))
        if self.from_annotations:
            attributes |= dict(_for_resources(annotations))
        address = {} if spec.get("hostNetwork") else {POD_IP: everything[POD_IP]}
        identity = {**everything, **attributes, POD_IP: "", **address}
        return Pod(
            about["uid"],
            about.get("creationTimestamp") or "",
            attributes,
            {name: value for name, value in identity.items() if value},
            {name: self._of(told) for name, told in _containers(spec, status)},
        )

    def _of(self, told: Told) -> Told:
        return {name: value for name, value in told.items() if name in self.wanted and value}


def _facts(
    about: Mapping[str, Any], spec: Mapping[str, Any], status: Mapping[str, Any], *, by_name: bool
) -> Iterator[tuple[str, str]]:
    yield "k8s.pod.name", about["name"]
    yield "k8s.pod.uid", about["uid"]
    yield "k8s.namespace.name", about.get("namespace", "")
    yield "k8s.pod.start_time", about.get("creationTimestamp") or ""
    yield "k8s.pod.hostname", spec.get("hostname", "")
    yield "k8s.node.name", spec.get("nodeName", "")
    yield POD_IP, status.get("podIP", "")
    template = (about.get("labels") or {}).get("pod-template-hash", "")
    for owner in about.get("ownerReferences") or ():
        yield from _owner(owner["kind"], owner["name"], owner["uid"], template, by_name=by_name)


def _owner(
    kind: str, name: str, uid: str, template: str, *, by_name: bool
) -> Iterator[tuple[str, str]]:
    if known := _OWNERS.get(kind):
        yield f"k8s.{known}.name", name
        yield f"k8s.{known}.uid", uid
    if kind == "ReplicaSet" and template and name.endswith(f"-{template}"):
        yield "k8s.deployment.name", name.removesuffix(f"-{template}")
    elif kind == "ReplicaSet" and by_name and (match := _OF_DEPLOYMENT.fullmatch(name)):
        yield "k8s.deployment.name", match[1]
    if kind == "Job":
        yield "k8s.job.name", name
        yield "k8s.job.uid", uid
        if match := _OF_CRON_JOB.fullmatch(name):
            yield "k8s.cronjob.name", match[1]


def _for_resources(annotations: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for key, value in annotations.items():
        if key.startswith(_FOR_RESOURCES):
            yield key.removeprefix(_FOR_RESOURCES), value


def _containers(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Iterator[tuple[str, Told]]:
    ids = {
        it["name"]: it.get("containerID", "").rpartition("://")[2]
        for kind in ("containerStatuses", "initContainerStatuses")
        for it in status.get(kind) or ()
    }
    for kind in ("containers", "initContainers"):
        for it in spec.get(kind) or ():
            image, tag = _image(it.get("image", ""))
            yield (
                it["name"],
                {
                    "k8s.container.name": it["name"],
                    "container.id": ids.get(it["name"], ""),
                    "container.image.name": image,
                    "container.image.tag": tag,
                },
            )


def _image(text: str) -> tuple[str, str]:
    """Name and tag of `registry:5000/name:tag@sha256:…`."""
    named = text.partition("@")[0]
    name, colon, tag = named.rpartition(":")
    if not colon or "/" in tag:
        return named, "latest" if named else ""
    return name, tag
