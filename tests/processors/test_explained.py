"""What is limited is told to its senders, in words that say what to do."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)

from penstock.pipeline import Signal
from penstock.pipeline.senders import INTERVAL, Senders
from penstock.processors.cardinality_limit import CardinalityLimit, Config
from penstock.receivers.otlp import GRPC_METHODS, Otlp
from penstock.receivers.otlp import Config as Receiver
from tests.kit import PATIENCE, Backend, GivenBackend, context_without_tasks, in_loop, service, wire
from tests.processors.test_cardinality_limit import CUMULATIVE, DELTA, Stream
from tests.receivers.clients import GrpcSender, post

if TYPE_CHECKING:
    from penstock.pipeline import Batch
    from penstock.pipeline.component import ExporterConfig

LOCAL = {"endpoint": "127.0.0.1:0"}


class Told:
    """A limit, and what senders are told by it; time passes when it is told to."""

    def __init__(self, **options: Any) -> None:
        self.texts: list[str] = []
        self.now = 0.0
        senders = Senders(lambda text, _: self.texts.append(text), lambda: self.now)
        given = replace(context_without_tasks(), senders=senders)
        self._limit = CardinalityLimit(Config(ttl=0, **options), given)

    def send(self, batch: Batch) -> list[str]:
        """What is told when a batch comes."""
        self.texts.clear()
        self._limit.process(batch)
        return [*self.texts]


def users(source: Stream, start: int, end: int, metric: str = "requests") -> Batch:
    """A point of each user."""
    return source.batch([(metric, "shop", str(user), 1, False) for user in range(start, end)])


def test_senders_hear_how_much_was_limited_and_by_which_rule_metric_and_label() -> None:
    told = Told(per_metric=10)
    assert told.send(users(Stream(DELTA), 0, 5)) == []
    (text,) = told.send(users(Stream(DELTA), 5, 20))
    assert text == (
        "of the latest 20 data points of all senders, 11 were folded into overflow series, which "
        "keep the totals right, since there are too many series (per_metric), most of them of "
        "metric 'requests', whose label 'user' has about 20 values; nothing is to be sent again"
    )


@pytest.mark.parametrize(
    ("action", "fate"), [("drop", "11 were dropped"), ("strip", "11 lost labels and were added up")]
)
def test_senders_hear_what_became_of_it(action: str, fate: str) -> None:
    (text,) = Told(max_series=10, action=action).send(users(Stream(DELTA), 0, 20))
    assert f"{fate}, since there are too many series (max_series)" in text


def test_what_was_limited_while_nothing_was_told_is_in_the_next_word() -> None:
    told, source = Told(per_metric=10), Stream(DELTA)
    assert (
        "of the latest 20 data points of all senders, 11 were" in told.send(users(source, 0, 20))[0]
    )
    assert told.send(users(source, 20, 40)) == []
    told.now += INTERVAL
    assert told.send(users(source, 0, 9)) == []
    assert (
        "of the latest 59 data points of all senders, 50 were"
        in told.send(users(source, 40, 70))[0]
    )


def test_senders_hear_of_series_that_stay_folded() -> None:
    told, source = Told(per_metric=10), Stream(CUMULATIVE)
    told.send(users(source, 0, 20))
    told.now += INTERVAL
    (text,) = told.send(users(source, 0, 20))
    assert "11 were folded" in text


def test_the_worst_metric_is_named_and_long_names_are_cut() -> None:
    told = Told(per_metric=10)
    (text,) = told.send(users(Stream(DELTA), 0, 1000, "m" * 5000))
    assert f"metric '{'m' * 100}'" in text
    assert len(text) < 500


@pytest.mark.parametrize("options", [{"dry_run": True}, {"warn_senders": False}])
def test_senders_hear_nothing_of_a_dry_run_or_if_they_are_not_to(options: Any) -> None:
    assert Told(max_series=10, **options).send(users(Stream(DELTA), 0, 20)) == []


@pytest.mark.parametrize(
    "exporter",
    [Backend(), GivenBackend(component=Backend())],
    ids=["senders wait", "senders are answered at once"],
)
@in_loop
async def test_the_warning_is_in_the_answers_of_clients(exporter: Backend | ExporterConfig) -> None:
    settings = wire(
        "metrics: otlp -> limit -> out",
        otlp=Receiver.model_validate({"protocols": {"grpc": LOCAL, "http": LOCAL}}),
        limit=Config(per_metric=10),
        out=exporter,
    )
    async with service(settings) as running:
        receiver = running._parts.receivers["otlp"][0]
        assert isinstance(receiver, Otlp)
        body = users(Stream(DELTA), 0, 20).to_otlp()
        async with asyncio.timeout(PATIENCE):
            while not (over_http := await asyncio.to_thread(http, receiver, body)):
                pass  # who does not wait hears of it with a later answer
        over_grpc = await asyncio.to_thread(by_grpc, receiver, body)
    for answer in (over_http, over_grpc):
        said = ExportMetricsServiceResponse.FromString(answer).partial_success
        assert said.rejected_data_points == 0
        assert "metric 'requests', whose label 'user' has about 20 values" in said.error_message


def http(receiver: Otlp, body: bytes) -> bytes:
    """The answer over HTTP."""
    answer = post(receiver.ports["http"], "/v1/metrics", body)
    assert answer.status == 200
    return answer.body


def by_grpc(receiver: Otlp, body: bytes) -> bytes:
    """The answer over gRPC."""
    with GrpcSender(receiver.ports["grpc"]) as sender:
        answer = sender.call(GRPC_METHODS[Signal.METRICS], body)
    assert answer.code is grpc.StatusCode.OK
    return answer.response
