"""Messages of Kafka as batches."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from penstock._kernel import log_records
from penstock.pipeline import Batch, Column, MalformedPayload, Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiokafka import ConsumerRecord

_Source = tuple["ConsumerRecord", int]
"""A message, and how many items it holds."""

_Found = tuple[list[Batch], list[_Source]]

_READ: dict[str, Callable[[str, bytes], Batch]] = {
    "otlp_proto": Batch.from_otlp,
    "otlp_json": Batch.from_json,
}


class Bad(NamedTuple):
    """A message that cannot be read, and why."""

    message: ConsumerRecord
    fault: str


class Read(NamedTuple):
    """What messages hold."""

    batch: Batch | None
    bad: list[Bad]


class Reader:
    """Reads messages of one signal."""

    def __init__(self, signal: Signal, encoding: str, headers: Sequence[str]) -> None:
        self._signal = signal
        self._encoding = encoding
        self._headers = headers
        self.is_costly = encoding.endswith("json")
        """Whether messages are not taken as they are."""

    def read(self, messages: Sequence[ConsumerRecord]) -> Read:
        """The items of messages, in order."""
        bad = [Bad(each, "it has no value") for each in messages if each.value is None]
        there = [each for each in messages if each.value is not None] if bad else messages
        read = self._read_requests if self._encoding in _READ else self._read_records
        batches, sources = read(there, bad)
        if not batches:
            return Read(None, bad)
        batch = self._with_headers(Batch.concat(batches), sources)
        return Read(Batch(batch.native, {"": (len(batch), len(sources))}), bad)

    def _read_requests(self, messages: Sequence[ConsumerRecord], bad: list[Bad]) -> _Found:
        read = _READ[self._encoding]
        batches, sources = [], []
        for message in messages:
            try:
                batch = read(self._signal, message.value)
            except MalformedPayload as fault:
                bad.append(Bad(message, str(fault)))
            else:
                if len(batch):
                    batches.append(batch)
                    sources.append((message, len(batch)))
        return batches, sources

    def _read_records(self, messages: Sequence[ConsumerRecord], bad: list[Bad]) -> _Found:
        values = [message.value for message in messages]
        native, faults = log_records(values, self._encoding, time.time_ns())
        bad += [Bad(messages[position], fault) for position, fault in faults]
        faulty = {position for position, _ in faults}
        sources = [(each, 1) for number, each in enumerate(messages) if number not in faulty]
        return [Batch(native)] if native else [], sources

    def _with_headers(self, batch: Batch, sources: Sequence[_Source]) -> Batch:
        for name in self._headers:
            column = Column.of_runs((_header(message, name), items) for message, items in sources)
            quoted = name.replace("\\", "\\\\").replace('"', '\\"')
            path = f'resource.attributes["kafka.header.{quoted}"]'
            batch = batch.set(path, column, where=column.where(lambda value: value is not None))
        return batch


def _header(message: ConsumerRecord, name: str) -> str | None:
    """The first of that name."""
    found = (value for key, value in message.headers if key == name and value is not None)
    value = next(found, None)
    return None if value is None else value.decode(errors="replace")
