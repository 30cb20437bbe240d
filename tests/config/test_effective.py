from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from penstock.config.document import find, plain
from penstock.config.effective import DEFAULT, effective
from penstock.config.problems import Place
from penstock.redaction import HIDDEN

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.config.document import Mapping

pytestmark = pytest.mark.usefixtures("waterworks")

GATEWAY = """\
receivers:
  well:
processors:
  sieve:
    mesh: ${env:MESH}
    frame:
exporters:
  basin:
    endpoint: localhost:1
service:
  pipelines:
    traces: {receivers: [well], processors: [sieve], exporters: [basin]}
"""
ENVIRON = {
    "MESH": "7",
    "PLACE": "eu",
    "DB_TOKEN": "hunter2",
    "HOST": "db",
    "API_KEYS": "{a: hunter2}",
}


def settled(*sets: str, text: str = GATEWAY, defaults: bool = False) -> Mapping:
    return effective([f"yaml:{text}"], sets, ENVIRON, defaults=defaults)


def at(root: Mapping, *path: str) -> Any:
    return find(root, path)


def basin(**options: str) -> Mapping:
    """The settings of an exporter with `options`."""
    sets = [f"exporters.basin.{name}={value}" for name, value in options.items()]
    found: Mapping = at(settled(*sets), "exporters", "basin")
    return found


def test_values_are_those_after_merging_and_substitution_at_the_place_they_come_from(
    tmp_path: Path,
) -> None:
    file = tmp_path / "more.yaml"
    file.write_text("exporters:\n  basin:\n    endpoint: localhost:2\n")

    root = effective([f"yaml:{GATEWAY}", str(file)], ["processors.sieve.fine=true"], ENVIRON)

    assert plain(root)["processors"] == {"sieve": {"mesh": 7, "frame": None, "fine": True}}
    assert at(root, "processors", "sieve", "mesh").place == Place(5, 11, "yaml:receivers")
    assert at(root, "exporters", "basin", "endpoint").place == Place(3, 15, str(file))
    fine = at(root, "processors", "sieve", "fine")
    assert fine.place == Place(1, 23, "--set processors.sieve.fine")


def test_what_no_source_says_is_there_when_it_is_wanted() -> None:
    root = settled(defaults=True)

    sieve = plain(at(root, "processors", "sieve"))
    assert (sieve["mesh"], sieve["label"], sieve["shake"]) == (7, "sieve", "1s")
    assert sieve["frame"] == {"width": 1.0, "material": "wood"}
    assert at(root, "processors", "sieve", "label").place is DEFAULT
    assert plain(root)["service"]["telemetry"]["logs"]["level"] == "info"


@pytest.mark.parametrize(
    "option",
    [
        {"key": "hunter2"},
        {"key": "${env:DB_TOKEN}"},
        {"key": "${env:NONE:-hunter2}"},
        {"keys": "{a: hunter2}"},
        {"keys": "[{a: hunter2}]"},
        {"keys": "${env:API_KEYS}"},
        {"headers": "{authorization: hunter2}"},
        {"headers": "{x-api-key: hunter2}"},
        {"headers": "{x: '${env:DB_TOKEN}'}"},
        {"headers": "{x: 'prefix ${DB_TOKEN}'}"},
        {"headers": "{x: '${env:THE_SECRET:-hunter2}'}"},
        {"headers": "{x: 'http://me:hunter2@example.com/'}"},
        {"headers": "${env:API_KEYS}"},
    ],
    ids=str,
)
def test_secrets_are_hidden_wherever_they_come_from(option: dict[str, str]) -> None:
    found = basin(**option)

    assert "hunter2" not in repr(found)
    assert HIDDEN in repr(found)


def test_the_text_of_a_file_is_hidden(tmp_path: Path) -> None:
    (tmp_path / "it").write_text("hunter2\n")

    assert "hunter2" not in repr(basin(headers=f"{{x: '${{file:{tmp_path}/it}}'}}"))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("'${env:PLACE}'", "eu"),
        ("token_file.txt", "token_file.txt"),
        ("'http://${env:HOST}/a@b'", "http://db/a@b"),
    ],
)
def test_what_is_no_secret_is_shown(value: str, shown: str) -> None:
    assert plain(basin(headers=f"{{x: {value}}}"))["headers"] == {"x": shown}


def test_what_a_secret_is_named_is_shown_in_its_place() -> None:
    key = at(basin(key="${env:NONE:-hunter2}"), "key")

    assert (key.source, key.text) == ("${env:NONE}", HIDDEN)
