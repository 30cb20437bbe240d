"""Messages of Kafka as batches."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from penstock._kernel import log_records, read_spans
from penstock.kafka.bounds import Unreadable
from penstock.pipeline import Batch, MalformedPayload, Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from aiokafka import ConsumerRecord

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


class _Found(NamedTuple):
    """Batches, and how many messages they are from."""

    batches: list[Batch]
    messages: int


class Reader:
    """Reads messages of one signal."""

    def __init__(self, signal: Signal, encoding: str, headers: Sequence[str]) -> None:
        self._signal = signal
        self._encoding = encoding
        self._paths = {
            name: f'resource.attributes["kafka.header.{_quoted(name)}"]' for name in headers
        }
        self.is_costly = encoding != "otlp_proto"
        """Whether messages are not taken as they are."""

    def read(self, messages: Sequence[ConsumerRecord]) -> Read:
        """The items of messages, in order but for those that have other headers."""
        bad = [Bad(each, _missing(each)) for each in messages if each.value is None]
        there = [each for each in messages if each.value is not None] if bad else messages
        read = self._read_requests if self._encoding in _READ else self._read_together
        batches, sources = [], 0
        for values, group in self._by_headers(there):
            found = read(group, bad)
            sources += found.messages
            if found.batches:
                batches.append(self._with_headers(Batch.concat(found.batches), values))
        if not batches:
            return Read(None, bad)
        batch = Batch.concat(batches)
        return Read(Batch(batch.native, {"": (len(batch), sources)}), bad)

    def _read_requests(self, messages: Sequence[ConsumerRecord], bad: list[Bad]) -> _Found:
        read = _READ[self._encoding]
        batches = []
        for message in messages:
            try:
                batch = read(self._signal, message.value)
            except MalformedPayload as fault:
                bad.append(Bad(message, str(fault)))
            else:
                if len(batch):
                    batches.append(batch)
        return _Found(batches, len(batches))

    def _read_together(self, messages: Sequence[ConsumerRecord], bad: list[Bad]) -> _Found:
        values = [message.value for message in messages]
        if self._signal is Signal.TRACES:
            native, faults = read_spans(values, self._encoding)
        else:
            native, faults = log_records(values, self._encoding, time.time_ns())
        bad += [Bad(messages[position], fault) for position, fault in faults]
        return _Found([Batch(native)] if native else [], len(messages) - len(faults))

    def _by_headers(
        self, messages: Sequence[ConsumerRecord]
    ) -> Iterable[tuple[Sequence[str | None], Sequence[ConsumerRecord]]]:
        """Messages of the same headers, which can share resources."""
        if not self._paths:
            return [((), messages)]
        groups: dict[tuple[str | None, ...], list[ConsumerRecord]] = {}
        for message in messages:
            values = tuple(_header(message, name) for name in self._paths)
            groups.setdefault(values, []).append(message)
        return groups.items()

    def _with_headers(self, batch: Batch, values: Iterable[str | None]) -> Batch:
        for path, value in zip(self._paths.values(), values, strict=True):
            if value is not None:
                batch = batch.set(path, value)
        return batch


def _missing(message: ConsumerRecord) -> str:
    return message.fault if isinstance(message, Unreadable) else "it has no value"


def _quoted(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', '\\"')


def _header(message: ConsumerRecord, name: str) -> str | None:
    """The first of that name."""
    found = (value for key, value in message.headers if key == name and value is not None)
    value = next(found, None)
    return None if value is None else value.decode(errors="replace")
