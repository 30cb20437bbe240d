"""A file of records: whole ones only, whatever happens."""

from __future__ import annotations

import os
import resource
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from penstock.exporters._backups import DAY, Backups
from penstock.exporters._record_file import Framing, Lines, Messages, RecordFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FRAMINGS = pytest.mark.parametrize("framing", [Lines(), Messages()], ids=["lines", "messages"])


@contextmanager
def full_at(size: int) -> Iterator[None]:
    """No file of this process grows beyond so many bytes: what a full disk does to a write."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def opened(
    path: Path, framing: Framing, *, append: bool = False, backups: Backups | None = None
) -> Iterator[RecordFile]:
    file = RecordFile(path, framing, append=append, backups=backups)
    file.open()
    yield file
    file.close()


def written(path: Path, framing: Framing, *payloads: bytes) -> None:
    with opened(path, framing) as file:
        for payload in payloads:
            file.write(payload)


def rotating(path: Path, max_bytes: int, max_seconds: float = 0.0) -> Backups:
    return Backups(path, max_bytes=max_bytes, max_seconds=max_seconds, max_files=0, localtime=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data"


def test_a_line_ends_and_a_message_begins_with_its_length(path: Path) -> None:
    written(path, Lines(), b"one", b"two")
    assert path.read_bytes() == b"one\ntwo\n"
    written(path, Messages(), b"one", b"")
    assert path.read_bytes() == b"\0\0\0\x03one\0\0\0\0"


def test_files_are_their_owners_alone(path: Path) -> None:
    written(path, Lines(), b"one")
    assert path.stat().st_mode & 0o777 == 0o600


@FRAMINGS
def test_a_record_that_does_not_fit_leaves_nothing_and_the_next_one_follows(
    path: Path, framing: Framing
) -> None:
    with opened(path, framing) as file:
        file.write(b"one")
        with full_at(20), pytest.raises(OSError, match="File too large"):
            file.write(b"two" * 10)
        assert path.read_bytes() == framing.frame(b"one")
        file.write(b"three")
    assert path.read_bytes() == framing.frame(b"one") + framing.frame(b"three")


def test_half_a_record_that_could_not_be_cut_off_is_cut_off_before_the_next(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError

    with opened(path, Lines()) as file:
        file.write(b"one")
        monkeypatch.setattr(os, "ftruncate", fail)
        with full_at(20), pytest.raises(OSError, match="large"):
            file.write(b"two" * 10)
        monkeypatch.undo()
        assert path.stat().st_size == 20
        file.write(b"three")
    assert path.read_bytes() == b"one\nthree\n"


def test_a_file_is_emptied_or_gone_on_with(path: Path) -> None:
    path.write_bytes(b"old\n")
    with opened(path, Lines(), append=True) as file:
        file.write(b"more")
    assert path.read_bytes() == b"old\nmore\n"
    written(path, Lines(), b"new")
    assert path.read_bytes() == b"new\n"


@FRAMINGS
@pytest.mark.parametrize("length", [1, 70_000, 200_000])
def test_half_a_record_at_the_end_is_cut_off_when_the_file_is_gone_on_with(
    path: Path, framing: Framing, length: int
) -> None:
    whole = framing.frame(b"one") + framing.frame(b"two")
    half = framing.frame(b"x" * length)[: length // 2 + 1]
    path.write_bytes(whole + half)
    file = RecordFile(path, framing, append=True)
    assert file.open() == len(half)
    file.close()
    assert path.read_bytes() == whole


@FRAMINGS
def test_a_file_that_holds_something_else_is_not_touched(path: Path, framing: Framing) -> None:
    path.write_bytes(b'{"not": "ours"}')
    with pytest.raises(OSError, match="something else; move it away"):
        RecordFile(path, framing, append=True).open()
    assert path.read_bytes() == b'{"not": "ours"}'


def test_two_cannot_write_one_file(path: Path) -> None:
    with opened(path, Lines()) as file:
        file.write(b"one")
        with pytest.raises(OSError, match="another exporter or program"):
            RecordFile(path, Lines(), append=False).open()
        assert path.read_bytes() == b"one\n"


def test_a_pipe_is_refused_without_waiting_for_its_reader(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(OSError, match="no regular file"):
        RecordFile(path, Lines(), append=False).open()


def test_a_file_is_set_aside_before_it_would_be_too_large(path: Path) -> None:
    with opened(path, Lines(), backups=rotating(path, max_bytes=8)) as file:
        for payload in (b"one", b"two", b"three", b"larger than a file may be", b"four"):
            file.write(payload)
    files = sorted(path.parent.glob("data-*"))
    texts = [file.read_bytes() for file in files]
    assert texts == [b"one\ntwo\n", b"three\n", b"larger than a file may be\n"]
    assert path.read_bytes() == b"four\n"
    assert {file.stat().st_mode & 0o777 for file in (*files, path)} == {0o600}


def test_an_old_file_is_set_aside(path: Path) -> None:
    path.write_bytes(b"old\n")
    os.utime(path, (0, 0))
    with opened(path, Lines(), backups=rotating(path, 1000, max_seconds=DAY)) as file:
        file.write(b"new")
        file.write(b"newer")
    (backup,) = path.parent.glob("data-*")
    assert (backup.read_bytes(), path.read_bytes()) == (b"old\n", b"new\nnewer\n")


def test_a_record_is_refused_when_no_file_can_be_set_aside_and_taken_when_one_can(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backups = rotating(path, max_bytes=8)

    def fail(_: float) -> None:
        raise PermissionError

    with opened(path, Lines(), backups=backups) as file:
        file.write(b"one")
        monkeypatch.setattr(backups, "set_aside", fail)
        with pytest.raises(PermissionError):
            file.write(b"three")
        monkeypatch.undo()
        file.write(b"three")
    (backup,) = path.parent.glob("data-*")
    assert (backup.read_bytes(), path.read_bytes()) == (b"one\n", b"three\n")


def test_closing_works_without_opening_and_twice(path: Path) -> None:
    file = RecordFile(path, Lines(), append=False)
    file.close()
    file.open()
    file.close()
    file.close()
