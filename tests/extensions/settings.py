"""What tests of authenticators share: what is wrong with settings, and files that change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from penstock.config.load import load_text
from penstock.pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def refusal(type_: str, settings: dict[str, Any]) -> str:
    """The report on a file with an extension of these settings."""
    document = {
        "receivers": {"otlp": {"protocols": {"grpc": {}}}},
        "exporters": {"nop": {}},
        "extensions": {type_: settings},
        "service": {
            "extensions": [type_],
            "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["nop"]}},
        },
    }
    with pytest.raises(ConfigError) as raised:
        load_text(json.dumps(document), "file", {})
    return str(raised.value)


def put(path: Path, content: str | bytes | None) -> None:
    """Write a file, or remove it."""
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def swap(path: Path, content: str) -> None:
    """Put another file in the place of one, as Kubernetes does."""
    other = path.with_suffix(".new")
    other.write_text(content)
    other.rename(path)
