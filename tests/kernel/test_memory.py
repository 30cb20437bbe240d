"""The memory of the process, as far as the kernel holds it."""

from __future__ import annotations

import subprocess
import sys

from penstock._kernel import hold_at_most
from tests.kit import spans
from tests.receivers.clients import post
from tests.receivers.serving import serving

KEPT = """
from penstock._kernel import give_back_freed_memory, keep_freed_memory
from penstock.pipeline import Batch
from penstock.pipeline.memory.limits import MIB, resident
from tests.kit import spans

keep_freed_memory()
payload = spans(2000).to_otlp()
before = resident()
batches = [Batch.from_otlp("traces", payload) for _ in range(64 * MIB // len(payload))]
copies = [batch.to_otlp() for batch in batches]
del batches, copies
kept = resident() - before
give_back_freed_memory()
print(kept // MIB, (resident() - before) // MIB)
"""


def test_freed_memory_is_kept_until_it_is_to_be_given_back() -> None:
    """In a process of its own, for allocators are a matter of the whole process."""
    done = subprocess.run([sys.executable, "-c", KEPT], capture_output=True, text=True, check=True)
    kept, left = map(int, done.stdout.split())
    assert kept > 50
    assert left < 16


def test_a_server_holds_no_more_than_the_process_allows() -> None:
    batch = spans(2000)
    with serving() as server:
        hold_at_most(10_000)
        try:
            answer = post(server.port, "/v1/traces", batch.to_otlp())
        finally:
            hold_at_most(sys.maxsize)
        assert answer.status == 503
        assert "retry-after" in answer.headers
        assert server.counted("overloaded") == 1
        assert post(server.port, "/v1/traces", batch.to_otlp()).status == 200
        server.tell(len(batch))
