"""Whatever a payload holds, bodies of the bulk API are lines of JSON, two for each document."""

from __future__ import annotations

from functools import partial
from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock._kernel import Batch, bulk_bodies
from tests.exporters.bulk_server import pairs
from tests.kernel.messages import SIGNALS, payloads

MODES = ["otel", "ecs", "none", "raw", "bodymap"]


@pytest.mark.parametrize("signal", SIGNALS)
@given(data=st.data(), mode=st.sampled_from(MODES), size=st.sampled_from([1, 1000, 1_000_000]))
def test_every_item_has_documents_or_is_named(
    signal: str, data: st.DataObject, mode: str, size: int
) -> None:
    batch = Batch.from_otlp(signal, data.draw(payloads(signal)))
    stream = data.draw(st.sampled_from([None, ("logs", "a", "b")]))
    items = np.zeros(len(batch), dtype=np.uint32)
    events = np.zeros(len(batch.owners()) // 4, dtype=np.uint32)
    write = partial(
        bulk_bodies,
        batch,
        [(mode, b'{"create":{"_index":"i"', stream)],
        items.data,
        events.data,
        ids=data.draw(st.booleans()),
        pipelines=False,
        templates=data.draw(st.booleans()),
        max_bytes=size,
        max_documents=3,
        max_total=data.draw(st.sampled_from([1, 1000, 1_000_000])),
        level=data.draw(st.sampled_from([None, 1])),
    )
    bodies, unwritten, place = write((0, 0))
    while place is not None:
        more, others, place = write(place)
        bodies, unwritten = bodies + more, unwritten + others
    for body, documents, *codes in bodies:
        of, places = (np.frombuffer(code, dtype=np.uint32) for code in codes)
        found = pairs(body)
        assert len(found) == documents <= 3
        assert {"create"} == {*chain.from_iterable(action for action, _ in found)}
        assert len(of) == len(places)
        assert set(places) == set(range(documents))
    named = [np.frombuffer(codes[0], dtype=np.uint32) for _, _, *codes in bodies]
    without = np.frombuffer(unwritten, dtype=np.uint32)
    assert set(np.concatenate([*named, without])) == set(range(len(batch)))
    assert not set(np.concatenate([*named, without[:0]])) & set(without)
