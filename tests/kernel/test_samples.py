"""What targets expose, read by the kernel."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest

from penstock._kernel import MalformedPayload, Samples
from penstock.pipeline import Batch

NOW = 1_700_000_000_000_000_000


def read(body: str | bytes, format_: str = "text", **options: Any) -> Samples:
    data = body.encode() if isinstance(body, str) else body
    return Samples.parse(data, format_, **({"max_samples": 1000} | options))


def rows(samples: Samples) -> list[dict[str, Any]]:
    """The data points, each with its metric."""
    owners = np.zeros(len(samples), dtype=np.uint32)
    parents: Any = [({"service.name": "shop"}, "scope", "1", "", {})]
    batch, _ = samples.to_otlp(
        owners=owners.data, parents=parents, without=["job"], now=NOW, units={"seconds": "s"}
    )
    return Batch(batch).rows() if batch else []


def about(row: dict[str, Any]) -> tuple[str, int | None, bool | None]:
    """The type of a point's metric, its temporality, and whether it is monotonic."""
    metric = row["metric"]
    return metric["type"], metric.get("aggregation_temporality"), metric.get("is_monotonic")


def dropped(samples: Samples) -> dict[str, int]:
    owners = np.zeros(len(samples), dtype=np.uint32)
    return samples.to_otlp(
        owners=owners.data, parents=[({}, "", "", "", {})], without=[], now=NOW, units={}
    )[1]


def values(body: str, format_: str = "text") -> dict[str, Any]:
    return {row["metric"]["name"]: row.get("as_double") for row in rows(read(body, format_))}


def labels(samples: Samples) -> list[dict[str, str]]:
    """Every sample's labels."""
    columns = {name: samples.column(name) for name in samples.labels()}
    found = []
    for sample in range(len(samples)):
        texts = {
            name: values[np.frombuffer(codes, np.uint32)[sample]]
            for name, (codes, values) in columns.items()
        }
        found.append({name: text for name, text in texts.items() if text})
    return found


def test_a_counter_is_a_cumulative_sum_under_its_own_name() -> None:
    (row,) = rows(read('# HELP hits_total Hits.\n# TYPE hits_total counter\nhits_total{a="b"} 3\n'))
    assert row["metric"]["name"] == "hits_total"
    assert row["metric"]["description"] == "Hits."
    assert row["metric"]["metadata"] == {"prometheus.type": "counter"}
    assert about(row) == ("sum", 2, True)
    assert (row["as_double"], row["time_unix_nano"]) == (3.0, NOW)
    assert row["attributes"] == {"a": "b"}


def test_a_histogram_counts_between_bounds() -> None:
    body = """# TYPE h histogram
h_bucket{le="0.5",a="b"} 1
h_bucket{le="+Inf",a="b"} 6
h_bucket{le="1",a="b"} 4
h_sum{a="b"} 7.5
h_count{a="b"} 6
"""
    (row,) = rows(read(body))
    assert row["metric"]["name"] == "h"
    assert (row["bucket_counts"], row["explicit_bounds"]) == ([1, 3, 2], [0.5, 1.0])
    assert (row["count"], row["sum"], row["attributes"]) == (6, 7.5, {"a": "b"})


def test_a_summary_keeps_its_quantiles() -> None:
    body = '# TYPE s summary\ns{quantile="0.9"} 2\ns{quantile="0.5"} 1\ns_sum 3\ns_count 2\n'
    (row,) = rows(read(body))
    assert row["quantile_values"] == [
        {"quantile": 0.5, "value": 1.0},
        {"quantile": 0.9, "value": 2.0},
    ]
    assert (row["count"], row["sum"]) == (2, 3.0)


@pytest.mark.parametrize("kind", ["gauge", "untyped"])
def test_what_is_no_counter_is_a_gauge(kind: str) -> None:
    (row,) = rows(read(f"# TYPE x {kind}\nx 1\n"))
    assert about(row) == ("gauge", None, None)


def test_without_a_type_a_suffix_means_nothing() -> None:
    assert values("x_count 1\nx_bucket 2\nx_total 3\n") == {
        "x_count": 1.0,
        "x_bucket": 2.0,
        "x_total": 3.0,
    }


