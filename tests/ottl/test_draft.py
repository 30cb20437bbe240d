"""A draft: what later statements see of what earlier ones wrote, and how often that is written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.ottl.columns import constant
from penstock.ottl.draft import Draft, Place
from penstock.pipeline import Column, Signal
from tests.kit import spans
from tests.ottl.running import after, attributes, of_json, with_attributes

A = Place('span.attributes["a"]', 'span.attributes["a"]', shared=False)
INSIDE = Place('span.attributes["a"]["b"]', 'span.attributes["a"]["b"]', shared=False)
WHOLE = Place("span.attributes", "span.attributes", shared=False)
OTHER = Place('span.attributes["ab"]', 'span.attributes["ab"]', shared=False)
RESOURCE = Place('resource.attributes["a"]', 'resource.attributes["a"]', shared=True)


def test_a_place_meets_what_it_lies_in_and_what_lies_in_it() -> None:
    assert A.meets(A)
    assert A.meets(INSIDE)
    assert A.meets(WHOLE)
    assert WHOLE.meets(INSIDE)
    assert not A.meets(OTHER)
    assert not A.meets(RESOURCE)


def test_a_draft_without_edits_is_its_batch() -> None:
    batch = spans(2)
    draft = Draft(batch)
    draft.column(A)
    assert draft.batch is batch


def test_what_was_written_is_read_before_it_is_in_the_batch() -> None:
    draft = Draft(spans(3))
    first = np.array([True, False, False])
    draft.set(A, constant(1, 3), None)
    draft.set(A, constant(2, 3), first)
    draft.set(OTHER, constant("x", 3), first)
    assert draft.column(A).to_list() == [2, 1, 1]
    assert draft.column(OTHER).to_list() == ["x", None, None]
    assert draft._edits is not None, "nothing had to be written for that"
    assert draft.batch.column(A.path).to_list() == [2, 1, 1]


operations = st.sampled_from(
    [
        'set(span.attributes["a"], "A") where span.attributes["n"] == 1',
        'set(span.attributes["a"]["b"], span.attributes["n"])',
        'set(span.attributes["m"], {"a": 1, "k": span.name})',
        'set(span.attributes["m"]["k"], "k") where span.attributes["a"] != nil',
        'delete_key(span.attributes, "a") where span.attributes["n"] < 2',
        'keep_keys(span.attributes, ["n", "m"])',
        'set(span.attributes, {"n": span.attributes["n"], "a": span.attributes["m"]["k"]})',
        'replace_pattern(span.attributes["a"], "A", "B")',
        'set(span.name, "new") where span.attributes["a"] == "A"',
        'set(resource.attributes["n"], span.attributes["n"])',
        'set(span.attributes["a"], resource.attributes["n"])',
        "set(span.start_time_unix_nano, span.start_time_unix_nano + 1)",
        'set(span.attributes["t"], span.start_time_unix_nano)',
        "set(span.status.code, STATUS_CODE_ERROR)",
        'set(span.attributes["s"], span.status)',
        'set(span.events, []) where span.attributes["n"] == 0',
        'set(spanevent.attributes["of"], span.attributes["a"])',
        'set(span.attributes["a"], spanevent.name)',
    ]
)


@given(st.lists(operations, max_size=6))
def test_statements_leave_the_same_whether_written_together_or_one_by_one(
    statements: list[str],
) -> None:
    """Each in a draft of its own reads everything from the batch."""
    batch = of_json(
        Signal.TRACES,
        *(
            {
                "name": f"span {number}",
                "attributes": [{"key": "n", "value": {"intValue": number}}],
                "events": [{"name": f"event {place}"} for place in range(number)],
            }
            for number in range(3)
        ),
    )
    apart = batch
    for statement in statements:
        apart = after(apart, statement, mode="silent")
    together = after(batch, *statements, mode="silent")
    assert together.rows() == apart.rows()


def test_of_what_items_share_the_last_value_counts_and_later_statements_see_it() -> None:
    left = after(
        spans(2),
        'set(resource.attributes["last"], span.name)',
        'set(span.attributes["seen"], resource.attributes["last"])',
    )
    assert attributes(left) == [{"seen": "span 1"}, {"seen": "span 1"}]


@pytest.mark.parametrize("value", [None, 1, "x"])
def test_a_column_of_values_is_written_where_the_mask_is_true(value: Any) -> None:
    draft = Draft(with_attributes({"a": 0}, {"a": 0}))
    draft.set(A, Column(np.array([0, 1], dtype=np.uint32), [value, 5]), np.array([True, False]))
    assert draft.batch.column(A.path).to_list() == [value, 0]
