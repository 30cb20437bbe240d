"""Files set aside: when, under which name, and how many are kept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from penstock.exporters._backups import DAY, Backups

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp()


def backups(path: Path, **limits: Any) -> Backups:
    usual = {"max_bytes": 100, "max_seconds": 0.0, "max_files": 0, "localtime": False}
    return Backups(path, **(usual | limits))


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


@pytest.mark.parametrize(
    ("name", "backup"),
    [
        ("data.json", "data-2026-01-31T12-00-00.250.json"),
        ("data", "data-2026-01-31T12-00-00.250"),
        ("a.b.json", "a.b-2026-01-31T12-00-00.250.json"),
    ],
)
def test_a_backup_has_the_time_before_its_suffix(tmp_path: Path, name: str, backup: str) -> None:
    (tmp_path / name).write_text("full")
    backups(tmp_path / name).set_aside(NOON + 0.25)
    assert names(tmp_path) == [backup]
    assert (tmp_path / backup).read_text() == "full"


def test_a_backup_may_be_named_in_local_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = datetime.fromtimestamp(NOON).astimezone().strftime("%Y-%m-%dT%H-%M-%S")
    (tmp_path / "data").write_text("full")
    backups(tmp_path / "data", localtime=True).set_aside(NOON)
    assert names(tmp_path) == [f"data-{local}.000"]


def test_no_backup_is_overwritten(tmp_path: Path) -> None:
    for text in ("first", "second", "third"):
        (tmp_path / "data").write_text(text)
        backups(tmp_path / "data").set_aside(NOON)
    texts = [(tmp_path / name).read_text() for name in names(tmp_path)]
    assert texts == ["first", "second", "third"]
    assert names(tmp_path)[2] == "data-2026-01-31T12-00-00.002"


@pytest.mark.parametrize(
    ("size", "more", "age", "due"),
    [
        (0, 1000, 0, False),
        (50, 50, 0, False),
        (50, 51, 0, True),
        (1, 1, 2 * DAY, False),
        (1, 1, 2 * DAY + 1, True),
        (0, 1, 2 * DAY + 1, False),
    ],
)
def test_a_file_is_due_when_it_would_be_too_large_or_is_too_old(
    tmp_path: Path, size: int, more: int, age: float, due: bool
) -> None:
    subject = backups(tmp_path / "data", max_seconds=2 * DAY)
    assert subject.due(size, more, age) is due


def made(folder: Path, *days_ago: int) -> None:
    for days in days_ago:
        (folder / "data.json").write_text(f"{days} days ago")
        backups(folder / "data.json").set_aside(NOON - days * DAY)


def test_the_oldest_backups_beyond_the_number_are_deleted(tmp_path: Path) -> None:
    made(tmp_path, 1, 5, 2, 4, 3)
    backups(tmp_path / "data.json", max_files=2).prune(NOON)
    assert [(tmp_path / name).read_text() for name in names(tmp_path)] == [
        "2 days ago",
        "1 days ago",
    ]


def test_backups_beyond_the_age_are_deleted(tmp_path: Path) -> None:
    made(tmp_path, 1, 2, 3)
    backups(tmp_path / "data.json", max_seconds=2.5 * DAY).prune(NOON)
    assert len(names(tmp_path)) == 2


def test_without_limits_all_are_kept(tmp_path: Path) -> None:
    made(tmp_path, 1, 1000)
    backups(tmp_path / "data.json").prune(NOON)
    assert len(names(tmp_path)) == 2


@pytest.mark.parametrize(
    "stranger",
    [
        "data-2020-01-01T00-00-00.000.json.gz",
        "data-2020-01-01T00-00-00.json",
        "data-2020-02-31T00-00-00.000.json",
        "xdata-2020-01-01T00-00-00.000.json",
        "data.json",
        "dataXjson",
    ],
)
def test_files_that_are_no_backups_are_left_alone(tmp_path: Path, stranger: str) -> None:
    (tmp_path / stranger).write_text("not ours")
    backups(tmp_path / "data.json", max_seconds=1.0, max_files=1).prune(NOON)
    assert names(tmp_path) == [stranger]
