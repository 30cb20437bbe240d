"""What strangers put into items, and what one's own code may do: every item is delivered or
counted, in bounded time, and what goes out is OTLP that the official parser takes."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from tests.integration.program import eventually
from tests.integration.recorder import Recorder
from tests.integration.service import Penstock
from tests.kernel.messages import varint
from tests.receivers.clients import post

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from tests.receivers.clients import Answer

BOUND = 5.0
"""Seconds for a request with a megabyte, through every processor, on a machine that has more to do.
An engine that backtracks would take longer than the universe is old."""

MEGABYTE = 1_000_000
DEEPEST = 28
"""How deep a value of an attribute may be nested: with what is around it, the official parser
counts a hundred messages."""

BOMBS = ["(a+)+$", "(a|aa)+$", "(.*)*x", "(a*)*b", "([a-z]+)*!"]

STATEMENTS = [
    *(
        f'set(span.attributes["hit"], true) where IsMatch(span.attributes["t"], "{it}")'
        for it in BOMBS
    ),
    *(f'replace_all_patterns(span.attributes, "value", "{it}", "-")' for it in BOMBS),
    'set(span.attributes["length"], Len(span.attributes["t"]))',
    'set(span.attributes["sum"], span.attributes["n"] + 1)',
    'set(span.attributes["parsed"], ParseJSON(span.attributes["json"]))',
    'set(span.attributes["half"], Substring(span.attributes["wide"], 0, 5))',
    'set(span.attributes["decoded"], Decode(span.attributes["base64"], "base64"))',
    "truncate_all(span.attributes, 100001)",
]

PROCESSORS = {
    "transform": {"error_mode": "ignore", "trace_statements": STATEMENTS},
    "filter": {
        "error_mode": "ignore",
        "trace_conditions": [f'IsMatch(span.attributes["t"], "^{it}drop$")' for it in BOMBS],
    },
    "attributes": {
        "actions": [
            {"key": "t", "action": "extract", "pattern": "^(?P<first>a*)*$"},
            {"key": "id", "action": "hash"},
            {"key": "gone", "action": "delete"},
        ]
    },
    "redaction": {"allow_all_keys": True, "blocked_values": ["(4[0-9]+)+$", "(secret)+"]},
    "groupbyattrs": {"keys": ["group"]},
}


class Working(Penstock):
    """A Penstock whose spans go through many processors."""

    def __init__(self, folder: Path, back_end: Recorder, processors: Mapping[str, Any]) -> None:
        self._processors = processors
        self._answered = 0
        out = {"endpoint": back_end.address, "tls": {"insecure": True}}
        super().__init__(folder, {"otlp": out}, "working")

    def settings(self, exporters: Mapping[str, Any]) -> dict[str, Any]:
        """With processors of traces in place of the usual one."""
        settings = super().settings(exporters)
        settings["processors"] = dict(self._processors)
        pipelines = settings["service"]["pipelines"]
        traces = {**pipelines["traces"], "processors": list(self._processors)}
        settings["service"]["pipelines"] = {"traces": traces}
        return settings

    def send(self, *spans: bytes) -> Answer:
        """One request."""
        scope = b"".join(field(2, it) for it in spans)
        answer = post(self.ports.http, "/v1/traces", field(1, field(2, scope)))
        self._answered += len(spans) * (answer.status == 200)
        return answer

    def taken(self) -> int:
        """Items that were accepted."""
        return self.numbers().total("otelcol_receiver_accepted_spans_total")

    def settled(self) -> None:
        """Wait until all that was answered for is sent or dropped; the books must balance."""
        eventually(lambda: self._gone() == self._answered, self.output)
        self.expect_balance("traces")
        assert self.is_alive
        assert "Traceback" not in self.output()

    def dropped(self, reason: str) -> int:
        """Items that were not passed on for a reason."""
        return self.numbers().total("penstock_processor_dropped_items_total", reason=reason)

    def _gone(self) -> int:
        numbers = self.numbers()
        dropped = numbers.total("penstock_processor_dropped_items_total")
        return dropped + numbers.total("otelcol_exporter_sent_spans_total")


@pytest.fixture(scope="module")
def back_end() -> Iterator[Recorder]:
    with Recorder() as recorder:
        yield recorder


@pytest.fixture(scope="module")
def working(tmp_path_factory: pytest.TempPathFactory, back_end: Recorder) -> Iterator[Working]:
    """One for all items: what one leaves behind, the next one meets."""
    with Working(tmp_path_factory.mktemp("working"), back_end, PROCESSORS) as working:
        yield working


def field(number: int, content: bytes) -> bytes:
    """A field of a message, as the wire has it: the official library does not write all of this."""
    return bytes([number << 3 | 2]) + varint(len(content)) + content


def span(**attributes: str | int | bytes) -> bytes:
    """A span with attributes: texts, numbers, or the bytes of a value."""
    return b"".join(field(9, pair(key, value)) for key, value in attributes.items())


def pair(key: str, value: str | int | bytes) -> bytes:
    if isinstance(value, str):
        value = field(1, value.encode())
    elif isinstance(value, int):
        value = b"\x18" + varint(value)
    return field(1, key.encode()) + field(2, value)


def nested(depth: int) -> bytes:
    """A text within so many maps."""
    value = field(1, b"x")
    for _ in range(depth):
        value = field(6, field(1, pair("k", value)))
    return value


def attributes(span: Span) -> dict[str, AnyValue]:
    return {it.key: it.value for it in span.attributes}


def passed(working: Working, back_end: Recorder, *spans: bytes) -> list[dict[str, AnyValue]]:
    """The attributes of spans that went all the way, with an honest one behind them."""
    before, begin = len(back_end.spans()), time.monotonic()
    assert working.send(*spans, span(t="honest")).status == 200
    working.settled()
    assert time.monotonic() - begin < BOUND
    *found, honest = (attributes(it) for it in back_end.spans()[before:])
    assert honest["t"].string_value == "honest"
    return found


HUGE = "a" * (MEGABYTE - 1) + "!"


@pytest.mark.parametrize("key", ["t", "other", "k" * MEGABYTE])
def test_an_attribute_of_a_megabyte_takes_no_longer_than_its_length(
    working: Working, back_end: Recorder, key: str
) -> None:
    (found,) = passed(working, back_end, span(**{key: HUGE}))
    assert 0 < len(found[key].string_value) <= 100_001


def test_ten_thousand_attributes_of_a_span_all_arrive(working: Working, back_end: Recorder) -> None:
    many = {f"k{number}": f"{number}." for number in range(10_000)}
    (found,) = passed(working, back_end, span(**many))
    assert {key: found[key].string_value for key in many} == many


def test_values_nested_as_deep_as_may_be_go_through(working: Working, back_end: Recorder) -> None:
    deepest = nested(DEEPEST)
    (found,) = passed(working, back_end, span(deep=deepest))
    assert found["deep"] == AnyValue.FromString(deepest)


@pytest.mark.parametrize("depth", [DEEPEST + 5, 100, 200])
def test_values_nested_deeper_are_refused_for_good(working: Working, depth: int) -> None:
    before = working.taken()
    assert working.send(span(deep=nested(depth))).status == 400
    assert working.taken() == before
    working.settled()


@pytest.mark.parametrize(
    ("attribute", "value", "absent"),
    [
        pytest.param("json", "[" * 200 + "]" * 200, "parsed", id="JSON nested 200 deep"),
        pytest.param("json", '{"a":' * 50_000, "parsed", id="JSON without an end"),
        pytest.param("json", '{"a": "\\ud800"}', "parsed", id="half of a pair"),
        pytest.param("base64", base64.b64encode(b"\xff\xfe").decode(), "decoded", id="no UTF-8"),
        pytest.param("base64", "no base64", "decoded", id="no base64"),
        pytest.param("t", 1, "length", id="a number for a text"),
        pytest.param("n", "1", "sum", id="a text for a number"),
        pytest.param("n", 2**63 - 1, "nothing", id="the largest number"),
    ],
)
def test_an_item_with_which_a_statement_cannot_work_goes_on_without_it(
    working: Working, back_end: Recorder, attribute: str, value: str | int, absent: str
) -> None:
    (found,) = passed(working, back_end, span(**{attribute: value}))
    assert attribute in found
    assert absent not in found


@pytest.mark.parametrize("wide", ["é" * 10, "€" * 10, "😀" * 10, "a\u0301" * 10, "\ufeff€" * 10])
def test_no_edit_leaves_half_a_character(working: Working, back_end: Recorder, wide: str) -> None:
    """The back end's parser would refuse what is not UTF-8."""
    (found,) = passed(working, back_end, span(wide=wide, t=wide * 20_000))
    assert wide.startswith(found["half"].string_value.rstrip("\ufffd"))
    assert 99_990 < len(found["t"].string_value.encode()) <= 100_001


