"""Files of tests for the tests of tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """\
receivers:
  otlp: {protocols: {grpc: {endpoint: "127.0.0.1:0"}}}
processors:
  batch: {timeout: 1h}
  attributes: {actions: [{key: user, action: delete}]}
  python: {file: fail.py, error_mode: drop}
exporters:
  otlp: {endpoint: "127.0.0.1:1"}
  debug:
connectors:
  forward:
service:
  pipelines:
    traces: {receivers: [otlp], processors: [attributes, batch], exporters: [otlp, debug]}
    logs: {receivers: [otlp], processors: [attributes], exporters: [forward, debug]}
    logs/eu: {receivers: [forward], processors: [python], exporters: [debug]}
    metrics: {receivers: [otlp], exporters: [debug]}
    logs/in: {receivers: [otlp], exporters: [forward]}
"""

FAIL = """\
def process(batch):
    raise ValueError
"""


def write(folder: Path, tests: str) -> Path:
    """A file of tests of `CONFIG`, given the list of tests."""
    (folder / "gateway.yaml").write_text(CONFIG)
    (folder / "fail.py").write_text(FAIL)
    (folder / "fail.py").chmod(0o644)
    file = folder / "gateway_test.yaml"
    file.write_text(f"config: gateway.yaml\ntests:\n{tests}")
    return file


def one(folder: Path, pipeline: str, test: str) -> Path:
    """A file with one test of a pipeline, given its input and expectation in one line each."""
    lines = "\n".join(f"    {line}" for line in test.strip().splitlines())
    return write(folder, f"  - name: it holds\n    pipeline: {pipeline}\n{lines}\n")
