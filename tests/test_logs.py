from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest

from penstock import logs

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root, own = logging.getLogger(), logging.getLogger("penstock")
    before = root.handlers[:], root.level, own.level
    yield
    root.handlers = before[0]
    root.setLevel(before[1])
    own.setLevel(before[2])


def test_console_line_has_time_level_component_and_message(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure("info", "console")
    logging.getLogger("penstock.exporters.otlp/eu").warning("back end %s is down", "eu")

    time, level, component, message = capsys.readouterr().err.rstrip("\n").split(maxsplit=3)

    assert time.endswith("Z")
    assert (level, component, message) == ("warn", "exporters.otlp/eu", "back end eu is down")


@pytest.mark.parametrize("encoding", ["console", "json"])
def test_record_is_one_line_whatever_it_holds(
    encoding: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("info", encoding)
    try:
        raise ValueError("first\nsecond \x1b[31m\u2028 \ud800")  # noqa: TRY003, TRY301
    except ValueError:
        logging.getLogger("penstock.a\nb").exception("gone\r\nwrong")

    text = capsys.readouterr().err

    assert len(text.splitlines()) == 1
    assert "\x1b" not in text
    assert "gone\\r\\nwrong" in text
    assert "ValueError: first\\nsecond" in text


def test_json_line_is_an_object_with_the_same_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    logging.getLogger("penstock.service").error("no\nway")

    fields = json.loads(capsys.readouterr().err)

    assert fields.pop("ts").endswith("Z")
    assert fields == {"level": "error", "logger": "service", "msg": "no\nway"}


def test_libraries_are_heard_from_warnings_only(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("debug", "console")
    logging.getLogger("penstock.service").debug("ours")
    logging.getLogger("grpc").info("theirs, chatty")
    logging.getLogger("grpc").warning("theirs, serious")

    lines = [line.split(maxsplit=3)[3] for line in capsys.readouterr().err.splitlines()]

    assert lines == ["ours", "theirs, serious"]


def test_level_error_silences_warnings_of_all(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("error", "console")
    logging.getLogger("penstock.service").warning("ours")
    logging.getLogger("grpc").warning("theirs")

    assert capsys.readouterr().err == ""
