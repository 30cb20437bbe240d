"""Penstock's own log as log records of OpenTelemetry."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from penstock.logs import about, printable

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import LoggerProvider


class LogHandler(logging.Handler):
    """Gives every record of Penstock's own loggers to a provider of the SDK.

    Those of libraries stay out: the SDK logs what it fails to send, and would send that too.
    """

    def __init__(self, provider: LoggerProvider) -> None:
        super().__init__()
        self.provider = provider
        self._logger = provider.get_logger("penstock")

    def attach(self) -> None:
        """Take records from now on."""
        logging.getLogger("penstock").addHandler(self)

    def detach(self) -> None:
        """Take no more."""
        logging.getLogger("penstock").removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Hand `record` on."""
        from opentelemetry._logs import SeverityNumber

        error = record.exc_info[1] if record.exc_info else None
        self._logger.emit(
            timestamp=int(record.created * 1e9),
            severity_number=SeverityNumber(_SEVERITY.get(record.levelno, 9)),
            severity_text=record.levelname.lower(),
            body=printable(record.getMessage()),
            attributes={"logger": record.name, **about(record)},
            exception=error,
        )


_SEVERITY = {
    logging.DEBUG: 5,
    logging.INFO: 9,
    logging.WARNING: 13,
    logging.ERROR: 17,
    logging.CRITICAL: 21,
}
"""OpenTelemetry's numbers of severity, by Python's."""
