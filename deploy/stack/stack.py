"""Run the stack on this machine's loopback, without containers, until Ctrl-C.

Programs come of the recipes beside this file. Each port of the table is changed by a variable of
its name. Logs, data and settings are below `.stack`, or the folder that STACK_FOLDER names.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import settings
from programs import Ended, Program, Programs

if TYPE_CHECKING:
    from collections.abc import Iterator

STACK = Path(__file__).resolve().parent
DEPLOY = STACK.parent
FOLDER = Path(os.environ.get("STACK_FOLDER", DEPLOY.parent / ".stack")).resolve()

PORTS = {
    "OTLP_GRPC_PORT": 4317,
    "OTLP_HTTP_PORT": 4318,
    "STATSD_PORT": 8125,
    "PUSH_PORT": 9091,
    "METRICS_PORT": 8888,
    "EXPORTER_PORT": 8889,
    "HEALTH_PORT": 13133,
    "AGENT_HIVE_PORT": 9464,
    "KAFKA_PORT": 9092,
    "KAFKA_CONTROLLER_PORT": 9094,
    "OPENSEARCH_PORT": 9200,
    "OPENSEARCH_TRANSPORT_PORT": 9300,
    "JAEGER_OTLP_PORT": 14317,
    "JAEGER_PORT": 16686,
    "JAEGER_ADMIN_PORT": 14269,
    "PROMETHEUS_PORT": 9090,
    "ALERTMANAGER_PORT": 9093,
    "WEBHOOK_PORT": 9095,
    "GRAFANA_PORT": 3000,
}
DEMOS = ("ai_orchestrator", "orchestrator_platform", "agent_hive", "healing_guard", "multi_agent")
RECIPES = ("kafka", "opensearch", "alertmanager", "jaeger", "prometheus")
PAGES = {
    "Grafana": "GRAFANA_PORT",
    "Prometheus": "PROMETHEUS_PORT",
    "Alertmanager": "ALERTMANAGER_PORT",
    "Jaeger": "JAEGER_PORT",
    "OpenSearch": "OPENSEARCH_PORT",
    "who is told": "WEBHOOK_PORT",
    "Penstock": "HEALTH_PORT",
    "OTLP by HTTP": "OTLP_HTTP_PORT",
}
NO_GRAFANA = "no `grafana` on PATH: install it (grafana.com/grafana/download) and start again"


def place(port: str) -> str:
    """The address of a port of the table."""
    return f"127.0.0.1:{os.environ[port]}"


def url(port: str, path: str = "/") -> str:
    """The same as that of a page."""
    return f"http://{place(port)}{path}"


def tell_places() -> None:
    """Have in the environment, for all programs, where the others are."""
    for name, port in PORTS.items():
        os.environ.setdefault(name, str(port))
    os.environ |= of_penstock() | of_others() | of_grafana()


def of_penstock() -> dict[str, str]:
    """Where Penstock is, and what it sends to and scrapes."""
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": url("OTLP_HTTP_PORT", ""),
        "STATSD_ENDPOINT": place("STATSD_PORT"),
        "PROMETHEUS_GATEWAY": url("PUSH_PORT", ""),
        "EVENTS_ENDPOINT": url("PUSH_PORT", "/v1/push/events"),
        "OTEL_EXPORTER_PROMETHEUS_PORT": os.environ["AGENT_HIVE_PORT"],
        "AGENT_HIVE": place("AGENT_HIVE_PORT"),
        "JAEGER_OTLP": place("JAEGER_OTLP_PORT"),
        "KAFKA_BROKERS": place("KAFKA_PORT"),
        "OPENSEARCH": url("OPENSEARCH_PORT", ""),
    }


def of_others() -> dict[str, str]:
    """What Prometheus, Alertmanager and the web hook go by."""
    return {
        "PROMETHEUS_SETTINGS": str(FOLDER / "settings/prometheus/prometheus.yml"),
        "PENSTOCK_METRICS": place("METRICS_PORT"),
        "PENSTOCK_EXPORTER": place("EXPORTER_PORT"),
        "ALERTMANAGER": place("ALERTMANAGER_PORT"),
        "ALERTMANAGER_SETTINGS": str(FOLDER / "settings/alertmanager/alertmanager.yml"),
        "WEBHOOK": url("WEBHOOK_PORT", ""),
        "WEBHOOK_ADDRESS": place("WEBHOOK_PORT"),
    }


def of_grafana() -> dict[str, str]:
    """What Grafana shows, and where it keeps its own."""
    return {
        "PENSTOCK_DASHBOARDS": str(DEPLOY / "grafana/dashboards"),
        "PROMETHEUS_URL": url("PROMETHEUS_PORT", ""),
        "ALERTMANAGER_URL": url("ALERTMANAGER_PORT", ""),
        "JAEGER_URL": url("JAEGER_PORT", ""),
        "OPENSEARCH_URL": url("OPENSEARCH_PORT", ""),
        "GF_SERVER_HTTP_ADDR": "127.0.0.1",
        "GF_SERVER_HTTP_PORT": os.environ["GRAFANA_PORT"],
        "GF_PATHS_DATA": str(FOLDER / "data/grafana"),
        "GF_PATHS_PROVISIONING": str(DEPLOY / "grafana/provisioning"),
        "GF_PLUGINS_PREINSTALL": "grafana-opensearch-datasource",
        "GF_AUTH_ANONYMOUS_ENABLED": "true",
    }


def recipe(name: str) -> list[object]:
    """How the program of a recipe is run."""
    return [STACK / f"{name}.sh", "run", FOLDER / "data" / name]


def back_ends() -> Iterator[Program]:
    """What does not need the others to be there."""
    yield Program("kafka", recipe("kafka"), address=place("KAFKA_PORT"))
    yield Program("opensearch", recipe("opensearch"), url("OPENSEARCH_PORT", "/_cluster/health"))
    yield Program("jaeger", recipe("jaeger"), url("JAEGER_ADMIN_PORT"))
    yield Program("alertmanager", recipe("alertmanager"), url("ALERTMANAGER_PORT", "/-/ready"))
    yield Program("prometheus", recipe("prometheus"), url("PROMETHEUS_PORT", "/-/ready"))
    yield Program("webhook", [sys.executable, STACK / "webhook.py"], url("WEBHOOK_PORT"))


def penstock(*command: str) -> list[object]:
    """A command of Penstock with the stack's settings."""
    program = shlex.split(os.environ.get("PENSTOCK", f"{sys.executable} -m penstock"))
    return [*program, *command, "--config", STACK / "penstock.yaml"]


