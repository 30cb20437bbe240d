"""Calls from the spans of their two sides, against a reference in plain Python."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from penstock import _kernel

TTL = 10
CONNECTIONS = ["", "messaging_system", "database", "virtual_node"]
SERVER, CLIENT, PRODUCER, CONSUMER = 2, 3, 4, 5


class Sent(NamedTuple):
    """A span as far as it matters."""

    service: str | None
    kind: int
    trace: int
    id: int
    parent: int
    nanos: int
    failed: bool
    links: tuple[tuple[int, int], ...] = ()
    resource: tuple[tuple[str, str], ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()

    def text(self, *keys: str, own: bool = False) -> str | None:
        """The first of these attributes that says something."""
        both = dict(self.attributes) | ({} if own else dict(self.resource))
        return next(filter(None, map(both.get, keys)), None)


class Told(NamedTuple):
    """A call."""

    client: str | None
    server: str | None
    client_tier: str | None
    server_tier: str | None
    connection: str
    missing: int
    failed: bool
    client_seconds: float
    server_seconds: float


Key = tuple[int, ...]


def tier(span: Sent | None) -> str | None:
    return dict(span.attributes + span.resource).get("tier") if span else None


@dataclass
class Half:
    expires: int
    client: Sent | None = None
    server: Sent | None = None
    database: str | None = None
    message: bool = False
    failed: bool = False
    met: bool = False

    def note(self, span: Sent) -> None:
        self.failed |= span.failed
        self.message = span.kind in {PRODUCER, CONSUMER}
        if span.kind in {CLIENT, PRODUCER}:
            self.client, self.database = span, span.text("db.name", "db.namespace")
        else:
            self.server, self.database = span, None

    def told(self, missing: int = 0) -> Told:
        assert self.client
        server = self.server.service if self.server else None
        connection = "messaging_system" if self.message else ""
        if self.database:
            server, connection = self.database, "database"
        return self._told(self.client.service, server, connection, missing)

    def virtual(self) -> Told:
        if self.client:
            peer = self.client.text("peer.service", "db.name", own=True)
            return self._told(self.client.service, peer, "virtual_node", 2)
        assert self.server
        return self._told(None, self.server.service, "virtual_node", 1)

    def _told(self, client: str | None, server: str | None, kind: str, missing: int) -> Told:
        serves = self.client if kind == "database" else self.server
        return Told(
            client,
            server,
            dict(self.client.attributes + self.client.resource).get("tier")
            if self.client
            else None,
            dict(self.server.attributes + self.server.resource).get("tier")
            if self.server
            else None,
            kind,
            missing,
            self.failed,
            self.client.nanos / 1e9 if self.client else 0.0,
            serves.nanos / 1e9 if serves else 0.0,
        )


@dataclass
class Reference:
    """What the kernel does, the slow way."""

    limit: int
    halves: dict[Key, Half] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    counts: list[int] = field(default_factory=lambda: [0, 0, 0, 0])

    def add(self, spans: list[Sent], now: int) -> None:
        for span in spans:
            if not span.service or span.kind not in {SERVER, CLIENT, PRODUCER, CONSUMER}:
                continue
            links = [link for link in span.links if all(link)] if span.kind == CONSUMER else []
            own = span.id if span.kind in {CLIENT, PRODUCER} else span.parent
            needs_id = bool(links) or span.kind in {CLIENT, PRODUCER}
            if not span.trace or (needs_id and not span.id):
                self.counts[3] += 1
            elif links:
                for link in links:
                    self.consume(link, (*link, span.trace, span.id), span, now)
            else:
                self.see((span.trace, own), span, now)

    def see(self, key: Key, span: Sent, now: int) -> None:
        half = self.halves.get(key)
        new = half is None
        half = half or Half(now + TTL)
        half.note(span)
        if half.client is span:
            for waiting in [each for each in self.halves if len(each) == 4 and each[:2] == key]:
                self.tell_message(self.halves.pop(waiting), half)
        if half.database or (half.client and half.server):
            self.told.append(half.told())
            self.halves.pop(key, None)
            self.counts[0] += new
        elif new:
            self.keep(key, half, now)

    def consume(self, producer: Key, key: Key, span: Sent, now: int) -> None:
        if key in self.halves:
            self.halves[key].note(span)
            return
        half = Half(now + TTL)
        half.note(span)
        known = self.halves.get(producer)
        if known and known.client:
            self.counts[0] += 1
            self.tell_message(half, known)
        else:
            self.keep(key, half, now)

    def tell_message(self, consumer: Half, producer: Half) -> None:
        producer.met = True
        failed = consumer.failed or producer.failed
        self.told.append(replace(consumer, client=producer.client, failed=failed).told())

    def keep(self, key: Key, half: Half, now: int) -> None:
        if len(self.halves) >= self.limit:
            self.expire(now, most=1)
        if len(self.halves) >= self.limit:
            self.counts[2] += 1
        else:
            self.counts[0] += 1
            self.halves[key] = half

    def expire(self, now: int, most: int = 1000) -> None:
        for key, half in list(self.halves.items())[:most]:
            if half.expires >= now:
                return
            del self.halves[key]
            self.counts[1] += not half.met
            is_root = key[1] == 0 and len(key) == 2
            if not half.met and (half.client or is_root):
                self.told.append(half.virtual())


def encoded(spans: list[Sent]) -> _kernel.Batch:
    request = ExportTraceServiceRequest()
    for sent in spans:
        group = request.resource_spans.add()
        if sent.service is not None:
            group.resource.attributes.add(key="service.name").value.string_value = sent.service
        span = group.scope_spans.add().spans.add(
            kind=sent.kind,
            trace_id=sent.trace.to_bytes(16, "big"),
            span_id=sent.id.to_bytes(8, "big"),
            parent_span_id=sent.parent.to_bytes(8, "big") if sent.parent else b"",
            start_time_unix_nano=1_000,
            end_time_unix_nano=1_000 + sent.nanos,
            status={"code": 2 if sent.failed else 1},
        )
        for trace, id_ in sent.links:
            span.links.add(trace_id=trace.to_bytes(16, "big"), span_id=id_.to_bytes(8, "big"))
        for target, pairs in ((group.resource, sent.resource), (span, sent.attributes)):
            for key, value in pairs:
                target.attributes.add(key=key).value.string_value = value
    return _kernel.Batch.from_otlp("traces", request.SerializeToString())


def edges(**options: Any) -> _kernel.Edges:
    defaults: dict[str, Any] = {
        "dimensions": ["tier"],
        "databases": ["db.name", "db.namespace"],
        "peers": ["peer.service", "db.name"],
        "limit": 1000,
        "ttl": TTL,
        "longest": 100,
    }
    return _kernel.Edges(**(defaults | options))


def told(found: _kernel._Calls) -> list[Told]:
    columns, (connections, missing, failed), seconds, _ = found
    texts = [[values[code] for code in memoryview(codes).cast("I")] for codes, values in columns]
    client, server = (memoryview(each).cast("d").tolist() for each in seconds)
    kinds = [CONNECTIONS[kind] for kind in connections]
    rows = zip(*texts, kinds, missing, map(bool, failed), client, server, strict=True)
    return [Told(*row) for row in rows]


def order(calls: list[Told]) -> list[Any]:
    return sorted(calls, key=repr)


keys = st.sampled_from([1, 2, 1, 2, 0, 3])
texts = st.sampled_from(["", "a", "b"])
pairs = st.lists(
    st.tuples(st.sampled_from(["tier", "db.name", "db.namespace", "peer.service", "other"]), texts),
    max_size=1,
).map(tuple)
sent = st.builds(
    Sent,
    service=st.sampled_from(["shop", "stock", "mail", "", None]),
    kind=st.sampled_from([CLIENT, SERVER, PRODUCER, CONSUMER, CLIENT, SERVER, 0, 1, 6]),
    trace=keys,
    id=keys,
    parent=keys,
    nanos=st.integers(min_value=0, max_value=10**12),
    failed=st.booleans(),
    links=st.lists(st.tuples(keys, keys), max_size=2).map(tuple),
    resource=pairs,
    attributes=pairs,
)
steps = st.lists(
    st.tuples(st.integers(min_value=0, max_value=TTL), st.lists(sent, max_size=6), st.booleans()),
    max_size=7,
)
CALL = Sent("shop", CLIENT, 1, 2, 0, 5, failed=False)
ANSWER = Sent("stock", SERVER, 1, 3, 2, 3, failed=True)


@settings(deadline=None, max_examples=100)
@given(steps=steps, limit=st.integers(min_value=1, max_value=6))
@example(steps=[(0, [ANSWER], False), (1, [CALL, CALL], False), (10, [], True)], limit=1)
def test_calls_are_those_of_the_reference(
    steps: list[tuple[int, list[Sent], bool]], limit: int
) -> None:
    kernel, reference, now = edges(limit=limit), Reference(limit), 0
    for passed, spans, expires in steps:
        now += passed
        reference.told, reference.counts = [], [0, 0, 0, 0]
        reference.add(spans, now)
        found = kernel.add(encoded(spans), now)
        assert order(told(found)) == order(reference.told)
        assert found[3] == reference.counts
        if expires:
            reference.told, reference.counts = [], [0, 0, 0, 0]
            reference.expire(now)
            found = kernel.expire(now)
            assert order(told(found)) == order(reference.told)
            assert found[3] == reference.counts
        assert kernel.size()[0] == len(reference.halves)
    kernel.expire(now + TTL + 1)
    assert kernel.size()[0] == 0


@settings(deadline=None, max_examples=25)
@given(order=st.permutations(range(20)), cuts=st.lists(st.integers(0, 40), max_size=5))
def test_whatever_the_order_and_the_batches_every_call_is_told_once(
    order: list[int], cuts: list[int]
) -> None:
    spans = [
        one
        for number in order
        for one in (
            Sent("shop", CLIENT, 7, number + 1, 0, 5, failed=False),
            Sent("stock", SERVER, 7, 99, (number * 7) % 20 + 1, 3, failed=False),
        )
    ]
    kernel, found = edges(), []
    bounds = [0, *sorted(cuts), len(spans)]
    for first, last in pairwise(bounds):
        found += told(kernel.add(encoded(spans[first:last]), 0))
    assert len(found) == 20
    assert {(call.client, call.server) for call in found} == {("shop", "stock")}


@pytest.mark.parametrize("length", [0, 1, 7, 9, 15, 17, 4096])
def test_ids_of_wrong_lengths_are_counted_and_nothing_waits(length: int) -> None:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.add(key="service.name").value.string_value = "shop"
    add, bad = group.scope_spans.add().spans.add, b"x" * length
    add(kind=CLIENT, trace_id=bad, span_id=b"s" * 8)
    add(kind=CLIENT, trace_id=b"t" * 16, span_id=bad)
    add(kind=SERVER, trace_id=bad, span_id=b"s" * 8, parent_span_id=b"p" * 8)
    add(kind=CONSUMER, trace_id=b"t" * 16, span_id=b"s" * 8).links.add(trace_id=bad, span_id=bad)
    if length:
        add(kind=SERVER, trace_id=b"t" * 16, span_id=b"s" * 8, parent_span_id=bad)
    kernel = edges()
    found = kernel.add(_kernel.Batch.from_otlp("traces", request.SerializeToString()), 0)
    assert found[3] == [1, 0, 0, 4 if length else 3]
    assert kernel.size()[0] == 1  # the consumer, who is known by its parent then


def test_texts_are_cut_between_characters() -> None:
    kernel = edges(longest=5)
    call = CALL._replace(service="ab" + "ä" * 50, attributes=(("db.name", "d" * 1000),))
    (found,) = told(kernel.add(encoded([call]), 0))
    assert (found.client, found.server) == ("abä", "ddddd")


def test_what_waits_takes_bounded_memory() -> None:
    kernel = edges(limit=10_000, dimensions=[])
    for start in range(0, 15_000, 1000):
        batch = encoded([CALL._replace(id=start + number + 1) for number in range(1000)])
        kernel.add(batch, 0)
    count, size = kernel.size()
    assert count == 10_000
    assert size / count < 150
    kernel.expire(TTL + 1)
    assert kernel.size()[0] == 0


def test_a_side_that_many_calls_have_is_held_once() -> None:
    kernel = edges(limit=2000)
    long = [CALL._replace(id=number + 1, service="s" * 100) for number in range(1000)]
    before = kernel.size()[1]
    kernel.add(encoded(long), 0)
    assert kernel.size()[1] - before < 1000 * 250


def test_many_consumers_of_one_message_are_met_at_once() -> None:
    kernel = edges(limit=20_000)
    consumers = [
        Sent("stock", CONSUMER, 9, number + 1, 0, 3, failed=False, links=((1, 2),))
        for number in range(10_000)
    ]
    assert told(kernel.add(encoded(consumers), 0)) == []
    found = told(kernel.add(encoded([CALL._replace(kind=PRODUCER)]), 0))
    assert len(found) == 10_000
    assert {call.connection for call in found} == {"messaging_system"}
    assert kernel.size()[0] == 1


def test_only_spans_are_taken() -> None:
    with pytest.raises(ValueError, match="spans"):
        edges().add(_kernel.Batch.from_otlp("logs", b""), 0)


@settings(deadline=None, max_examples=50)
@given(
    spans=st.lists(sent, min_size=1, max_size=4),
    changes=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=6),
)
def test_whatever_the_bytes_are_what_waits_is_bounded(
    spans: list[Sent], changes: list[tuple[int, int]]
) -> None:
    payload = bytearray(encoded(spans).to_otlp())
    for place, byte in changes:
        payload[place % len(payload)] = byte
    kernel = edges(limit=2)
    try:
        batch = _kernel.Batch.from_otlp("traces", bytes(payload))
    except _kernel.MalformedPayload:
        return
    kernel.add(batch, 0)
    assert kernel.size()[0] <= 2
    kernel.expire(TTL + 1)
    assert kernel.size()[0] == 0
