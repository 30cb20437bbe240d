from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from penstock._kernel import read_spans
from penstock.exporters.kafka import Config, Kafka
from penstock.kafka.keys import of_attributes
from penstock.pipeline import Batch, Rejected, Retryable, Signal
from tests import kafka_broker
from tests.kafka_broker import Broker, Record
from tests.kit import context, in_loop, names, points, records, spans

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TRACES = [f"{number:032x}" for number in (1, 2, 3)]


def of_traces(*ids: str) -> Batch:
    """A span for each, named by its place."""
    listed = ",".join(f'{{"name":"{place}","traceId":"{id_}"}}' for place, id_ in enumerate(ids))
    text = f'{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{listed}]}}]}}]}}'
    return Batch.from_json("traces", text.encode())


def of_tenants(*tenants: str) -> Batch:
    """A record for each, of a resource of its own."""
    listed = ",".join(
        f'{{"resource":{{"attributes":[{{"key":"tenant","value":{{"stringValue":"{tenant}"}}}}]}},'
        f'"scopeLogs":[{{"logRecords":[{{"body":{{"stringValue":"{tenant}"}}}}]}}]}}'
        for tenant in tenants
    )
    return Batch.from_json("logs", f'{{"resourceLogs":[{listed}]}}'.encode())


@asynccontextmanager
async def exporting(broker: Broker, **settings: Any) -> AsyncIterator[Kafka]:
    """An exporter to a broker."""
    async with kafka_broker.serving(broker) as port, context() as given:
        config = Config.model_validate(
            {
                "brokers": [f"127.0.0.1:{port}"],
                "timeout": "1s",
                "metadata": {"retry": {"backoff": "5ms"}},
                **settings,
            }
        )
        exporter = config.build(given)
        assert isinstance(exporter, Kafka)
        await exporter.start()
        try:
            yield exporter
        finally:
            await exporter.stop()


def messages(broker: Broker, topic: str) -> list[Record]:
    return [record for log in broker.topics.get(topic, []) for record in log]


def read(signal: str, broker: Broker, topic: str) -> list[Batch]:
    return [Batch.from_otlp(signal, it.value or b"") for it in messages(broker, topic)]


@in_loop
async def test_a_batch_is_a_message_in_the_topic_of_its_signal() -> None:
    broker = Broker()
    async with exporting(broker) as exporter:
        for batch in (spans(2), points(3), records(4)):
            assert await exporter.send(batch) is None
    assert broker.values("otlp_spans") == [spans(2).to_otlp()]
    assert broker.values("otlp_metrics") == [points(3).to_otlp()]
    assert broker.values("otlp_logs") == [records(4).to_otlp()]


@in_loop
async def test_messages_have_headers_and_no_key() -> None:
    broker = Broker()
    async with exporting(broker, record_headers={"tenant": "shop"}) as exporter:
        await exporter.send(spans(1))
    (message,) = messages(broker, "otlp_spans")
    assert (message.key, message.headers) == (None, (("tenant", b"shop"),))


@in_loop
async def test_json_is_json() -> None:
    broker = Broker()
    async with exporting(broker, logs={"encoding": "otlp_json"}) as exporter:
        await exporter.send(records(2))
    assert broker.values("otlp_logs") == [records(2).to_json()]


@pytest.mark.parametrize("encoding", ["jaeger_proto", "jaeger_json"])
@in_loop
async def test_each_span_of_jaeger_is_a_message_with_its_traces_id(encoding: str) -> None:
    broker = Broker(partitions=2)
    one, two, _ = TRACES
    traces = {"encoding": encoding}
    async with exporting(broker, traces=traces, partition_traces_by_id=True) as exporter:
        assert await exporter.send(of_traces(one, two, one)) is None
    keys = Counter(message.key for message in messages(broker, "otlp_spans"))
    assert keys == {one[16:].encode(): 2, two[16:].encode(): 1}


@pytest.mark.parametrize("encoding", ["zipkin_proto", "zipkin_json"])
@in_loop
async def test_spans_that_zipkin_cannot_have_are_rejected_alone(encoding: str) -> None:
    broker = Broker()
    async with exporting(broker, traces={"encoding": encoding}) as exporter:
        rejected = await exporter.send(Batch.concat([spans(3), of_traces(TRACES[0])]))
    assert rejected
    assert rejected.batch
    assert (rejected.items, names([rejected.batch])) == (2, ["span 0", "0"])
    assert "without trace and span id" in rejected.reason
    (value,) = broker.values("otlp_spans")
    native, _ = read_spans([value or b""], encoding)
    assert native
    assert names([Batch(native)]) == ["span 1", "span 2"]


@in_loop
async def test_only_spans_that_zipkin_cannot_have_are_no_message() -> None:
    broker = Broker()
    async with exporting(broker, traces={"encoding": "zipkin_json"}) as exporter:
        rejected = await exporter.send(of_traces(TRACES[0]))
    assert rejected
    assert broker.values("otlp_spans") == []


