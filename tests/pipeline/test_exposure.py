"""What other machines reach without protection is warned of, and nothing else."""

from __future__ import annotations

import logging

import pytest

from penstock.config.types import HostPort
from penstock.pipeline.exposure import warn_if_exposed


@pytest.mark.parametrize(
    ("host", "warns"),
    [
        ("localhost", False),
        ("127.0.0.1", False),
        ("127.8.8.8", False),
        ("::1", False),
        ("", True),
        ("0.0.0.0", True),
        ("::", True),
        ("192.168.7.7", True),
        ("gateway", True),
    ],
)
def test_a_warning_for_what_others_reach(
    host: str, warns: bool, caplog: pytest.LogCaptureFixture
) -> None:
    warn_if_exposed(logging.getLogger("otlp"), HostPort(host, 4317), protected=False)
    assert bool(caplog.messages) == warns
    assert all(str(HostPort(host, 4317)) in message for message in caplog.messages)


def test_no_warning_for_what_is_protected(caplog: pytest.LogCaptureFixture) -> None:
    warn_if_exposed(logging.getLogger("otlp"), HostPort("0.0.0.0", 4317), protected=True)
    assert caplog.messages == []