def test_keys_that_are_empty_or_there_twice_do_no_harm(
    working: Working, back_end: Recorder
) -> None:
    twice = field(9, pair("id", "c")) + field(9, pair("gone", "d")) * 2
    hostile = span(**{"": "?", "id": "b", "nul\0": "\0"}) + twice
    (found,) = passed(working, back_end, hostile)
    assert found[""].string_value == "?"
    assert found["nul\0"].string_value == "\0"
    assert "gone" not in found


OWN_CODE = """
import os, sys, time

kept = []

def process(batch):
    fault = batch.column('span.attributes["t"]').values[0]
    if fault == "raise":
        raise KeyError(fault)
    if fault == "exit":
        sys.exit(fault)
    if fault == "recurse":
        return process(batch)
    if fault == "hang":
        while not os.path.exists("{gate}"):
            time.sleep(0.01)
    if fault == "nonsense":
        return fault
    kept.append((batch, bytearray(100_000)))
    if fault == "more":
        return type(batch).concat([batch, batch])
    if fault == "no UTF-8":
        return batch.set("span.name", "\\ud800")
    return batch
"""


def test_own_code_that_fails_costs_its_batch_and_nothing_else(
    tmp_path: Path, back_end: Recorder
) -> None:
    faults = ["raise", "exit", "recurse", "nonsense", "more", "no UTF-8", "hang"]
    file = tmp_path / "own.py"
    gate = tmp_path / "gate"
    file.write_text(OWN_CODE.replace("{gate}", str(gate)))
    file.chmod(0o644)
    own = {"file": str(file), "timeout": "500ms", "error_mode": "drop"}
    with Working(tmp_path, back_end, {"python": own}) as working:
        before = len(back_end.spans())
        for fault in faults:
            assert working.send(span(t=fault)).status == 200
        assert working.send(span(t="while it hangs")).status == 503
        gate.touch()
        eventually(lambda: working.send(span(t="honest")).status == 200, working.output)
        working.settled()
        assert working.dropped("error") + working.dropped("timeout") == len(faults)
    (honest,) = back_end.spans()[before:]
    assert attributes(honest)["t"].string_value == "honest"
