"""HTTP/2 as its specification has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults import h2spec

if TYPE_CHECKING:
    from tests.faults.victim import Stand


def test_every_case_of_h2spec_passes_or_is_explained(stand: Stand) -> None:
    program = h2spec.program()
    if program is None:
        pytest.skip("h2spec is not installed: `make soak` builds it")
    with stand.attack() as outcome:
        verdict = h2spec.check(program, stand.victim.ports.grpc)
    assert verdict.failed == {}
    assert verdict.passed + verdict.explained == 146
    assert not outcome.refused
