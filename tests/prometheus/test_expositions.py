"""What `prometheus_client` writes, and what its parsers read, the kernel reads as they do."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client.openmetrics import parser
from prometheus_client.parser import text_string_to_metric_families as read_text

from penstock._kernel import MalformedPayload, Samples
from tests.prometheus.expositions import expositions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client import Metric

    Sample = tuple[str, frozenset[tuple[str, str]], str]


read_openmetrics: Any = parser.text_string_to_metric_families  # which has no types


def kernel_samples(body: str, format_: str) -> list[Sample]:
    """Name, labels and value of every sample, as the kernel has them."""
    samples = Samples.parse(body.encode(), format_, max_samples=10_000)
    labels = {name: _column(samples, name) for name in samples.labels()}
    values = _values(samples)
    found = []
    for number in range(len(samples)):
        own = {name: texts[number] for name, texts in labels.items() if texts[number]}
        found.append((own.pop("__name__"), frozenset(own.items()), values[number]))
    return found


def _column(samples: Samples, name: str) -> list[str]:
    codes, values = samples.column(name)
    return [values[code] for code in np.frombuffer(codes, np.uint32)]


def _values(samples: Samples) -> list[str]:
    return [_number(value) for value in np.frombuffer(samples.values(), np.float64).tolist()]


def _number(value: float) -> str:
    """NaN equals itself here."""
    return repr(float(value))


def client_samples(families: Iterable[Metric]) -> list[Sample]:
    """The same, as `prometheus_client` has them."""
    return [
        (
            sample.name,
            frozenset((name, text) for name, text in sample.labels.items() if text),
            _number(sample.value),
        )
        for family in families
        for sample in family.samples
    ]


def test_the_text_format_of_the_client_library() -> None:
    body = expositions()[0].decode()
    assert kernel_samples(body, "text") == client_samples(read_text(body))


def test_the_openmetrics_of_the_client_library() -> None:
    body = expositions()[1].decode()
    assert kernel_samples(body, "openmetrics") == client_samples(read_openmetrics(body))


NAMES = st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,6}", fullmatch=True)
LABELS = st.from_regex(r"[a-zA-Z][a-zA-Z0-9_]{0,4}", fullmatch=True).filter(lambda it: it != "le")
TEXTS = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\x00"),
    max_size=6,
)
NUMBERS = st.floats() | st.integers(-(10**6), 10**6).map(float)


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def go(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return "NaN" if math.isnan(value) else repr(value)


@st.composite
def lines(draw: st.DrawFn, blank: str) -> str:
    """A sample in either text format."""
    labels = draw(st.dictionaries(LABELS, TEXTS, max_size=3))
    inside = ",".join(f'{name}="{escaped(text)}"' for name, text in labels.items())
    braces = f"{{{inside}}}" if labels else draw(st.sampled_from(["", "{}"]))
    gap = draw(st.sampled_from(blank.split("|")))
    return f"{draw(NAMES)}{braces}{gap}{go(draw(NUMBERS))}"


@given(st.lists(lines(" |  |\t"), max_size=4))
def test_samples_in_the_text_format_are_those_that_the_client_reads(found: list[str]) -> None:
    body = "".join(f"{line}\n" for line in found)
    assert kernel_samples(body, "text") == client_samples(read_text(body))


@given(st.lists(lines(" "), max_size=4))
def test_samples_in_openmetrics_are_those_that_the_client_reads(found: list[str]) -> None:
    distinct = {line.partition(" ")[0].partition("{")[0]: line for line in found}
    body = "".join(f"{line}\n" for line in distinct.values()) + "# EOF\n"
    try:
        expected = client_samples(read_openmetrics(body))
    except ValueError:
        return  # it also refuses names that clash with suffixes, which Prometheus does not
    assert kernel_samples(body, "openmetrics") == expected


@given(st.text('ab{}="\\,# \n1.NIe+-', max_size=30))
@example("a 1 1\n")
@example('a{b="c"}1')
@example("# TYPE a counter\na 1")
def test_nonsense_is_refused_or_read_and_never_more_than_that(body: str) -> None:
    for format_ in ("text", "openmetrics"):
        try:
            kernel_samples(body, format_)
        except MalformedPayload as error:
            assert 0 <= error.offset <= len(body.encode())  # noqa: PT017


@given(st.binary(max_size=60))
def test_bytes_are_refused_or_read_as_protobuf(body: bytes) -> None:
    try:
        samples = Samples.parse(body, "protobuf", max_samples=100, native=True, classic=True)
    except MalformedPayload as error:
        assert 0 <= error.offset <= len(body)  # noqa: PT017
    else:
        owners: Any = np.zeros(len(samples), np.uint32)
        parents: Any = [({}, "", "", "", {})]
        samples.to_otlp(owners=owners.data, parents=parents, without=[], now=1, units={})