def test_openmetrics_tells_starts_units_and_exemplars() -> None:
    trace, span = "0102030405060708090a0b0c0d0e0f10", "0102030405060708"
    body = f"""# TYPE wait_seconds counter
# UNIT wait_seconds seconds
wait_seconds_total 3 1700000001.5 # {{trace_id="{trace}",span_id="{span}",x="y"}} 2.5 1.7e9
wait_seconds_created 1600000000.25
# EOF
"""
    (row,) = rows(read(body, "openmetrics"))
    assert row["metric"]["unit"] == "s"
    assert row["time_unix_nano"] == 1_700_000_001_500_000_000
    assert row["start_time_unix_nano"] == 1_600_000_000_250_000_000
    (exemplar,) = row["exemplars"]
    assert (exemplar["trace_id"], exemplar["span_id"]) == (trace, span)
    assert exemplar["filtered_attributes"] == {"x": "y"}
    assert (exemplar["as_double"], exemplar["time_unix_nano"]) == (2.5, NOW)


@pytest.mark.parametrize("id_", ["", "0" * 32, "01", "z" * 32])
def test_what_is_no_id_of_a_trace_stays_an_attribute(id_: str) -> None:
    body = f'# TYPE a counter\na_total 1 # {{trace_id="{id_}"}} 1\n# EOF\n'
    (row,) = rows(read(body, "openmetrics"))
    (exemplar,) = row["exemplars"]
    assert exemplar["filtered_attributes"] == {"trace_id": id_}


def test_info_and_state_sets_are_sums_that_may_fall() -> None:
    body = '# TYPE i info\ni_info{v="1"} 1\n# TYPE s stateset\ns{s="a"} 1\n# EOF\n'
    found = rows(read(body, "openmetrics"))
    assert [row["metric"]["name"] for row in found] == ["i", "s"]
    assert [about(row) for row in found] == [("sum", 2, None)] * 2


def test_gauge_histograms_are_gauges_sample_by_sample() -> None:
    body = '# TYPE g gaugehistogram\ng_bucket{le="+Inf"} 1\ng_gcount 1\ng_gsum 2\n# EOF\n'
    found = rows(read(body, "openmetrics"))
    assert [row["metric"]["name"] for row in found] == ["g_bucket", "g_gcount", "g_gsum"]
    assert [about(row) for row in found] == [("gauge", None, None)] * 3
    assert found[0]["attributes"] == {"le": "+Inf"}


def test_names_in_quotes_may_have_any_letters() -> None:
    (row,) = rows(read('{"größe.der\\"platte",  "mein label"="a\\nb\\\\c\\d"} 1 \n'))
    assert row["metric"]["name"] == 'größe.der"platte'
    assert row["attributes"] == {"mein label": "a\nb\\c\\d"}


def test_the_text_format_is_generous_with_blanks() -> None:
    body = '\n\t# a comment\n#\n  x\t{ a = "b" , c="d", }   1   5\t\n# HELP\n#TYPE x gauge\ny 2'
    found = rows(read(body))
    assert [row["as_double"] for row in found] == [1.0, 2.0]
    assert found[0]["time_unix_nano"] == 5_000_000


@pytest.mark.parametrize(
    ("text", "value"),
    [("+Inf", "inf"), ("-Inf", "-inf"), ("1e-3", "0.001"), (".5", "0.5"), ("NaN", "nan")],
)
def test_numbers_are_those_of_go(text: str, value: str) -> None:
    assert str(values(f"x {text}\n")["x"]) == value


BAD = {
    "x": 'line 1: expected a value: ""',
    "ok 1\nx 1 2 3\n": 'line 2: expected the end of the line: "3"',
    "x one": 'line 1: expected a value: "one"',
    "x 1 late": 'line 1: expected a time after the value: "late"',
    "x 1 -5": "line 1: expected a time after the value",
    "x 1 99999999999999999": "line 1: expected a time after the value",
    "x{": "line 1: expected a label's name",
    'x{"": "b"} 1': "line 1: expected a label's name",
    'x{a="b} 1': "line 1: a text in quotes has no end",
    'x{a="b\\': "line 1: a text in quotes has no end",
    "x{a=b} 1": "line 1: expected a value in quotes",
    'x{a "b"} 1': "line 1: expected =",
    'x{a="b" c="d"} 1': "line 1: expected , or }",
    'x{a="b",a="c"} 1': "line 1: a sample has a label twice",
    'x{"y"} 1': "line 1: a sample has two names",
    '{a="b"} 1': "line 1: a sample has no name",
    '"x" 1': "line 1: expected a metric's name",
    "1x 1": "line 1: expected a metric's name",
    "# TYPE x thing\n": 'line 1: expected the type of a metric: "thing"',
    "# TYPE 1 gauge\n": "line 1: expected a metric's name",
}


