"""What `penstock run` says and reads while the service runs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import typer

from penstock import logs
from penstock.config.load import load
from penstock.config.secrets_of import secrets_of
from penstock.pipeline.service import run
from penstock.redaction import keep_secret

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.resources.abc import Traversable

    from penstock.config.settings import Settings

_logger = logging.getLogger("penstock.service")

_GREETING = """\
Penstock is ready. Point an OpenTelemetry SDK at it with one of
  OTEL_EXPORTER_OTLP_ENDPOINT=http://{http} OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
  OTEL_EXPORTER_OTLP_ENDPOINT=http://{grpc} OTEL_EXPORTER_OTLP_PROTOCOL=grpc
Health: http://{health}/  own metrics: http://{metrics}/metrics"""


def run_until_stopped(
    settings: Settings,
    sources: Sequence[str | Traversable],
    sets: Sequence[str],
    *,
    greets: bool,
) -> int:
    """Run settings, and what the sources have whenever a reload is asked for; the exit code."""
    greetings = [greeting(settings)] if greets else []

    def ready() -> None:
        _logger.info("Every pipeline runs.")
        while greetings:
            typer.echo(greetings.pop())

    def reread() -> Settings:
        found = load(sources, sets)
        open_log(found)
        return found

    return run(settings, ready, reread)


def open_log(settings: Settings) -> None:
    """Open the log, and say there what the settings warn of.

    Raises `OSError` for a log that cannot be written.
    """
    keep_secret(secrets_of(settings))
    try:
        logs.configure(settings.telemetry.logs)
    except OSError as error:
        msg = f"service.telemetry.logs.output_paths: {error}"
        raise OSError(msg) from error
    for warning in settings.warnings:
        _logger.warning(warning.line)


def greeting(settings: Settings) -> str:
    """What to tell whoever has started the embedded default `settings`: where everything is."""
    protocols = settings.receivers["otlp"].model_dump(mode="json")["protocols"]
    health = settings.extensions["health_check"].model_dump(mode="json")
    return _GREETING.format(
        http=protocols["http"]["endpoint"],
        grpc=protocols["grpc"]["endpoint"],
        health=health["endpoint"],
        metrics=settings.telemetry.metrics,
    )
