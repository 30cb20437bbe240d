"""What a batch knows besides its items."""

from __future__ import annotations

import numpy as np

from penstock.pipeline import Batch, Column
from tests.kit import spans

PEERS = ["10.0.0.1", "10.0.0.1", "10.0.0.2"]


def came() -> Batch:
    return Batch(spans(3).native, peers=Column.of_runs([("10.0.0.1", 2), ("10.0.0.2", 1)]))


def peers(batch: Batch | None) -> list[str] | None:
    assert batch is not None
    return batch.peers.to_list() if batch.peers is not None else None


def test_an_edit_and_a_choice_of_items_leave_their_senders_known() -> None:
    assert peers(came().set("span.name", "other")) == PEERS
    assert peers(came().keep(np.array([False, True, True]))) == PEERS[1:]
    assert peers(came().edit().apply()) == PEERS


def test_what_is_put_together_anew_knows_no_senders() -> None:
    batch = came()
    assert peers(Batch.concat([batch, batch])) is None
    assert peers(batch.compact()) is None
    assert peers(batch.split(max_items=1)[0]) is None
    assert peers(spans(2).keep(np.array([True, False]))) is None
