from __future__ import annotations

import pytest

from penstock.config.document import Document, Mapping, Node, plain
from penstock.config.parse import MAX_DEPTH, MAX_NODES, UnreadableError, parse
from penstock.config.problems import Place
from penstock.config.sources import MAX_BYTES, Source

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


def node(text: str) -> Node:
    found, faults = parse(Source("f", text))
    assert faults == []
    return found


def complaint(text: str) -> str:
    with pytest.raises(UnreadableError) as raised:
        parse(Source("f", text))
    return raised.value.faults[-1].message


def test_document_is_the_text_in_plain_types() -> None:
    items = [1, "1", {"b": "yes"}]

    assert plain(node(TEXT)) == {
        "a": items,
        "c": items,
        "d": None,
        "e": "text\n",
        "8080": True,
    }


def test_alias_gives_containers_of_its_own() -> None:
    document = plain(node(TEXT))

    assert document["a"] is not document["c"]


def test_places_are_those_of_values_and_of_the_keys_of_what_has_no_text() -> None:
    root = node(TEXT)
    assert isinstance(root, Mapping)
    document = Document(root, ("f",))

    assert document.place(("a", 1)) == Place(3, 5, "f")
    assert document.place(("a", 2, "b")) == Place(4, 9, "f")
    assert document.place(("a", 2, "b"), key=True) == Place(4, 6, "f")
    assert document.place(("a",)) == Place(1, 1, "f")
    assert document.place(("d",)) == Place(6, 1, "f")
    assert document.place(("d", "missing", "below")) == Place(6, 1, "f")
    assert document.place(("c", 0)) == Place(2, 5, "f")


def test_nesting_up_to_the_limit_is_read() -> None:
    node(f"a: {'[' * (MAX_DEPTH - 1)}1{']' * (MAX_DEPTH - 1)}")
    assert complaint(f"a: {'[' * MAX_DEPTH}1{']' * MAX_DEPTH}") == "nested more than 64 levels deep"


def test_aliases_nest_as_deep_as_what_they_stand_for() -> None:
    deep = f"a: &a {'[' * 40}1{']' * 40}\n"

    node(deep + f"b: {'[' * 23}*a{']' * 23}")
    assert complaint(deep + f"b: {'[' * 24}*a{']' * 24}") == "nested more than 64 levels deep"
    nested = f"b: &b {'[' * 20}*a{']' * 20}\nc: {'[' * 5}*b{']' * 5}"
    assert complaint(deep + nested) == "nested more than 64 levels deep"


def test_aliases_count_as_often_as_they_are_used() -> None:
    # 1 mapping, 2 lists, and 49 aliases of 1,000 values each: one more would be over the limit.
    text = f"a: &a [{'1,' * 999}]\nb: [{'*a,' * 48}]"

    node(text)
    assert f"over {MAX_NODES:,} values" in complaint(text.replace("b: [", "b: [*a, *a, "))


@pytest.mark.parametrize("unit", ["[", "{a: ", "- ", "? "])
def test_hostile_text_is_refused_without_reading_it_all(unit: str) -> None:
    assert complaint(unit * 50_000)


def test_text_over_the_limit_is_refused() -> None:
    assert "over 4 MiB" in complaint("#" * (MAX_BYTES + 1))


def test_bytes_that_are_no_text_are_refused() -> None:
    assert complaint("a: \udcff") == "not UTF-8 text: surrogates not allowed after 3 characters"


def test_text_is_read_as_the_collector_reads_it() -> None:
    assert plain(node('{a: "\\/\\u00e9", "b":1, c: [x y, http://z]}')) == {
        "a": "/é",
        "b": 1,
        "c": ["x y", "http://z"],
    }
