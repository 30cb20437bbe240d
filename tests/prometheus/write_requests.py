"""Requests of remote write as protobuf's own library has them, of definitions that are data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from penstock.prometheus.remote_write import Message

STALE_BITS = 0x7FF0_0000_0000_0002

TIME = 1_700_000_000_000
"""A time in milliseconds that requests can be of."""


_SAMPLE = "value=1:double timestamp=2:int64 start_timestamp=3:int64"
_SPAN = "offset=1:sint32 length=2:uint32"
_HISTOGRAM = """
    count_int=1:uint64 count_float=2:double sum=3:double schema=4:sint32 zero_threshold=5:double
    zero_count_int=6:uint64 zero_count_float=7:double negative_spans=8:*BucketSpan
    negative_deltas=9:*sint64 negative_counts=10:*double positive_spans=11:*BucketSpan
    positive_deltas=12:*sint64 positive_counts=13:*double reset_hint=14:uint32 timestamp=15:int64
    custom_values=16:*double start_timestamp=17:int64
"""

_V1 = {
    "WriteRequest": "timeseries=1:*TimeSeries metadata=3:*MetricMetadata",
    "MetricMetadata": "type=1:uint32 metric_family_name=2:string help=4:string unit=5:string",
    "TimeSeries": "labels=1:*Label samples=2:*Sample exemplars=3:*Exemplar histograms=4:*Histogram",
    "Label": "name=1:string value=2:string",
    "Exemplar": "labels=1:*Label value=2:double timestamp=3:int64",
    "Sample": _SAMPLE,
    "Histogram": _HISTOGRAM,
    "BucketSpan": _SPAN,
}
_V2 = {
    "Request": "symbols=4:*string timeseries=5:*TimeSeries",
    "TimeSeries": """
        labels_refs=1:*uint32 samples=2:*Sample histograms=3:*Histogram exemplars=4:*Exemplar
        metadata=5:Metadata created_timestamp=6:int64
    """,
    "Metadata": "type=1:uint32 help_ref=3:uint32 unit_ref=4:uint32",
    "Exemplar": "labels_refs=1:*uint32 value=2:double timestamp=3:int64",
    "Sample": _SAMPLE,
    "Histogram": _HISTOGRAM,
    "BucketSpan": _SPAN,
}


def _file(package: str, messages: dict[str, str]) -> FileDescriptorProto:
    file = FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for field in fields.split():
            label, _, rest = field.partition("=")
            number, _, kind = rest.partition(":")
            added = message.field.add(name=label, number=int(number))
            repeated = kind.startswith("*")
            added.label = (
                FieldDescriptorProto.LABEL_REPEATED
                if repeated
                else FieldDescriptorProto.LABEL_OPTIONAL
            )
            kind = kind.removeprefix("*")
            if kind in messages:
                added.type = FieldDescriptorProto.TYPE_MESSAGE
                added.type_name = f".{package}.{kind}"
            else:
                added.type = FieldDescriptorProto.Type.Value(f"TYPE_{kind.upper()}")
    return file


_POOL = DescriptorPool()
_POOL.AddSerializedFile(_file("prometheus", _V1).SerializeToString())
_POOL.AddSerializedFile(_file("io.prometheus.write.v2", _V2).SerializeToString())

V1: Any = GetMessageClass(_POOL.FindMessageTypeByName("prometheus.WriteRequest"))
V2: Any = GetMessageClass(_POOL.FindMessageTypeByName("io.prometheus.write.v2.Request"))


def compressed(data: bytes) -> bytes:
    """Snappy's block format, with nothing but literals in it."""
    block, length = bytearray(), len(data)
    while length > 127:
        block.append(length & 127 | 128)
        length >>= 7
    block.append(length)
    for start in range(0, len(data), 60):
        literal = data[start : start + 60]
        block += bytes([(len(literal) - 1) << 2]) + literal
    return bytes(block)


