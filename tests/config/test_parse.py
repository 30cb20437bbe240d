from __future__ import annotations

import pytest

from penstock.config.document import plain
from penstock.config.parse import MAX_BYTES, MAX_DEPTH, MAX_NODES, parse
from penstock.config.problems import Place
from penstock.pipeline.errors import ConfigError

TEXT = """\
a: &list
  - 1
  - "1"
  - {b: yes}
c: *list
d:
e: |
  text
8080: true
"""


def test_document_is_the_text_in_plain_types() -> None:
    items = [1, "1", {"b": "yes"}]

    assert plain(parse(TEXT, "f", {}).root) == {
        "a": items,
        "c": items,
        "d": None,
        "e": "text\n",
        "8080": True,
    }


def test_alias_gives_containers_of_its_own() -> None:
    document = plain(parse(TEXT, "f", {}).root)

    assert document["a"] is not document["c"]


def test_places_are_those_of_values_and_of_the_keys_of_what_has_no_text() -> None:
    document = parse(TEXT, "f", {})

    assert document.place(("a", 1)) == Place(3, 5)
    assert document.place(("a", 2, "b")) == Place(4, 9)
    assert document.place(("a", 2, "b"), key=True) == Place(4, 6)
    assert document.place(("a",)) == Place(1, 1)
    assert document.place(("d",)) == Place(6, 1)
    assert document.place(("d", "missing", "below")) == Place(6, 1)
    assert document.place(("c", 0)) == Place(2, 5)


def test_nesting_up_to_the_limit_is_read() -> None:
    parse(f"a: {'[' * (MAX_DEPTH - 1)}1{']' * (MAX_DEPTH - 1)}", "f", {})
    with pytest.raises(ConfigError, match="nested more than 64 levels deep"):
        parse(f"a: {'[' * MAX_DEPTH}1{']' * MAX_DEPTH}", "f", {})


def test_aliases_count_as_often_as_they_are_used() -> None:
    # 1 mapping, 2 lists, and 99 aliases of 1,000 values each: one more would be over the limit.
    text = f"a: &a [{'1,' * 999}]\nb: [{'*a,' * 98}]"

    parse(text, "f", {})
    with pytest.raises(ConfigError, match=f"over {MAX_NODES:,} values"):
        parse(text.replace("b: [", "b: [*a, *a, "), "f", {})


@pytest.mark.parametrize("unit", ["[", "{a: ", "- ", "? "])
def test_hostile_text_is_refused_without_reading_it_all(unit: str) -> None:
    with pytest.raises(ConfigError):
        parse(unit * 50_000, "f", {})


def test_text_over_the_limit_is_refused() -> None:
    with pytest.raises(ConfigError, match="over 4 MiB"):
        parse("#" * (MAX_BYTES + 1), "f", {})