@pytest.mark.parametrize(("body", "fault"), BAD.items(), ids=repr)
def test_a_line_that_cannot_be_read_is_named(body: str, fault: str) -> None:
    with pytest.raises(MalformedPayload) as raised:
        read(body)
    assert str(raised.value).startswith(fault)


STRICT = {
    "x 1\n": "it does not end with # EOF",
    "x 1\n# EOF\nx 2\n": "there is something after # EOF",
    "\n# EOF\n": "expected a metric's name",
    " x 1\n# EOF\n": "expected a metric's name",
    "x  1\n# EOF\n": "expected a value",
    "# comment\n# EOF\n": "expected HELP, TYPE, UNIT or EOF",
    "# UNIT x seconds\n# EOF\n": "the metric's name does not end with this unit",
    "x 1 # y\n# EOF\n": "expected the labels of an exemplar",
    "x 1 nan\n# EOF\n": "expected a time after the value",
    "x 1 1e300\n# EOF\n": "expected a time after the value",
}


@pytest.mark.parametrize(("body", "fault"), STRICT.items(), ids=repr)
def test_openmetrics_is_strict(body: str, fault: str) -> None:
    with pytest.raises(MalformedPayload, match=fault):
        read(body, "openmetrics")


@pytest.mark.parametrize("where", [b"x%s 1", b'x{a="%s"} 1', b"# HELP x %s\n"])
def test_texts_that_are_no_utf8_are_refused(where: bytes) -> None:
    with pytest.raises(MalformedPayload):
        read(where % b"\xff")


def test_an_exposition_has_at_most_so_many_samples() -> None:
    with pytest.raises(MalformedPayload, match="line 3: there are more samples than are allowed"):
        read("a 1\nb 1\nc 1\n", max_samples=2)


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="no format"):
        read("", "json")


def test_labels_of_targets_win_and_what_they_cover_is_moved() -> None:
    samples = read('x{job="own",instance="",exported_job="old"} 1\n')
    samples.attach([("job", "shop"), ("instance", "a:1")], honor=False)
    (found,) = labels(samples)
    assert found == {
        "__name__": "x",
        "job": "shop",
        "instance": "a:1",
        "exported_job": "old",
        "exported_exported_job": "own",
    }


def test_labels_of_samples_win_where_they_are_honored_even_if_they_are_empty() -> None:
    samples = read('x{job="own",instance=""} 1\n')
    samples.attach([("job", "shop"), ("instance", "a:1"), ("env", "prod")], honor=True)
    assert labels(samples) == [{"__name__": "x", "job": "own", "env": "prod"}]


def test_samples_can_be_relabelled_and_left_out_with_what_belongs_to_them() -> None:
    body = """# TYPE a counter
a_total{x="1"} 1 # {n="1"} 1
a_total{x="2"} 2 # {n="2"} 1
a_total{x="3"} 3 # {n="3"} 1
# EOF
"""
    samples = read(body, "openmetrics")
    samples.set("x", np.array([0, 1, 0], dtype=np.uint32).data, ["new", ""])
    samples.keep(np.array([0, 1, 1], dtype=np.uint8).data)
    found = rows(samples)
    assert [row.get("attributes") for row in found] == [None, {"x": "new"}]
    assert [row["exemplars"][0]["filtered_attributes"]["n"] for row in found] == ["2", "3"]


def test_the_first_of_several_samples_of_one_series_counts() -> None:
    samples = read("x 1\nx 2\nx 3 7\n")
    assert [row["as_double"] for row in rows(samples)] == [1.0, 3.0]
    assert dropped(samples)["duplicate"] == 1


@pytest.mark.parametrize(
    "body",
    [
        'h_bucket{le="1"} 5\nh_bucket{le="2"} 3\nh_count 5\n',
        'h_bucket{le="1"} 5\nh_count 3\n',
        'h_bucket{le="1"} NaN\nh_count 3\n',
        "h_count -1\n",
        "h_sum 1\n",
    ],
)
def test_histograms_that_contradict_themselves_are_left_out(body: str) -> None:
    samples = read("# TYPE h histogram\n" + body)
    assert rows(samples) == []
    assert dropped(samples)["inconsistent"] == 1


