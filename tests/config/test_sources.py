from __future__ import annotations

from pathlib import Path

import pytest

from penstock.config.sources import MAX_BYTES, Source, read_file, source_set, sources_at
from penstock.pipeline.errors import ConfigError


def names(location: str | Path, **environ: str) -> list[str]:
    return [source.name for source in sources_at(location, environ)]


def complaint(location: str | Path) -> str:
    with pytest.raises(ConfigError) as raised:
        list(sources_at(location, {}))
    return str(raised.value)


def test_a_file_is_a_source_with_and_without_its_scheme(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("a: 1")

    assert list(sources_at(str(file), {})) == [Source(str(file), "a: 1")]
    assert names(f"file:{file}") == names(file) == [str(file)]


def test_a_folder_is_its_yaml_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("20-b.yml", "10-c.yaml", "30.json", "README.md"):
        (tmp_path / name).write_text("a: 1")
    (tmp_path / "deeper").mkdir()

    assert [Path(name).name for name in names(str(tmp_path))] == ["10-c.yaml", "20-b.yml"]


def test_a_folder_without_settings_is_a_mistake(tmp_path: Path) -> None:
    assert complaint(tmp_path) == f"{tmp_path}: no file in this folder ends in .yaml or .yml"


def test_a_file_may_be_named_like_a_scheme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("http:x").write_text("a: 1")

    assert names("http:x") == ["http:x"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("processors::batch::timeout: 2s", "yaml:processors::batch::timeout"),
        ("receivers:\n  otlp:\n", "yaml:receivers"),
        ("{token: hunter2}", "yaml:…"),
        ("hunter2", "yaml:…"),
    ],
)
def test_text_is_named_by_its_first_key_and_never_by_a_value(text: str, name: str) -> None:
    assert list(sources_at(f"yaml:{text}", {})) == [Source(name, text)]


def test_a_variable_may_hold_settings() -> None:
    assert list(sources_at("env:IT", {"IT": "a: 1"})) == [Source("env:IT", "a: 1")]
    assert complaint("env:IT").startswith("env:IT: the variable is not set")


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("none.yaml", "none.yaml: cannot be read: No such file or directory"),
        ("https://example.com/x", "https:: settings are not fetched; fetch them into a file"),
        (
            "foo:bar",
            "foo:: no such file, and no such source; expected a file, file:, yaml: or env:",
        ),
        ("x" * 5000, "cannot be read: File name too long"),
        ("a\0b", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_named_with_the_reason(location: str, message: str) -> None:
    assert message in complaint(location)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("a.b=c", Source("--set a.b", "    c", ("a", "b"))),
        ("a::b.c=d=e", Source("--set a::b.c", "       d=e", ("a", "b.c"))),
        (
            "exporters.otlp/eu.tls={}",
            Source("--set exporters.otlp/eu.tls", " " * 22 + "{}", ("exporters", "otlp/eu", "tls")),
        ),
        ("a=", Source("--set a", "  ", ("a",))),
    ],
)
def test_a_set_has_its_value_at_its_column(text: str, source: Source) -> None:
    assert source_set(text) == source


@pytest.mark.parametrize("text", ["", "a", "=b", "a..b=c", "a.=c"])
def test_a_set_without_path_or_value_is_a_mistake(text: str) -> None:
    with pytest.raises(ConfigError, match=r"expected PATH=VALUE"):
        source_set(text)


def test_a_file_is_read_up_to_the_limit_and_no_further(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes("é".encode() * (MAX_BYTES // 2))
    assert len(read_file(file)) == MAX_BYTES // 2

    file.write_bytes("é".encode() * (MAX_BYTES // 2) + b"x")
    with pytest.raises(ValueError, match="over 4 MiB"):
        read_file(file)


def test_a_device_without_end_is_not_read_for_ever() -> None:
    with pytest.raises(ValueError, match="over 4 MiB"):
        read_file(Path("/dev/zero"))
