"""What is remembered of targets and metrics, and how much."""

from __future__ import annotations

from penstock._kernel import WriteRequest
from penstock.receivers._senses import Memo, Senses
from tests.prometheus.write_requests import TIME, V2, compressed


def request(*series: dict[str, str]) -> WriteRequest:
    """A request with a sample of each of these series."""
    pairs = [pair for labels in series for pair in labels.items()]
    texts = ["", *dict.fromkeys(text for pair in pairs for text in pair)]
    made = V2(symbols=texts)
    for labels in series:
        one = made.timeseries.add()
        one.samples.add(value=1, timestamp=TIME)
        for pair in labels.items():
            one.labels_refs.extend(map(texts.index, pair))
    read = WriteRequest.read(2, compressed(made.SerializeToString()), 1 << 20, 1 << 20)
    assert read is not None
    return read


def test_what_was_not_asked_for_longest_is_forgotten() -> None:
    memo: Memo[str, int] = Memo(limit=3 * 300)
    for number, key in enumerate("abc"):
        memo.put(key, number, 10)
    assert memo.get("a") == 0
    memo.put("d", 3, 10)
    assert [memo.get(key) for key in "abcd"] == [0, None, 2, 3]


def test_a_value_that_is_put_again_takes_the_room_of_the_one_before() -> None:
    memo: Memo[str, int] = Memo(limit=700)
    memo.put("a", 1, 10)
    for number in range(100):
        memo.put("b", number, 10)
    assert (memo.get("a"), memo.get("b"), len(memo)) == (1, 99, 2)


def test_one_value_over_the_limit_leaves_nothing() -> None:
    memo: Memo[str, int] = Memo(limit=100)
    memo.put("a", 1, 1000)
    assert memo.get("a") is None


def test_a_job_without_a_namespace_is_the_name_of_the_service() -> None:
    senses = Senses()
    (resources, _) = senses.of(
        request(
            {"__name__": "up", "job": "cart"},
            {"__name__": "up", "job": "a/b/c"},
            {"__name__": "up"},
        )
    )
    assert resources == [[("service.name", "cart")], [("service.name", "a/b/c")], []]


def test_targets_are_told_apart_by_both_labels() -> None:
    senses = Senses()
    senses.of(request({"__name__": "target_info", "job": "a", "instance": "1", "host": "h"}))
    later = ({"__name__": "up", "job": "a", "instance": at} for at in ("1", "2"))
    (resources, _) = senses.of(request(*later))
    assert [dict(attributes).get("host") for attributes in resources] == ["h", None]