@pytest.mark.parametrize(
    "line", ["h 1", "h_bucket 1", 'h_bucket{le="x"} 1', 'h_bucket{le="NaN"} 1']
)
def test_samples_that_do_not_fit_their_type_are_left_out(line: str) -> None:
    samples = read(f"# TYPE h histogram\nh_count 1\n{line}\n")
    assert [row["count"] for row in rows(samples)] == [1]
    assert dropped(samples)["misplaced"] == 1


def test_a_histogram_without_a_count_has_that_of_its_last_bucket() -> None:
    (row,) = rows(read('# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 3\n'))
    assert (row["count"], row["bucket_counts"]) == (3, [1, 2])


def test_extremes_are_found() -> None:
    samples = read('x{abc="1"} 1\ny{a="12345678901",b="2"} 1\n')
    assert samples.extremes() == (3, len("__name__"), 11)


def test_stale_points_have_no_value() -> None:
    body = """# TYPE h histogram
h_bucket{le="1"} 1
h_count 1
h_sum 1
# TYPE c counter
c{a="b"} 5
# TYPE s summary
s{quantile="1"} 1
s_count 2
"""
    owners = np.zeros(6, dtype=np.uint32)
    native, _ = read(body).to_otlp(
        owners=owners.data, parents=[({}, "", "", "", {})], without=[], now=NOW, units={}
    )
    assert native is not None
    batch = Batch(native)
    stale = batch.stale(5)
    for row in stale.rows():
        assert (row["flags"], row["time_unix_nano"]) == (1, 5)
        held = {"as_double", "count", "sum", "bucket_counts", "explicit_bounds", "quantile_values"}
        assert held & row.keys() == set()
    assert (stale.series_ids() == batch.series_ids()).all()


def pb(number: int, data: bytes | float, *, varint: bool = False) -> bytes:
    """A field of protobuf."""
    if isinstance(data, bytes):
        return bytes([number << 3 | 2]) + vari(len(data)) + data
    if varint:
        return vari(number << 3) + vari(int(data))
    return vari(number << 3 | 1) + struct.pack("<d", data)


