"""HTTP/2 as its specification has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults import h2spec

if TYPE_CHECKING:
    from tests.faults.victim import Stand


@pytest.mark.parametrize("encrypted", [False, True], ids=["clear", "TLS"])
def test_every_case_of_h2spec_passes_or_is_explained(stand: Stand, encrypted: bool) -> None:
    program = h2spec.program()
    if program is None:
        pytest.skip("h2spec is not installed: `make soak` builds it")
    port = stand.victim.tls_port if encrypted else stand.victim.ports.grpc
    with stand.attack() as outcome:
        verdict = h2spec.check(program, port, *(h2spec.TLS if encrypted else ()))
    assert verdict.failed == {}
    assert verdict.passed + verdict.explained == 146
    assert not outcome.refused
