"""Files of recorded telemetry."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from penstock.pipeline import Invalid, Signal
from penstock.pipeline.recorded import batches, signal_of
from tests.kit import points, records, spans

if TYPE_CHECKING:
    from pathlib import Path


def lines(*payloads: bytes) -> bytes:
    return b"".join(payload + b"\n" for payload in payloads)


def test_a_line_is_a_batch_of_its_signal(tmp_path: Path) -> None:
    file = tmp_path / "recorded.json"
    given = [spans(2), records(3), points(1)]
    file.write_bytes(lines(*(batch.to_json() for batch in given), b""))
    assert [(it.signal, len(it)) for it in batches(file)] == [
        (Signal.TRACES, 2),
        (Signal.LOGS, 3),
        (Signal.METRICS, 1),
    ]


def test_the_last_line_may_lack_its_end(tmp_path: Path) -> None:
    file = tmp_path / "recorded.json"
    file.write_bytes(spans(2).to_json() + b"\n" + spans(1).to_json())
    assert [len(it) for it in batches(file)] == [2, 1]


def test_a_document_may_have_many_lines(tmp_path: Path) -> None:
    file = tmp_path / "recorded.json"
    file.write_text(json.dumps(json.loads(records(3).to_json()), indent=2))
    assert [len(it) for it in batches(file)] == [3]


@pytest.mark.parametrize("line", [b"{}", b"hello", b'{"resourceSpans": 1}'])
def test_what_is_no_otlp_is_told_with_its_place(tmp_path: Path, line: bytes) -> None:
    file = tmp_path / "recorded.json"
    file.write_bytes(lines(spans(1).to_json(), b"", line))
    with pytest.raises(Invalid, match=r"recorded\.json:3: "):
        list(batches(file))


def test_the_key_that_comes_first_says_which_signal_it_is() -> None:
    assert signal_of(b'{"resourceLogs": [{"body": "\\"resourceSpans\\""}]}') is Signal.LOGS
