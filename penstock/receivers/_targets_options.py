"""Where the targets of a job are found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, ConfigDict, Field
from yarl import URL

from penstock.config.types import Section
from penstock.receivers._scrape_client import ClientSection
from penstock.receivers._scrape_values import Interval


def _is_address(address: str) -> str:
    if not address or "/" in address:
        msg = f"{address!r} is no address; expected host:port, without a scheme or a path"
        raise ValueError(msg)
    return address


def _is_file(pattern: str) -> str:
    name = pattern.rpartition("/")[2]
    if not name.endswith((".json", ".yml", ".yaml")) or "*" in pattern[: -len(name)]:
        msg = f"expected a path that ends with .json, .yml or .yaml, found {pattern!r}"
        raise ValueError(msg)
    return pattern


def _is_url(url: str) -> str:
    if URL(url).scheme not in {"http", "https"} or not URL(url).host:
        msg = f"expected a URL of http or https, found {url!r}"
        raise ValueError(msg)
    return url


class StaticConfig(Section):
    """Targets by their addresses, and labels for them."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    targets: list[Annotated[str, AfterValidator(_is_address)]]
    """Addresses: `host:port`."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Labels of all of them."""


class FileSDConfig(Section):
    """Files that name targets, as lists of `targets` and `labels`; they may change."""

    files: list[Annotated[str, AfterValidator(_is_file)]] = Field(min_length=1)
    """Paths of JSON or YAML; the name may have a `*`."""
    refresh_interval: Interval = Field(default=300.0, gt=0)
    """How often they are read, besides whenever they are seen to change."""


class HTTPSDConfig(ClientSection):
    """A URL that answers with targets, as a list of `targets` and `labels`."""

    url: Annotated[str, AfterValidator(_is_url)]
    """What to ask."""
    refresh_interval: Interval = Field(default=60.0, gt=0)
    """How often."""


_OUR_CLUSTER = "Penstock asks the cluster that it runs in, as its service account; remove it"


class Namespaces(Section):
    """In which namespaces to look; in all of them if none is named."""

    own_namespace: bool = False
    """In that of Penstock's own pod."""
    names: list[str] = Field(default_factory=list)
    """In these."""


class Selector(Section):
    """Which objects of a kind to ask for."""

    role: Literal["pod", "service", "endpoints"]
    """The kind."""
    label: str = ""
    """By labels, in Kubernetes' notation."""
    field: str = ""
    """By fields, in Kubernetes' notation."""


class KubernetesSDConfig(Section):
    """Objects of the cluster that Penstock runs in."""

    role: Literal["pod", "service", "endpoints"]
    """What becomes targets: each port of every `pod`, `service` or of `endpoints`."""
    namespaces: Namespaces = Namespaces()
    """In which namespaces to look; in all of them if none is named."""
    selectors: list[Selector] = Field(default_factory=list)
    """Which objects to ask for, one for each kind at most."""

    not_here: ClassVar[Mapping[str, str]] = {
        "api_server": _OUR_CLUSTER,
        "kubeconfig_file": _OUR_CLUSTER,
        "attach_metadata": "labels of nodes and namespaces are not asked for; remove it",
        **dict.fromkeys(
            (
                "basic_auth",
                "authorization",
                "bearer_token",
                "bearer_token_file",
                "oauth2",
                "tls_config",
                "proxy_url",
                "follow_redirects",
                "enable_http2",
            ),
            _OUR_CLUSTER,
        ),
    }


def groups(found: Any) -> list[StaticConfig]:
    """What a file or an answer says. Raises `ValueError` for anything but a list of targets."""
    if not isinstance(found, list):
        msg = "expected a list of targets and labels"
        raise ValueError(msg)  # noqa: TRY004  (it is about a file's content)
    return [StaticConfig.model_validate(group) for group in found]
