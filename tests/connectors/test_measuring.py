"""What items come to."""

from __future__ import annotations

import numpy as np

from penstock.connectors._measuring import combined
from penstock.pipeline import Column


def test_each_combination_of_values_has_a_code_however_many_there_could_be() -> None:
    """The product of the numbers of values is far more than 64 bits hold."""
    codes = np.array([0, 1, 0, 999], dtype=np.uint32)
    wide = Column(codes, list(range(1000)))
    last = Column(np.array([0, 0, 1, 0], dtype=np.uint32), ["a", "b"])
    found = combined([*[wide] * 12, last]).tolist()
    assert len(set(found)) == 4
    assert combined([wide, wide]).tolist() == [0, 1001, 0, 999999]
