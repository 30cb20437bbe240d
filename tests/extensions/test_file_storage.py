"""The file_storage extension."""

from __future__ import annotations

import logging
import os
import random
import signal
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.extensions import _records
from penstock.extensions._records import NO_ROOM, sealed, unsealed
from penstock.extensions.file_storage import Config, FileStorage
from penstock.pipeline import StartError
from penstock.pipeline.storage import MAX_KEY, StorageError, storage
from tests.extensions.settings import refusal
from tests.kit import context, in_loop

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.extensions._store import FileStore

OWNER = "receiver filelog/app"
FILE = "receiver_filelog%2Fapp"


def opened(folder: Path, **settings: Any) -> FileStore:
    """The store of a component."""
    config = Config.model_validate({"directory": str(folder), **settings})
    logger = logging.getLogger("penstock.test")
    return FileStorage(config, context_of(logger)).open(OWNER)


def context_of(logger: logging.Logger) -> Any:
    """As much of a context as a store needs."""
    from types import SimpleNamespace

    return SimpleNamespace(id="file_storage", logger=logger)


def filled(folder: Path, count: int) -> dict[bytes, bytes]:
    """What a closed store holds, after it was given so many records."""
    records = {b"key %03d" % i: bytes([i % 256]) * 100 for i in range(count)}
    store = opened(folder)
    store.write(records)
    store.close()
    return records


def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.write({b"a": b"1", b"b": b"", b"c": b"3"})
    store.write({b"a": b"2", b"c": None, b"never": None})
    assert store.get(b"a") == b"2"
    assert store.get(b"c") is None
    store.close()
    store.close()
    again = opened(tmp_path)
    assert again.items() == [(b"a", b"2"), (b"b", b"")]
    again.close()


