"""Write the seeds of the fuzz targets: `python -m tests.faults.seeds`."""

from __future__ import annotations

import gzip
import struct
import zlib

import orjson
import zstandard

from penstock.pipeline import Signal
from tests.faults.damage import drawn
from tests.faults.fuzzing import FOLDER
from tests.kernel.documents import otlp_json
from tests.kernel.messages import REQUESTS
from tests.kernel.test_batch import PATHS
from tests.kernel.test_spans import JAEGER, ZIPKIN, Draw, written
from tests.prometheus.expositions import expositions
from tests.prometheus.write_requests import compressed, examples
from tests.receivers.pushed import ITEMS, LINES

EACH = 8
"""Seeds of each signal."""

CHOICES = bytes(range(8))
"""What the targets decide by, ahead of the payload."""

DATAGRAMS = (
    b"a.b:1|c|#k:v,bare|c:ci-1\na.b:2|c|@0.25\ng:5|g\ng:-2|g\nu:x|s",
    b"t:1:2.5:-3|ms|@0.1\na:1|c:2|c\nh:1|h\nd:1e3|d|T5\nb.x:1|c|T1656581400",
    b"_e{5,8}:a | b|one\\n|wo|d:5|h:web|p:low|t:error|k:g|s:src|#k:v\n_sc|db|2|d:5|m:down",
)
"""Lines of StatsD in all their forms."""

ENTRIES = (
    b'{"time": "2024-03-30T08:31:20.545Z", "level": "WARN", "a": {"b": [1, null]}}\n',
    b"2024-03-30T08:31:20.545192187Z stdout P first of \n2024-03-30T08:31:20.5Z stdout F two\n",
    b'{"log":"it works\\n","stream":"stderr","time":"2024-03-30T08:31:20.545192187Z"}\n',
    b"level=info msg=\"it 'works'\" at=5\nEND\n  at Main.main\n",
    b'1,"a ""b"", c",\xff\r\n',
    "lines\nof UTF-16 \U0001f600\n".encode("utf-16le"),
)
"""What files of logs hold."""


SHAPES = 8
"""Kinds of panes."""


def main() -> None:
    """Write every seed anew, the same each time."""
    for number, signal in enumerate(Signal):
        head = bytes([number]) + CHOICES
        for at, payload in enumerate(drawn(signal, EACH, first_seed=number)):
            text = orjson.dumps(otlp_json(REQUESTS[signal].FromString(payload)))
            _write("payloads", f"{signal}-{at}", head + payload)
            _write("json", f"{signal}-{at}", head + text)
        for at, path in enumerate(PATHS[signal]):
            _write("paths", f"{signal}-{at}", head + path.encode())
    data = b"penstock " * 20
    for number, encoded in enumerate(
        (data, gzip.compress(data, mtime=0), zlib.compress(data), zstandard.compress(data))
    ):
        _write("compressed", str(number), bytes([number, 255]) + encoded)
    for shape in range(SHAPES):
        _write("panes", str(shape), bytes([shape, 14, 1, 2]) + b"".join(map(_item, range(15))))
    _lines()


def _item(number: int) -> bytes:
    """Something that is added: two codes, a class, a yes; a pane, a value, a time, a weight."""
    value = (0.0, 1.5e-6, -2.0, 3e5)[number % 4]
    codes = bytes([number % 4, number % 3, number % 2, 1])
    pane = 1000 * (number % 3)
    return codes + struct.pack("<qdqd", pane, value, pane + number, 1 + number % 2 / 2)


def _lines() -> None:
    """What comes by protocols other than OTLP."""
    for number, entry in enumerate(ENTRIES):
        _write("entries", str(number), bytes([number]) + entry)
    for number, body in enumerate(expositions()):
        _write("expositions", str(number), bytes([number, 0]) + body)
    for version, request in examples():
        _write("write_requests", str(version), bytes([version - 1]) + request)
        _write("blocks", str(version), bytes([255]) + compressed(request))
    for number, body in enumerate(LINES):
        _write("influx", str(number), bytes([number]) + body)
    for number, body in enumerate(ITEMS):
        for framing in (0, 128):
            _write("pushed", f"{number}-{framing}", bytes([framing + number]) + body)
    for number, encoding in enumerate((*JAEGER, *ZIPKIN)):
        message, *_ = written(Draw(1, texts=encoding in ZIPKIN).batch(), encoding)
        _write("spans", encoding, bytes([number]) + message)
    for number, lines in enumerate(DATAGRAMS):
        _write("datagrams", str(number), bytes([number, 2]) + lines)


def _write(kind: str, name: str, seed: bytes) -> None:
    folder = FOLDER / "seeds" / kind
    folder.mkdir(parents=True, exist_ok=True)
    folder.joinpath(name).write_bytes(seed)


if __name__ == "__main__":
    main()
