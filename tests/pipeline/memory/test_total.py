"""How much memory there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import pytest

from penstock.pipeline.memory.total import total_memory

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1024 * 1024


def system(root: Path, groups: str, **limits: int | str) -> Path:
    """A `proc` and `sys` that say which groups this process is in, and what is in files there."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(groups)
    for name, limit in limits.items():
        file = root / "sys/fs/cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{limit}\n")
    return root


def test_without_a_limit_it_is_the_machines(tmp_path: Path) -> None:
    machine = psutil.virtual_memory().total
    assert total_memory(tmp_path) == machine
    assert total_memory(system(tmp_path, "0::/pod\n", **{"pod/memory.max": "max"})) == machine


@pytest.mark.parametrize(
    ("groups", "file"),
    [
        pytest.param("0::/\n", "memory.max", id="version 2, in a container"),
        pytest.param("0::/pod/penstock\n", "pod/penstock/memory.max", id="version 2, on a host"),
        pytest.param("0::/pod/penstock\n", "pod/memory.max", id="version 2, limited further up"),
        pytest.param(
            "5:cpu:/\n4:memory:/docker/a\n0::/\n", "memory/memory.limit_in_bytes", id="version 1"
        ),
        pytest.param(
            "4:hugetlb,memory:/docker/a\n", "memory/docker/a/memory.limit_in_bytes", id="host, 1"
        ),
    ],
)
def test_a_control_group_limits_it(tmp_path: Path, groups: str, file: str) -> None:
    assert total_memory(system(tmp_path, groups, **{file: 256 * MIB})) == 256 * MIB


def test_the_least_limit_counts(tmp_path: Path) -> None:
    limits = {"pod/memory.max": 128 * MIB, "pod/penstock/memory.max": 256 * MIB}
    assert total_memory(system(tmp_path, "0::/pod/penstock\n", **limits)) == 128 * MIB