def front_ends() -> Iterator[Program]:
    """What sends to it, and what shows what came of that."""
    for name in DEMOS:
        yield Program(name, [sys.executable, DEPLOY / "demo" / f"{name}.py"])
    if grafana := shutil.which("grafana"):
        home = ["--homepath", os.environ.get("GRAFANA_HOME", "/usr/share/grafana")]
        yield Program("grafana", [grafana, "server", *home], url("GRAFANA_PORT", "/api/health"))


def install() -> None:
    """Have all recipes install what they need; what is there already costs nothing."""
    for name in RECIPES:
        subprocess.run([STACK / f"{name}.sh", "install"], check=True)


def taken() -> list[str]:
    """The ports of the table that somebody listens on."""
    found = []
    for name in PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", int(os.environ[name])))
            except OSError:
                found.append(f"{name}={os.environ[name]}")
    return found


def run() -> None:
    """Start one after the other, say where they are, and watch them."""
    settings.write(FOLDER / "settings")
    (FOLDER / "logs").mkdir(parents=True, exist_ok=True)
    with Programs(FOLDER / "logs") as programs, undisturbed_end():
        programs.start(back_ends())
        subprocess.run(penstock("elasticsearch", "setup"), stdout=subprocess.DEVNULL, check=True)
        programs.start([Program("penstock", penstock("run"), url("HEALTH_PORT"))])
        programs.start(front_ends())
        print(told(), flush=True)
        programs.watch()


@contextmanager
def undisturbed_end() -> Iterator[None]:
    """Whoever presses Ctrl-C twice has programs ended all the same."""
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)


def told() -> str:
    """What there is to look at."""
    pages = {name: url(port) for name, port in PAGES.items()}
    if not shutil.which("grafana"):
        pages["Grafana"] = NO_GRAFANA
    lines = [f"  {name:14}{page}" for name, page in pages.items()]
    return "\n".join([f"The stack runs, with logs in {FOLDER / 'logs'}; Ctrl-C ends it.", *lines])


def main() -> int:
    """Run until Ctrl-C or SIGTERM, and give 1 if something ends by itself."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    tell_places()
    if ports := taken():
        print(f"Somebody else listens on {', '.join(ports)}.", file=sys.stderr)
        return 1
    try:
        install()
        run()
    except (Ended, subprocess.CalledProcessError) as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("The stack has ended.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
