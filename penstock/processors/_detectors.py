"""What can be found out about where Penstock runs, without asking any network."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import re
import socket
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from penstock.pipeline import StartError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DOCKER_SOCKET = "/var/run/docker.sock"
_DOCKER_SECONDS = 2.0
_MAX_ANSWER = 1 << 20

_ARCHITECTURES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv7l": "arm32",
    "armv6l": "arm32",
    "i686": "x86",
    "i386": "x86",
    "ppc64le": "ppc64",
}
_CPU_FIELDS = {
    "host.cpu.vendor.id": "vendor_id",
    "host.cpu.family": "cpu family",
    "host.cpu.model.id": "model",
    "host.cpu.model.name": "model name",
    "host.cpu.stepping": "stepping",
}

Attributes = dict[str, Any]


def from_environment(environ: Mapping[str, str] = os.environ) -> Attributes:
    """`OTEL_RESOURCE_ATTRIBUTES`: `key=value` pairs with commas between. Raises `StartError`."""
    text = environ.get("OTEL_RESOURCE_ATTRIBUTES", "").strip().rstrip(",")
    found = {}
    for pair in text.split(",") if text else ():
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or not key:
            msg = f"OTEL_RESOURCE_ATTRIBUTES: expected key=value, found {pair!r}"
            raise StartError(msg)
        found[key] = unquote_plus(value)
    return found


def _text(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def _pairs(text: str | None, separator: str) -> dict[str, str]:
    lines = (line.partition(separator) for line in (text or "").splitlines())
    return {key.strip(): value.strip().strip('"') for key, found, value in lines if found}


def _release() -> dict[str, str]:
    return _pairs(_text("/etc/os-release"), "=")


def _cpu() -> dict[str, str]:
    """The first processor's."""
    return _pairs((_text("/proc/cpuinfo") or "").partition("\n\n")[0], ":")


def _cpu_field(name: str) -> str | None:
    return _cpu().get(name)


def _kilobytes(text: str) -> int | None:
    found = re.fullmatch(r"(\d+) KB", text)
    return int(found[1]) if found else None


def _interfaces() -> list[Path]:
    """The network's interfaces but for the loopback."""
    folder = Path("/sys/class/net")
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return [interface for interface in found if interface.name != "lo"]


def _mac(interface: Path) -> str | None:
    """As IEEE writes it: in capitals, with hyphens."""
    text = _text(str(interface / "address"))
    return text.upper().replace(":", "-") if text and text.strip("0:") else None


SYSTEM: dict[str, Callable[[], Any]] = {
    "host.name": socket.gethostname,
    "host.arch": lambda: _ARCHITECTURES.get(platform.machine(), platform.machine()),
    "host.id": lambda: _text("/etc/machine-id") or _text("/sys/class/dmi/id/product_uuid"),
    "host.interface": lambda: [interface.name for interface in _interfaces()],
    "host.mac": lambda: [mac for each in _interfaces() if (mac := _mac(each))],
    "os.type": lambda: platform.system().lower(),
    "os.name": lambda: _release().get("NAME"),
    "os.version": lambda: _release().get("VERSION_ID"),
    "os.description": lambda: f"{_release().get('PRETTY_NAME', 'Linux')} ({platform.platform()})",
    **{name: partial(_cpu_field, field) for name, field in _CPU_FIELDS.items()},
    "host.cpu.cache.l2.size": lambda: _kilobytes(_cpu().get("cache size", "")),
}
"""How each attribute of the system is found; nothing where it cannot be told."""


async def from_docker(path: str = DOCKER_SOCKET) -> Attributes:
    """The host's name and system, from Docker's socket. Raises `OSError` or `ValueError`."""
    async with asyncio.timeout(_DOCKER_SECONDS):
        reader, writer = await asyncio.open_unix_connection(path)
        try:
            writer.write(b"GET /info HTTP/1.0\r\nHost: docker\r\n\r\n")
            answer = await reader.read(_MAX_ANSWER)
            while more := await reader.read(_MAX_ANSWER - len(answer)):
                answer += more
        finally:
            writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    if b" 200 " not in head.partition(b"\r\n")[0]:
        msg = f"Docker answers {head.partition(bytes([13]))[0].decode(errors='replace')!r}"
        raise ValueError(msg)
    info = json.loads(body)
    return {"host.name": info["Name"], "os.type": info["OSType"].lower()}