@in_loop
async def test_raw_messages_are_the_bodies_of_records() -> None:
    broker = Broker()
    bodies = ['{"stringValue":"a\\"b"}', '{"bytesValue":"/w=="}', '{"intValue":"3"}', "{}"]
    bodies.append('{"kvlistValue":{"values":[{"key":"b","value":{"arrayValue":{}}}]}}')
    listed = ",".join(f'{{"body":{body}}}' for body in bodies)
    text = f'{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{listed}]}}]}}]}}'
    async with exporting(broker, logs={"encoding": "raw"}) as exporter:
        rejected = await exporter.send(Batch.from_json("logs", text.encode()))
    assert broker.values("otlp_logs") == [b'"a\\"b"', b"\xff", b"3", b'{"b":[]}']
    assert rejected
    assert (rejected.items, rejected.reason) == (1, "a log record without body is no raw message")


@in_loop
async def test_an_item_with_a_message_of_its_own_is_rejected_where_it_is_too_large() -> None:
    broker = Broker()
    settings = {"traces": {"encoding": "jaeger_proto"}, "producer": {"max_message_bytes": 1000}}
    async with exporting(broker, **settings) as exporter:
        rejected = await exporter.send(Batch.concat([spans(2), spans(1, "x" * 2000)]))
    assert rejected
    assert rejected.items == 1
    assert len(broker.values("otlp_spans")) == 2


@in_loop
async def test_each_trace_has_a_message_with_its_id() -> None:
    broker = Broker(partitions=4)
    one, two, three = TRACES
    async with exporting(broker, partition_traces_by_id=True) as exporter:
        await exporter.send(of_traces(one, two, one, three, two))
    found = {
        (it.key or b"").decode(): names([Batch.from_otlp("traces", it.value or b"")])
        for it in messages(broker, "otlp_spans")
    }
    assert found == {one: ["0", "2"], two: ["1", "4"], three: ["3"]}


@in_loop
async def test_each_resource_has_a_message_with_the_hash_of_its_attributes() -> None:
    broker = Broker()
    async with exporting(broker, partition_logs_by_resource_attributes=True) as exporter:
        await exporter.send(of_tenants("a", "b", "a"))
    keys = [message.key for message in messages(broker, "otlp_logs")]
    assert keys == [of_attributes({"tenant": "a"}), of_attributes({"tenant": "b"})]
    assert list(map(len, read("logs", broker, "otlp_logs"))) == [2, 1]


@in_loop
async def test_logs_of_no_trace_have_no_key() -> None:
    broker = Broker()
    async with exporting(broker, partition_logs_by_trace_id=True) as exporter:
        await exporter.send(records(2))
    assert [message.key for message in messages(broker, "otlp_logs")] == [None]


@in_loop
async def test_an_attribute_of_the_resource_names_the_topic() -> None:
    broker = Broker()
    async with exporting(broker, topic_from_attribute="tenant") as exporter:
        await exporter.send(Batch.concat([of_tenants("a", "b", "a"), records(3)]))
    found = {topic: sum(map(len, read("logs", broker, topic))) for topic in broker.topics}
    assert found == {"a": 2, "b": 1, "otlp_logs": 3}


@in_loop
async def test_topics_and_keys_go_together() -> None:
    broker = Broker()
    settings = {"topic_from_attribute": "tenant", "partition_logs_by_resource_attributes": True}
    async with exporting(broker, **settings) as exporter:
        await exporter.send(of_tenants("a", "b", "a"))
    assert [it.key for it in messages(broker, "a")] == [of_attributes({"tenant": "a"})]
    assert [it.key for it in messages(broker, "b")] == [of_attributes({"tenant": "b"})]


@in_loop
async def test_what_is_no_name_of_a_topic_is_rejected_alone() -> None:
    broker = Broker()
    async with exporting(broker, topic_from_attribute="tenant") as exporter:
        rejected = await exporter.send(of_tenants("a", "no topic!", "a"))
    assert rejected is not None
    assert (rejected.items, "no name of a topic" in rejected.reason) == (1, True)
    assert list(map(len, read("logs", broker, "a"))) == [2]


@pytest.mark.parametrize("encoding", ["otlp_proto", "otlp_json"])
@in_loop
async def test_batches_are_split_to_fit(encoding: str) -> None:
    broker, limit = Broker(), 2_000
    settings = {"producer": {"max_message_bytes": limit}, "traces": {"encoding": encoding}}
    async with exporting(broker, **settings) as exporter:
        assert await exporter.send(spans(500)) is None
    values = [value or b"" for value in broker.values("otlp_spans")]
    from_ = Batch.from_json if encoding == "otlp_json" else Batch.from_otlp
    assert max(map(len, values)) < limit
    assert names([from_("traces", value) for value in values]) == names([spans(500)])


