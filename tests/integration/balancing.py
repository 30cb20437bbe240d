"""HAProxy with the settings of `deploy/haproxy` before three gateways, and senders that go on until
each request is taken."""

from __future__ import annotations

import csv
import re
import socket
import subprocess
from typing import TYPE_CHECKING, Any

import grpc

from tests.integration.load import Patient
from tests.integration.peers import ROOT, give_up
from tests.integration.program import Program, free_ports
from tests.integration.service import Penstock, Ports

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SETTINGS = ROOT / "deploy" / "haproxy" / "haproxy.cfg"
RECIPE = ROOT / "tests" / "integration" / "haproxy.sh"

GATEWAYS = ("gateway-1", "gateway-2", "gateway-3")
WAYS = {"connections": 4317, "requests": 4327}
"""The sections of the settings, and the ports that they say."""


def recipe() -> str:
    """The script that runs HAProxy, which it has installed."""
    done = subprocess.run([RECIPE, "install"], capture_output=True, text=True, check=False)
    if done.returncode:
        give_up(f"HAProxy cannot be installed: {done.stderr}")
    return str(RECIPE)


class HAProxy(Program):
    """The committed settings, with addresses of this machine filled in."""

    def __init__(self, folder: Path, certificates: Path, gateways: Mapping[str, Ports]) -> None:
        self.ports = dict(zip(WAYS, free_ports(len(WAYS)), strict=True))
        self._socket = folder / "admin.sock"
        chain = [(certificates / f"server.{part}").read_text() for part in ("pem", "key")]
        (folder / "otlp.pem").write_text("".join(chain))
        file = folder / "haproxy.cfg"
        file.write_text(self._filled_in(folder, certificates, gateways))
        self.command = [recipe(), "run", "-db", "-f", str(file)]
        super().__init__("haproxy", self.command, folder)

    def _filled_in(self, folder: Path, certificates: Path, gateways: Mapping[str, Ports]) -> str:
        places = {
            "/run/haproxy/admin.sock": str(self._socket),
            "/etc/haproxy/otlp.pem": str(folder / "otlp.pem"),
            "/etc/haproxy/gateways.pem": str(certificates / "ca.pem"),
            **{f"bind :{WAYS[way]}": f"bind 127.0.0.1:{port}" for way, port in self.ports.items()},
        }
        text = SETTINGS.read_text()
        for written, here in places.items():
            assert written in text
            text = text.replace(written, here)
        for name, ports in gateways.items():
            text = re.sub(rf"(server {name}) [\d.]+:4317", rf"\1 127.0.0.1:{ports.grpc}", text)
            text = re.sub(rf"(server {name} .* check port) 13133", rf"\1 {ports.health}", text)
        return text

    def ready(self) -> bool:
        """Whether it has bound its ports."""
        return bool(self.states())

    def states(self, way: str = "connections") -> dict[str, str]:
        """What it thinks of each gateway: `UP`, `DOWN`, or `NOLB` for one that stops."""
        with socket.socket(socket.AF_UNIX) as admin:
            try:
                admin.connect(str(self._socket))
            except OSError:
                return {}
            admin.sendall(b"show stat\n")
            lines = admin.makefile().read().removeprefix("# ").splitlines()
        found = {
            row["svname"]: row["status"].split()[0]
            for row in csv.DictReader(lines)
            if row["pxname"] == way
        }
        return {name: found[name] for name in GATEWAYS}


class Gateway(Penstock):
    """Takes spans by gRPC with TLS; its connections have a greatest age."""

    def __init__(
        self,
        folder: Path,
        exporters: Mapping[str, Any],
        name: str,
        ports: Ports,
        certificates: Path,
        age: str,
    ) -> None:
        self._certificates, self._age = certificates, age
        super().__init__(folder, exporters, name, ports)

    def settings(self, exporters: Mapping[str, Any]) -> dict[str, Any]:
        settings = super().settings(exporters)
        parameters = {"max_connection_age": self._age, "max_connection_age_grace": "1s"}
        settings["receivers"]["otlp"]["protocols"]["grpc"] |= {
            "tls": {
                "cert_file": str(self._certificates / "server.pem"),
                "key_file": str(self._certificates / "server.key"),
            },
            "keepalive": {"server_parameters": parameters},
        }
        for pipeline in settings["service"]["pipelines"].values():
            pipeline["processors"] = []
        return settings

    def accepted(self) -> int:
        """Spans that it has taken."""
        return self.numbers().total("otelcol_receiver_accepted_spans_total")


class Senders(Patient):
    """Each with a connection of its own."""

    pace = 0.05

    def __init__(self, port: int, certificates: Path, connections: int) -> None:
        super().__init__(port, connections)
        self._authority = (certificates / "ca.pem").read_bytes()

    def _open(self) -> grpc.Channel:
        options = {
            "grpc.use_local_subchannel_pool": 1,
            "grpc.initial_reconnect_backoff_ms": 100,
        }
        credentials = grpc.ssl_channel_credentials(self._authority)
        return grpc.secure_channel(self._address, credentials, list(options.items()))