def test_a_change_is_whole_or_not_at_all(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.write({b"a": b"1"})
    with pytest.raises(StorageError, match="cannot write"):
        store.write({b"a": b"2", b"x" * (MAX_KEY + 1): b"too long a key"})
    assert store.items() == [(b"a", b"1")]
    store.close()
    with pytest.raises(StorageError, match="is closed"):
        store.get(b"a")


def test_a_full_file_refuses_and_keeps_what_it_has(tmp_path: Path) -> None:
    store = opened(tmp_path, max_size_mib=1)
    store.write({b"a": b"1"})
    with pytest.raises(StorageError, match="MDB_MAP_FULL"):
        store.write({b"b": bytes(2**20)})
    assert store.items() == [(b"a", b"1")]
    store.write({b"b": b"2"})
    assert store.get(b"b") == b"2"
    store.close()


def test_one_process_has_a_file_at_a_time(tmp_path: Path) -> None:
    store = opened(tmp_path)
    with pytest.raises(StartError, match="another process has it open"):
        opened(tmp_path, timeout="10ms")
    store.close()
    opened(tmp_path).close()


def test_files_are_for_their_user_alone_and_say_whose_they_are(tmp_path: Path) -> None:
    opened(tmp_path).close()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {FILE: 0o600, f"{FILE}.lock": 0o600}


def test_damaged_records_are_left_out_and_the_file_is_set_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    records = filled(tmp_path, 30)
    path = tmp_path / FILE
    path.write_bytes(path.read_bytes().replace(bytes([7]) * 100, bytes([7]) * 99 + b"!"))
    store = opened(tmp_path)
    assert dict(store.items()) == {k: v for k, v in records.items() if k != b"key 007"}
    store.close()
    assert len(list(tmp_path.glob(f"{FILE}.damaged-*"))) == 1
    assert "records do not match their checksums" in caplog.text


@pytest.mark.parametrize(
    "content", [b"", b"no LMDB file at all", bytes(5000), b"\xff" * 8192], ids=range(4)
)
def test_a_file_of_anything_does_not_keep_it_from_starting(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    store = opened(tmp_path)
    store.write({b"a": b"1"})
    assert store.items() == [(b"a", b"1")]
    store.close()


@pytest.mark.parametrize("seed", range(12))
def test_random_damage_is_found_or_harmless(tmp_path: Path, seed: int) -> None:
    records = filled(tmp_path, 300)
    path = tmp_path / FILE
    chance = random.Random(seed)
    content = bytearray(path.read_bytes())
    for _ in range(1 + seed % 4):
        start = chance.randrange(len(content))
        length = chance.choice([1, 64, 512, 4096])
        content[start : start + length] = chance.randbytes(len(content[start : start + length]))
    path.write_bytes(content)
    store = opened(tmp_path)
    assert set(store.items()) <= set(records.items()), "nothing that was never written"
    store.write({b"new": b"value"})
    assert store.get(b"new") == b"value"
    store.close()


@pytest.mark.parametrize("room", [0, 4096, 12288])
def test_a_disk_without_room_for_a_copy_does_not_make_a_file_damaged(
    tmp_path: Path, room: int
) -> None:
    filled(tmp_path, 300)
    program = (
        "import resource, runpy, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room}))\n"
        "sys.argv = sys.argv[1:]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            program,
            str(_records.__file__),
            str(tmp_path / FILE),
            str(tmp_path / "copy"),
        ],
        check=False,
    )
    assert done.returncode == NO_ROOM


def test_what_was_written_before_a_kill_is_there(tmp_path: Path) -> None:
    program = (
        "import logging, sys, types\n"
        "from penstock.extensions.file_storage import Config, FileStorage\n"
        "given = types.SimpleNamespace(id='s', logger=logging.getLogger())\n"
        "storage = FileStorage(Config(directory=sys.argv[1]), given)\n"
        f"store = storage.open({OWNER!r})\n"
        "for i in range(10**9):\n"
        "    store.write({b'%09d' % i: b'x' * 100, b'%09d' % (i - 50): None})\n"
        "    print(i, flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout
        lines = [running.stdout.readline() for _ in range(30)]
        os.kill(running.pid, signal.SIGKILL)
        lines += running.stdout.readlines()
    last = int([line for line in lines if line.endswith("\n")][-1])
    store = opened(tmp_path)
    keys = [int(key) for key, _ in store.items()]
    store.close()
    assert keys[-1] in {last, last + 1}
    assert keys == list(range(max(0, keys[-1] - 49), keys[-1] + 1))


@given(key=st.binary(min_size=1, max_size=20), value=st.binary(max_size=50), at=st.integers(0))
def test_a_record_with_a_wrong_bit_is_none(key: bytes, value: bytes, at: int) -> None:
    record = bytearray(sealed(key, value))
    assert unsealed(key, bytes(record)) == value
    assert unsealed(key + b"!", bytes(record)) is None
    assert unsealed(key, bytes(record[:-1])) is None
    record[at // 8 % len(record)] ^= 1 << at % 8
    assert unsealed(key, bytes(record)) is None


@in_loop
async def test_directories_are_made_unless_told_otherwise(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    async with context("file_storage") as given_:
        config = Config.model_validate({"directory": str(folder), "create_directory": False})
        with pytest.raises(StartError, match="is no directory; make it, or set create_directory"):
            await FileStorage(config, given_).start()
        subject = FileStorage(config.model_copy(update={"create_directory": True}), given_)
        await subject.start()
        assert stat.S_IMODE(folder.stat().st_mode) & 0o027 == 0
        (tmp_path / "file").touch()
        config = Config.model_validate({"directory": str(tmp_path / "file" / "c")})
        with pytest.raises(StartError, match="cannot make"):
            await FileStorage(config, given_).start()


@in_loop
async def test_a_component_finds_the_storage_by_its_id(tmp_path: Path) -> None:
    async with context("file_storage") as given_:
        subject = Config.model_validate({"directory": str(tmp_path)}).build(given_)
    async with context("filelog", extensions={"file_storage": subject}) as given_:
        assert storage(given_, "file_storage") is subject
        with pytest.raises(StartError, match="no `other` runs that can store anything"):
            storage(given_, "other")


@pytest.mark.parametrize("option", ["compaction", "fsync", "recreate"])
def test_options_without_a_use_here_say_what_to_do(option: str) -> None:
    assert "remove it" in refusal("file_storage", {option: {}})