def vari(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def zigzag(value: int) -> int:
    return value << 1 if value >= 0 else -value * 2 - 1


def family(name: str, kind: int, *metrics: bytes) -> bytes:
    body = pb(1, name.encode()) + pb(2, b"Help.") + pb(3, kind, varint=True)
    body += b"".join(pb(4, metric) for metric in metrics)
    return vari(len(body)) + body


LABEL = pb(1, pb(1, b"a") + pb(2, b"b"))
START = pb(1, 1_600_000_000, varint=True) + pb(2, 5, varint=True)


def test_protobuf_counters_and_gauges() -> None:
    exemplar = pb(1, pb(1, b"n") + pb(2, b"1")) + pb(2, 2.5)
    counter = LABEL + pb(3, pb(1, 3.0) + pb(2, exemplar) + pb(3, START))
    gauge = LABEL + pb(2, pb(1, 4.0)) + pb(6, 5000, varint=True)
    first, second = rows(read(family("c_total", 0, counter) + family("g", 1, gauge), "protobuf"))
    assert about(first) == ("sum", 2, True)
    assert (first["as_double"], first["start_time_unix_nano"]) == (3.0, 1_600_000_000_000_000_005)
    assert first["exemplars"][0]["filtered_attributes"] == {"n": "1"}
    assert (second["as_double"], second["time_unix_nano"]) == (4.0, 5_000_000_000)
    assert second["attributes"] == {"a": "b"}


def test_protobuf_classic_histograms_and_summaries() -> None:
    buckets = b"".join(
        pb(3, pb(1, count, varint=True) + pb(2, bound)) for count, bound in ((1, 0.5), (3, 1.0))
    )
    histogram = pb(7, pb(1, 4, varint=True) + pb(2, 2.5) + buckets + pb(15, START))
    summary = pb(4, pb(1, 2, varint=True) + pb(2, 3.0) + pb(3, pb(1, 0.5) + pb(2, 9.0)))
    first, second = rows(read(family("h", 4, histogram) + family("s", 2, summary), "protobuf"))
    assert (first["bucket_counts"], first["explicit_bounds"]) == ([1, 2, 1], [0.5, 1.0])
    assert first["start_time_unix_nano"] == 1_600_000_000_000_000_005
    assert second["quantile_values"] == [{"quantile": 0.5, "value": 9.0}]


def span(offset: int, length: int) -> bytes:
    return pb(1, zigzag(offset), varint=True) + pb(2, length, varint=True)


def native(*sides: bytes, schema: int = 3) -> bytes:
    head = pb(1, 6, varint=True) + pb(2, 2.5) + pb(5, zigzag(schema), varint=True)
    return pb(7, head + pb(6, 1e-9) + pb(7, 1, varint=True) + b"".join(sides))


POSITIVE = (
    pb(12, span(-1, 2)) + pb(12, span(2, 1)) + pb(13, b"".join(vari(zigzag(d)) for d in (1, 1, 0)))
)


def test_native_histograms_are_exponential() -> None:
    body = family("h", 4, LABEL + native(POSITIVE))
    (row,) = rows(read(body, "protobuf", native=True, classic=False))
    assert about(row) == ("exponential_histogram", 2, None)
    assert (row["count"], row["sum"], row["scale"], row["zero_count"]) == (6, 2.5, 3, 1)
    assert row["positive"] == {"offset": -2, "bucket_counts": [1, 2, 0, 0, 2]}
    assert row["attributes"] == {"a": "b"}


def test_deltas_need_not_be_packed() -> None:
    deltas = b"".join(pb(13, zigzag(d), varint=True) for d in (1, 1, 0))
    sides = pb(12, span(-1, 2)) + pb(12, span(2, 1)) + deltas
    (row,) = rows(read(family("h", 4, native(sides)), "protobuf", native=True, classic=False))
    assert row["positive"]["bucket_counts"] == [1, 2, 0, 0, 2]


def test_without_being_asked_for_native_histograms_are_classic() -> None:
    (row,) = rows(read(family("h", 4, native(POSITIVE)), "protobuf"))
    assert (row["count"], row["bucket_counts"]) == (6, [6])


@pytest.mark.parametrize(
    "hostile",
    [
        pb(12, span(0, 2**31)),
        pb(12, span(0, 1)) + pb(12, span(2**31 - 1, 1)) + pb(13, b"\x02\x02"),
        pb(12, span(0, 1)) + pb(12, span(-5, 1)) + pb(13, b"\x02\x02"),
        pb(12, span(0, 3)) + pb(13, b"\x02"),
        pb(12, span(0, 1)) + pb(13, b"\x01"),
        pb(12, span(-(2**31), 1)) + pb(13, b"\x02"),
    ],
)
def test_native_histograms_that_make_no_sense_cost_nothing(hostile: bytes) -> None:
    samples = read(family("h", 4, native(hostile)), "protobuf", native=True, classic=False)
    assert rows(samples) == []
    assert dropped(samples)["inconsistent"] == 1


def test_a_schema_that_otlp_has_not_is_left_out() -> None:
    body = family("h", 4, native(POSITIVE, schema=9))
    samples = read(body, "protobuf", native=True, classic=False)
    assert dropped(samples)["inconsistent"] == 1


@pytest.mark.parametrize(
    "body",
    [
        b"\x05",
        b"\xff",
        family("", 1),
        family("x", 1, pb(2, pb(1, 1.0)))[:-1],
        family("x", 1, pb(1, pb(2, b"b")) + pb(2, pb(1, 1.0))),
        family("x", 1, pb(1, pb(1, b"\xff"))),
        family("x", 1, pb(1, 5, varint=True)),
        family("x", 1, b"\x0b"),
        family("x", 1, pb(2, pb(1, 1.0)) + pb(6, 2**63 - 1, varint=True)),
    ],
)
def test_malformed_protobuf_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedPayload):
        read(body, "protobuf")


def test_a_target_cannot_say_that_a_series_is_stale() -> None:
    marker = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
    (row,) = rows(read(family("x", 1, pb(2, pb(1, marker))), "protobuf"))
    assert struct.pack("<d", row["as_double"]) == struct.pack("<Q", 0x7FF8000000000000)


@pytest.mark.parametrize("body", ["a" * 500_000 + "{", "{" * 500_000, "x{" + 'a="b",' * 90_000])
def test_long_nonsense_is_refused_at_once(body: str) -> None:
    with pytest.raises(MalformedPayload):
        read(body)
