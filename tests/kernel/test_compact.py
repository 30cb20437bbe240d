"""Batches made compact, against the official protobuf library."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.pipeline import Batch
from tests.kernel.messages import REQUESTS, SIGNALS, payloads
from tests.kernel.test_edit import items

if TYPE_CHECKING:
    from google.protobuf.message import Message


def paths(signal: str, request: Message) -> list[tuple[bytes, ...]]:
    """Every item, with what its parents say of themselves."""

    def own(message: Any) -> bytes:
        copy = type(message)()
        copy.CopyFrom(message)
        below = {"scope_spans", "scope_logs", "scope_metrics", "spans", "log_records", "metrics"}
        for field, _ in copy.ListFields():
            if field.name in below or field.name == "data_points":
                copy.ClearField(field.name)
            elif message.DESCRIPTOR.name == "Metric" and field.containing_oneof:
                getattr(copy, field.name).ClearField("data_points")
        encoded: bytes = copy.SerializeToString(deterministic=True)
        return encoded

    found = items(signal, request)
    return [(*map(own, parents), parents[-1].SerializeToString()) for parents in found]


@pytest.mark.parametrize("signal", SIGNALS)
@given(data=st.data())
def test_every_item_keeps_its_parents(signal: str, data: st.DataObject) -> None:
    parts = data.draw(st.lists(payloads(signal), min_size=1, max_size=3))
    parts += [data.draw(st.sampled_from(parts))]
    batch = Batch.from_otlp(signal, *parts)
    compact = batch.compact()
    before, after = (
        paths(signal, REQUESTS[signal].FromString(each.to_otlp())) for each in (batch, compact)
    )
    assert Counter(before) == Counter(after)
    assert compact.nbytes <= batch.nbytes