def decompressed(block: bytes) -> bytes:
    """What a block of Snappy's holds."""
    position = shift = length = 0
    while True:
        byte = block[position]
        length |= (byte & 127) << shift
        position, shift = position + 1, shift + 7
        if byte < 128:
            break
    out = bytearray()
    while position < len(block):
        tag = block[position]
        kind, rest = tag & 3, tag >> 2
        position += 1
        if kind == 0:
            extra = max(0, rest - 59)
            size = (
                int.from_bytes(block[position : position + extra], "little") if extra else rest
            ) + 1
            position += extra
            out += block[position : position + size]
            position += size
            continue
        width = {1: 1, 2: 2, 3: 4}[kind]
        offset = int.from_bytes(block[position : position + width], "little")
        position += width
        size = rest + 1
        if kind == 1:
            size, offset = (rest & 7) + 4, offset | (rest >> 3) << 8
        for _ in range(size):
            out.append(out[-offset])
    assert len(out) == length
    return bytes(out)


def decoded(message: Message, body: bytes) -> Any:
    """The request of a body."""
    return (V1 if message.version == 1 else V2).FromString(decompressed(body))


def series(message: Message, request: Any) -> list[tuple[dict[str, str], Any]]:
    """Each series of a request with its labels."""
    found = []
    for one in request.timeseries:
        if message.version == 1:
            labels = {label.name: label.value for label in one.labels}
        else:
            texts = [request.symbols[position] for position in one.labels_refs]
            labels = dict(zip(texts[::2], texts[1::2], strict=True))
        found.append((labels, one))
    return found


def names_in(message: Message, body: bytes) -> list[str]:
    """The names of the metrics of the series in a body."""
    return [labels["__name__"] for labels, _ in series(message, decoded(message, body))]


def request_of(message: Message, names: Iterable[str]) -> bytes:
    """The body of a request with a series of one sample for each name."""
    request = V1() if message.version == 1 else V2(symbols=["", "__name__"])
    for name in names:
        one = request.timeseries.add()
        one.samples.add(value=1, timestamp=TIME)
        if message.version == 1:
            one.labels.add(name="__name__", value=name)
        else:
            one.labels_refs.extend([1, len(request.symbols)])
            request.symbols.append(name)
    return compressed(request.SerializeToString())


def examples() -> list[tuple[int, bytes]]:
    """Requests of each version with something of everything, and their versions."""
    return [(1, _example(V1()).SerializeToString()), (2, _example(V2()).SerializeToString())]


def _example(request: Any) -> Any:
    texts = ["", "__name__", "requests_total", "job", "shop/cart", "le", "0.5", "help"]
    for number in range(2):
        one = request.timeseries.add()
        exemplar = one.exemplars.add(value=0.5, timestamp=TIME)
        if isinstance(request, V1):
            one.labels.add(name=texts[1], value=texts[2])
            exemplar.labels.add(name="trace_id", value="ab" * 16)
        else:
            one.labels_refs.extend([1, 2, 3, 4, 5, 6])
            exemplar.labels_refs.extend([5, 6])
            one.metadata.type, one.metadata.help_ref = 1 + 2 * number, 7
        if not number:
            one.samples.add(value=1, timestamp=TIME, start_timestamp=TIME - 1)
            continue
        native = one.histograms.add(count_int=3, sum=1.5, schema=2, zero_count_int=1)
        native.positive_spans.add(offset=-2, length=1)
        native.positive_spans.add(offset=3, length=1)
        native.positive_deltas.extend([1, 0])
        listed = one.histograms.add(count_float=2, schema=-53, custom_values=[0.5, 1])
        listed.positive_spans.add(offset=1, length=1)
        listed.positive_counts.append(2)
    if isinstance(request, V2):
        request.symbols.extend(texts)
    else:
        request.metadata.add(type=1, metric_family_name="requests", help="help")
    return request
