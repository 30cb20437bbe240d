"""Types of option that several components share: sections, durations, addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_LAST_PORT = 65_535
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")


class Section(BaseModel):
    """Base of options that have options of their own: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    not_here: ClassVar[Mapping[str, str]] = {}
    """Options of the Collector's that are refused, and what to do instead."""


def parse_duration(value: Any) -> float:
    """Seconds from Go's notation (`300ms`, `1m30s`, `0`), the one that Collector files use.

    Raises `ValueError` for anything else; a bare number other than 0 has no unit and is refused.
    """
    if value in (0, "0") and not isinstance(value, bool):
        return 0.0
    parts = _PART.findall(value) if isinstance(value, str) else []
    if not parts or "".join(number + unit for number, unit in parts) != value:
        msg = f"expected a duration such as 200ms, 5s or 1m30s, found {value!r}"
        raise ValueError(msg)
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(lambda seconds: f"{seconds:g}s", return_type=str),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "string",
                    "format": "go-duration",
                    "pattern": f"^(0|({_PART.pattern})+)$",
                },
                {"const": 0},  # the one number that needs no unit
            ],
            "examples": ["200ms", "5s", "1m30s"],
        }
    ),
]
"""Seconds, written in Go's notation: `200ms`, `5s`, `1m30s`, `0`."""


def zone_of(name: str) -> tzinfo:
    """A time zone. Raises `ValueError` for one that this system does not have."""
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (OSError, LookupError, ValueError) as error:
        msg = f"{name!r} is no time zone that this system has"
        raise ValueError(msg) from error


def _existing_zone(name: str) -> str:
    zone_of(name)
    return name


TimeZone = Annotated[str, AfterValidator(_existing_zone)]
"""The name of a time zone: `UTC`, `Europe/Berlin`."""


class HostPort(NamedTuple):
    """A TCP address. An empty host means every interface, as in the Collector."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_host_port(value: Any) -> HostPort:
    """`host:port`, `[v6]:port` or `:port`; raises `ValueError` for anything else."""
    if isinstance(value, HostPort):
        return value
    host, colon, port = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or not port.isascii() or not port.isdigit() or (":" in host and not bracketed):
        msg = f"expected an address such as localhost:4317 or [::1]:4317, found {value!r}"
        raise ValueError(msg)
    if int(port) > _LAST_PORT:
        msg = f"expected a port from 0 to {_LAST_PORT}, found {port}"
        raise ValueError(msg)
    return HostPort(host[1:-1] if bracketed else host, int(port))


ListenAddress = Annotated[
    HostPort,
    BeforeValidator(parse_host_port),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "format": "host-port",
            "pattern": r"^([^:]*|\[[^\[\]]+\]):[0-9]{1,5}$",
            "examples": ["localhost:4317"],
        }
    ),
]
"""Where to listen: `host:port`; port 0 takes a free one."""


class UnixSocket(NamedTuple):
    """A unix socket, by its path."""

    path: str

    def __str__(self) -> str:
        return self.path


IN_A_FILE = frozenset({"unix", "unixgram"})
"""The transports whose endpoint is the path of a unix socket."""


def _parse_endpoint(value: Any, info: ValidationInfo) -> HostPort | UnixSocket:
    if info.data.get("transport") not in IN_A_FILE:
        return parse_host_port(value)
    if not isinstance(value, str) or not value.startswith("/"):
        msg = f"expected the path of a unix socket, such as /run/penstock.sock, found {value!r}"
        raise ValueError(msg)
    return UnixSocket(value)


Endpoint = Annotated[
    HostPort | UnixSocket,
    PlainValidator(_parse_endpoint),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^(([^:]*|\[[^\[\]]+\]):[0-9]{1,5}|/.*)$",
            "examples": ["localhost:4317", "/run/penstock.sock"],
        }
    ),
]
"""Where to listen: `host:port`, or the path of a unix socket if the option `transport` says so,
which has to stand before it."""


def parse_url_path(value: Any) -> str:
    """The path of a URL, its leading slash supplied where it is left out, as in the Collector.

    Raises `ValueError` for anything that is more or less than a path.
    """
    if not isinstance(value, str) or not re.fullmatch(r"[!-~]+", value) or {*"?#"} & {*value}:
        msg = f"expected a URL path such as /v1/traces, found {value!r}"
        raise ValueError(msg)
    return f"/{value.removeprefix('/')}"


UrlPath = Annotated[str, BeforeValidator(parse_url_path)]
"""The path of a URL: `/v1/traces`."""


def addresses(model: BaseModel) -> Iterator[tuple[tuple[str | int, ...], HostPort]]:
    """Every address in a model and in what it holds, by the path of its option."""
    for name, value in vars(model).items():
        for path, found in _addresses(value):
            yield (type(model).model_fields[name].alias or name, *path), found


def _addresses(value: Any) -> Iterator[tuple[tuple[str | int, ...], HostPort]]:
    if isinstance(value, HostPort):
        yield (), value
    elif isinstance(value, BaseModel):
        yield from addresses(value)
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            yield from (((i, *path), found) for path, found in _addresses(item))
