"""What is made of a batch: messages for topics, each with its key and none too large."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from penstock.exporters._kafka_encodings import APART, TOGETHER, UNFIT
from penstock.exporters._kafka_options import is_topic
from penstock.kafka import keys
from penstock.pipeline import Batch, Rejected, Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from penstock.exporters._kafka_encodings import Keyed
    from penstock.exporters.kafka import Config
    from penstock.pipeline import Column

Header = tuple[str, bytes]

_MARGIN = 0.9
"""How much of its room a piece is cut to fill, where only its size in another encoding is known."""


class Message(NamedTuple):
    """A message, and the items that it holds."""

    topic: str
    key: bytes | None
    value: bytes
    batch: Batch


@dataclass
class Planned:
    """The messages of a batch, and what is in none of them."""

    messages: list[Message] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


class Planner:
    """Makes messages by the settings."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._limit = config.producer.max_message_bytes
        headers = config.record_headers.items()
        self.headers: Sequence[Header] = [
            (name, value.get_secret_value().encode()) for name, value in headers
        ]

    def is_costly(self, signal: Signal) -> bool:
        """Whether a batch is more than copied."""
        return self._config.of(signal).encoding != "otlp_proto" or bool(self._key_path(signal))

    def plan(self, batch: Batch) -> Planned:
        """The messages of a batch."""
        planned = Planned()
        apart = self._config.of(batch.signal).encoding in APART
        for topic, key, part in self._parts(batch):
            if not is_topic(topic):
                reason = f"{topic[:100]!r} is no name of a topic"
                planned.rejected.append(Rejected(len(part), reason, part))
            elif apart:
                self._spread(planned, topic, key, part)
            else:
                self._fit(planned, topic, key, part)
        return planned

    def halve(self, message: Message) -> Planned:
        """The same in two messages at least; one item is rejected."""
        items, planned = len(message.batch), Planned()
        if items == 1:
            planned.rejected.append(self._too_large(message.topic, message.batch))
            return planned
        for part in message.batch.split(max_items=-(-items // 2)):
            self._fit(planned, message.topic, message.key, part)
        return planned

    def _parts(self, batch: Batch) -> Iterator[tuple[str, bytes | None, Batch]]:
        """By topic and key, each in order of first appearance."""
        topics, found = self._topics(batch), self._keys(batch)
        if topics is None and found is None:
            yield self._config.of(batch.signal).topic, None, batch
            return
        codes, pairs = _combined(topics, found)
        usual = self._config.of(batch.signal).topic
        for code, part in batch.partition(codes):
            topic, key = pairs(code)
            yield (topic if isinstance(topic, str) and topic else usual), key, part

    def _topics(self, batch: Batch) -> Column | None:
        attribute = self._config.topic_from_attribute
        if not attribute:
            return None
        quoted = attribute.replace("\\", "\\\\").replace('"', '\\"')
        return batch.column(f'resource.attributes["{quoted}"]')

    def _keys(self, batch: Batch) -> Column | None:
        path = self._key_path(batch.signal)
        if not path:
            return None
        column = batch.column(path)
        key_of = keys.of_attributes if path == "resource.attributes" else keys.of_trace
        return column.map(key_of)

    def _key_path(self, signal: Signal) -> str:
        config = self._config
        if signal is Signal.TRACES:
            has_own = config.traces.encoding in APART
            return "span.trace_id" if config.partition_traces_by_id and not has_own else ""
        if signal is Signal.LOGS and config.partition_logs_by_trace_id:
            return "log.trace_id"
        by_resource = {
            Signal.METRICS: config.partition_metrics_by_resource_attributes,
            Signal.LOGS: config.partition_logs_by_resource_attributes,
        }
        return "resource.attributes" if by_resource[signal] else ""

    def _fit(self, planned: Planned, topic: str, key: bytes | None, batch: Batch) -> None:
        """Add messages of the batch that are not too large."""
        room = self._limit - _overhead(key, self.headers)
        encoding = self._config.of(batch.signal).encoding
        todo = [batch]
        if encoding == "otlp_proto" and batch.nbytes > room:
            todo = batch.split(max_bytes=max(1, room))[::-1]
        while todo:
            value, unfit = TOGETHER[encoding](whole := todo.pop())
            piece = _without(planned, whole, unfit, UNFIT[encoding]) if unfit else whole
            if piece is None:
                continue
            if len(value) <= room:
                planned.messages.append(Message(topic, key, value, piece))
            elif len(piece) == 1:
                planned.rejected.append(self._too_large(topic, piece))
            else:
                todo += _smaller(piece, room / len(value))[::-1]

    def _spread(self, planned: Planned, topic: str, key: bytes | None, batch: Batch) -> None:
        """Add a message for each item."""
        encoding = self._config.of(batch.signal).encoding
        written = zip(APART[encoding](batch), batch.split(max_items=1), strict=True)
        for found, item in written:
            if found is None:
                planned.rejected.append(Rejected(1, UNFIT[encoding], item))
            else:
                self._add(planned, topic, key, found, item)

    def _add(
        self, planned: Planned, topic: str, key: bytes | None, found: Keyed, item: Batch
    ) -> None:
        own, value = found
        message = Message(topic, key if own is None else own, value, item)
        if len(value) <= self._limit - _overhead(message.key, self.headers):
            planned.messages.append(message)
        else:
            planned.rejected.append(self._too_large(topic, item))

    def _too_large(self, topic: str, batch: Batch) -> Rejected:
        reason = (
            f"an item is too large for a message of topic {topic}; raise producer.max_message_bytes"
            f" ({self._limit}) and max.message.bytes of the topic, whichever is the limit"
        )
        return Rejected(len(batch), reason, batch)


def _without(planned: Planned, batch: Batch, unfit: Sequence[int], reason: str) -> Batch | None:
    """What is left of a batch when items are rejected, if anything is."""
    mask = np.zeros(len(batch), dtype=bool)
    mask[unfit] = True
    planned.rejected.append(Rejected(len(unfit), reason, batch.keep(mask)))
    return batch.keep(~mask)


def _smaller(batch: Batch, share: float) -> list[Batch]:
    """Pieces of a batch, of which one may have a share, or two at least."""
    pieces = batch.split(max_bytes=max(1, int(batch.nbytes * share * _MARGIN)))
    return pieces if len(pieces) > 1 else batch.split(max_items=-(-len(batch) // 2))


def _overhead(key: bytes | None, headers: Sequence[Header]) -> int:
    """Bytes of a message that are not its value."""
    return int(DefaultRecordBatchBuilder.estimate_size_in_bytes(key, b"", headers))


def _combined(
    topics: Column | None, found: Column | None
) -> tuple[
    np.ndarray[tuple[int], np.dtype[np.uint32]], Callable[[int], tuple[object, bytes | None]]
]:
    """A code for each combination of a topic and a key, and what a code stands for."""
    if topics is None:
        assert found is not None
        return found.codes, lambda code: (None, found.values[code])
    if found is None:
        return topics.codes, lambda code: (topics.values[code], None)
    count = len(found.values)
    pairs = topics.codes.astype(np.uint64) * count + found.codes
    distinct, codes = np.unique(pairs, return_inverse=True)

    def pair(code: int) -> tuple[object, bytes | None]:
        topic, key = divmod(int(distinct[code]), count)
        return topics.values[topic], found.values[key]

    return codes.astype(np.uint32), pair