@in_loop
async def test_an_item_that_is_too_large_is_rejected_alone() -> None:
    broker = Broker()
    large = spans(1, "x" * 3000)
    async with exporting(broker, producer={"max_message_bytes": 2000}) as exporter:
        rejected = await exporter.send(Batch.concat([spans(2), large, spans(3)]))
    assert rejected is not None
    assert "raise producer.max_message_bytes (2000)" in rejected.reason
    assert rejected.batch is not None
    assert names([rejected.batch]) == names([large])
    assert sum(map(len, read("traces", broker, "otlp_spans"))) == 5


async def takes_five(_: str, lot: list[Record]) -> int:
    items = sum(len(Batch.from_otlp("traces", record.value or b"")) for record in lot)
    return kafka_broker.NO_ERROR if items <= 5 else kafka_broker.TOO_LARGE


@in_loop
async def test_what_a_topic_finds_too_large_is_halved_until_it_fits() -> None:
    broker = Broker(judge=takes_five)
    async with exporting(broker) as exporter:
        assert await exporter.send(spans(37)) is None
    assert names(read("traces", broker, "otlp_spans")) == names([spans(37)])


async def takes_none(_: str, __: list[Record]) -> int:
    return kafka_broker.TOO_LARGE


@in_loop
async def test_what_no_message_is_small_enough_for_is_rejected() -> None:
    async with exporting(Broker(judge=takes_none)) as exporter:
        rejected = await exporter.send(spans(3))
    assert rejected is not None
    assert rejected.items == 3


@in_loop
async def test_a_missing_topic_holds_up_no_other() -> None:
    broker = Broker(creates=False)
    broker.put("a")
    async with exporting(broker, topic_from_attribute="tenant") as exporter:
        with pytest.raises(Retryable, match="create the topic") as raised:
            await exporter.send(of_tenants("b", "a"))
    assert raised.value.remaining is not None
    assert len(raised.value.remaining) == 1
    assert list(map(len, read("logs", broker, "a"))) == [1]


async def forbids(_: str, __: list[Record]) -> int:
    return kafka_broker.UNAUTHORISED


@in_loop
async def test_messages_of_a_key_come_in_the_order_of_their_batches() -> None:
    broker = Broker()
    small = {"max_message_bytes": 1000}
    async with exporting(broker, partition_traces_by_id=True, producer=small) as exporter:
        await asyncio.gather(*(exporter.send(of_traces(*["aa" * 16] * i)) for i in range(1, 30)))
    assert list(map(len, read("traces", broker, "otlp_spans"))) == list(range(1, 30))


@in_loop
async def test_missing_rights_may_yet_be_given() -> None:
    async with exporting(Broker(judge=forbids)) as exporter:
        with pytest.raises(Retryable, match="give the user access to the topic"):
            await exporter.send(spans(1))


async def refuses(_: str, __: list[Record]) -> int:
    return kafka_broker.REFUSED


@in_loop
async def test_what_a_broker_will_never_take_is_rejected() -> None:
    async with exporting(Broker(judge=refuses)) as exporter:
        rejected = await exporter.send(spans(2))
    assert isinstance(rejected, Rejected)
    assert rejected.items == 2


@in_loop
async def test_brokers_may_come_later() -> None:
    broker = Broker()
    async with kafka_broker.serving(broker) as port:
        pass
    async with context() as given:
        exporter = Config(brokers=[f"127.0.0.1:{port}"]).build(given)
        await exporter.start()
        with pytest.raises(Retryable, match="check brokers, tls and auth"):
            await exporter.send(spans(1))
        async with kafka_broker.serving(broker, port):
            await exporter.send(spans(2))
            await exporter.stop()
    assert broker.values("otlp_spans") == [spans(2).to_otlp()]


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"producer": {"idempotence": True}}, "idempotence needs required_acks: all"),
        (
            {"partition_logs_by_trace_id": True, "partition_logs_by_resource_attributes": True},
            "exclude each other",
        ),
        ({"record_partitioner": {"sticky_key": {}, "round_robin": {}}}, "found both"),
        ({"traces": {"topic": "a b"}}, "no name of a topic"),
        ({"brokers": ["kafka:no"]}, "expected an address"),
        ({"brokers": []}, "at least 1"),
        (
            {"traces": {"encoding": "zipkin_thrift"}},
            "zipkin_thrift is not supported; have producers",
        ),
        ({"logs": {"encoding": "jaeger_proto"}}, "only traces have it"),
        ({"metrics": {"encoding": "raw"}}, "otlp_proto"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: Any, complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Config.model_validate(settings)


def test_all_replicas_are_asked_for_by_word_or_number() -> None:
    for value in ("all", -1):
        config = Config.model_validate({"producer": {"required_acks": value}})
        assert config.producer.required_acks == -1
        assert config.producer.idempotent


def test_a_broker_without_port_has_the_usual_one() -> None:
    brokers = ["a", "b:1", "[::1]"]
    assert Config(brokers=brokers).addresses == ["a:9092", "b:1", "[::1]:9092"]


def test_signals_have_their_own_settings() -> None:
    config = Config.model_validate({"metrics": {"topic": "m"}})
    assert [config.of(signal).topic for signal in Signal] == ["otlp_spans", "m", "otlp_logs"]
