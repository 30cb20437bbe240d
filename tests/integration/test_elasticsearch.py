"""Documents in a real OpenSearch: that they arrive, where, and what becomes of those it refuses."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest

from tests.exporters.test_elasticsearch import (
    SPAN,
    attributes,
    gauge,
    logs,
    metrics,
    point,
    record,
    traces,
)
from tests.integration.opensearch import OpenSearch
from tests.integration.service import Penstock, command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from penstock.pipeline import Batch
    from tests.integration.peers import Peers


@pytest.fixture(scope="module")
def opensearch(peers: Peers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenSearch]:
    """One node for all tests, which tell their documents apart by service."""
    with OpenSearch(peers, tmp_path_factory.mktemp("opensearch")) as node:
        yield node


class OfDocuments(Penstock):
    """Takes batches of any signal."""

    def post(self, batch: Batch) -> None:
        """Send it a batch."""
        url = f"http://127.0.0.1:{self.ports.http}/v1/{batch.signal}"
        headers = {"Content-Type": "application/x-protobuf"}
        with urlopen(Request(url, batch.to_otlp(), headers)) as answer:
            assert answer.status == 200


def exporter(opensearch: OpenSearch, mode: str, **options: Any) -> dict[str, Any]:
    soon = {"batch": {"flush_timeout": "50ms"}}
    own = {"endpoint": opensearch.url, "mapping": {"mode": mode}, "sending_queue": soon}
    return {"elasticsearch": own | options}


BODY = {"kvlistValue": {"values": attributes({"message": "hello", "service": "bodymap"})}}


@pytest.mark.parametrize("mode", ["otel", "none", "raw", "ecs", "bodymap"])
def test_every_record_becomes_a_document(opensearch: OpenSearch, tmp_path: Path, mode: str) -> None:
    with OfDocuments(tmp_path, exporter(opensearch, mode)) as penstock:
        records = [record(BODY if mode == "bodymap" else f"line {i}") for i in range(200)]
        batch = logs(*records, resource={"service.name": mode, "data_stream.dataset": mode})
        penstock.post(batch)
        penstock.expect_delivered("logs", 200)
    found = opensearch.documents(f"logs-{mode}*")
    assert len(found) == 200


def test_a_trace_is_found_with_its_events(opensearch: OpenSearch, tmp_path: Path) -> None:
    with OfDocuments(tmp_path, exporter(opensearch, "otel")) as penstock:
        penstock.post(traces(SPAN))
        penstock.expect_delivered("traces", 1)
    (span,) = opensearch.documents("traces-generic.otel-default", span_id="0102030405060708")
    (event,) = opensearch.documents("logs-generic.otel-default", span_id="0102030405060708")
    assert (span["name"], event["event_name"]) == ("GET /", "query")


def test_documents_that_fail_mapping_are_dead_letters(
    opensearch: OpenSearch, tmp_path: Path
) -> None:
    letters = {"directory": str(tmp_path / "letters")}
    options = {"logs_index": "conflicts", "dead_letter": letters}
    with OfDocuments(tmp_path, exporter(opensearch, "raw", **options)) as penstock:
        penstock.post(logs(record(attributes={"size": 1})))
        penstock.expect_delivered("logs", 1)
        penstock.post(logs(record("bad", attributes={"size": "large"}), record("good")))
        penstock.expect_delivered("logs", 2)
        penstock.wait_until(lambda: list((tmp_path / "letters").glob("*.jsonl")))
    (file,) = (tmp_path / "letters").glob("*.jsonl")
    (letter,) = map(json.loads, file.read_text().splitlines())
    assert "mapper_parsing_exception" in letter["penstock"]["error"]
    assert "bad" in json.dumps(letter["resourceLogs"])
    assert len(opensearch.documents("conflicts")) == 2


def test_a_document_of_a_known_id_is_there_once(opensearch: OpenSearch, tmp_path: Path) -> None:
    dynamic = {"logs_dynamic_id": {"enabled": True}, "logs_index": "once"}
    with OfDocuments(tmp_path, exporter(opensearch, "otel", **dynamic)) as penstock:
        for _ in range(2):
            penstock.post(logs(record(attributes={"elasticsearch.document_id": "1"})))
        penstock.expect_delivered("logs", 2)
    assert len(opensearch.documents("once")) == 1


def test_points_become_documents(opensearch: OpenSearch, tmp_path: Path) -> None:
    with OfDocuments(tmp_path, exporter(opensearch, "otel")) as penstock:
        penstock.post(metrics(gauge("one", point(asInt="1")), gauge("two", point(asDouble=0.5))))
        penstock.expect_delivered("metrics", 2)
    (document,) = opensearch.documents("metrics-generic.otel-default")
    assert document["metrics"] == {"one": 1, "two": 0.5}


def test_data_streams_are_set_up(opensearch: OpenSearch, tmp_path: Path) -> None:
    with OfDocuments(tmp_path, exporter(opensearch, "otel")) as penstock:
        setup = command("elasticsearch", "setup", "-c", str(tmp_path / "penstock.yaml"))
        done = subprocess.run(setup, capture_output=True, check=True, text=True)
        assert "index template penstock-logs" in done.stdout
        conflict = record("conflict", attributes={"a": 1, "a.b": "x"})
        penstock.post(logs(conflict, resource={"data_stream.namespace": "setup"}))
        penstock.expect_delivered("logs", 1)
    (found,) = opensearch.documents("logs-generic.otel-setup")
    assert found["attributes"] == {"a": 1, "a.b": "x"}
    assert opensearch.ask("GET", "_data_stream/logs-generic.otel-setup")["data_streams"]
