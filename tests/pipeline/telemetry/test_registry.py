"""The registry of Penstock's own numbers."""

import pytest

from penstock.pipeline.telemetry.registry import MAX_SERIES_PER_FAMILY, Telemetry


def test_a_series_that_is_asked_for_twice_is_the_same() -> None:
    telemetry = Telemetry()
    telemetry.counter("sent", "Sent.", exporter="a", signal="logs").add(2)
    telemetry.counter("sent", "Sent.", signal="logs", exporter="a").add(3)
    assert telemetry.total("sent") == 5


def test_a_total_is_over_the_series_that_have_the_labels() -> None:
    telemetry = Telemetry()
    telemetry.counter("sent", "Sent.", exporter="a", signal="logs").add(2)
    telemetry.counter("sent", "Sent.", exporter="a", signal="traces").add(3)
    telemetry.counter("sent", "Sent.", exporter="b", signal="logs").add(5)
    assert telemetry.total("sent", exporter="a") == 5
    assert telemetry.total("sent", signal="logs") == 7
    assert telemetry.total("sent", exporter="c") == 0
    assert telemetry.total("received") == 0


def test_a_gauge_and_an_observed_counter_are_read_when_asked() -> None:
    telemetry, box = Telemetry(), [1]
    telemetry.gauge("size", "Size.", lambda: box[0])
    telemetry.observe("taken", "Taken.", lambda: 2 * box[0])
    box[0] = 4
    assert (telemetry.total("size"), telemetry.total("taken")) == (4, 8)


def test_a_gauge_of_what_is_gone_is_shown_no_more_unless_something_else_answers_for_it() -> None:
    def old() -> float:
        return 1

    telemetry = Telemetry()
    telemetry.gauge("size", "Size.", old, exporter="a")
    telemetry.gauge("size", "Size.", old, exporter="b")
    telemetry.gauge("size", "Size.", lambda: 5, exporter="b")
    telemetry.forget("size", old)
    assert telemetry.total("size") == telemetry.total("size", exporter="b") == 5


def test_series_beyond_the_limit_are_counted_together() -> None:
    telemetry = Telemetry()
    for number in range(MAX_SERIES_PER_FAMILY + 5):
        telemetry.counter("seen", "Seen.", client=str(number)).add(1)
    assert telemetry.total("seen") == MAX_SERIES_PER_FAMILY + 5
    assert telemetry.total("seen", **{"otel.metric.overflow": "true"}) == 5


def test_a_name_is_of_one_kind() -> None:
    telemetry = Telemetry()
    telemetry.counter("size", "Size.")
    with pytest.raises(ValueError, match="both a counter and a gauge"):
        telemetry.gauge("size", "Size.", lambda: 1)
    with pytest.raises(ValueError, match="both a counter and a histogram"):
        telemetry.histogram("size", "Size.", "By", (1, 2))


def test_who_watches_is_shown_what_there_is_and_what_comes() -> None:
    telemetry, shown = Telemetry(), []
    telemetry.counter("sent", "Sent.", exporter="a")
    telemetry.watch(lambda family: shown.append(family.name))
    telemetry.counter("sent", "Sent.", exporter="b")
    telemetry.gauge("size", "Size.", lambda: 1)
    assert shown == ["sent", "size"]


def test_a_histogram_gives_what_it_is_told_to_everybody_who_shows_it() -> None:
    telemetry, one, other = Telemetry(), [], []
    first = telemetry.histogram("sizes", "Sizes.", "By", (1, 2), exporter="a")
    first.record(1)
    sinks = telemetry.families["sizes"].sinks
    sinks.append(lambda value, labels: one.append((value, labels)))
    sinks.append(lambda value, labels: other.append(value))
    first.record(2)
    telemetry.histogram("sizes", "Sizes.", "By", (1, 2), exporter="b").record(3)
    assert one == [(2, {"exporter": "a"}), (3, {"exporter": "b"})]
    assert other == [2, 3]
    assert telemetry.total("sizes") == 0
