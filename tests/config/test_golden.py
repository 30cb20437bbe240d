"""Every file under `golden/` is an input and, after `# ---`, what is said about it.

What is `.bad.yml` gets that report; what is `.warn.yml` is accepted with those warnings. Inputs are
`gateway.yaml`, and after a line `# +++` with an argument of the command line more of them:
`--config FILE` with the text of the file, `--set PATH=VALUE`, or a file that is just there.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from penstock.config.load import load
from penstock.pipeline.errors import ConfigError

GOLDEN = Path(__file__).parent / "golden"
ENVIRON = {
    "NAME": "x",
    "SECRET": "hunter2",
    "LIST": "[hunter2, {a: hunter2}]",
    "TOO_LONG": "x" * (4 << 20),
}
FENCE = "# ---\n"

pytestmark = pytest.mark.usefixtures("waterworks")


def cases(suffix: str) -> list[object]:
    paths = sorted(GOLDEN.glob(f"*{suffix}"))
    assert paths
    return [pytest.param(path, id=path.name.removesuffix(suffix)) for path in paths]


def arguments(text: str, folder: Path) -> tuple[list[str], list[str]]:
    """The files and the sets that a case consists of; the files are written to `folder`."""
    first, *others = re.split(r"^# \+\+\+ (.*)\n", text, flags=re.MULTILINE)
    (folder / "gateway.yaml").write_text(first)
    files: list[str] = ["gateway.yaml"]
    sets: list[str] = []
    for argument, content in zip(others[::2], others[1::2], strict=True):
        option, _, value = argument.rpartition(" ")
        if option == "--set":
            sets.append(value)
        if option == "--config":
            files.append(value)
        if option != "--set" and ":" not in value:
            (folder / value).write_text(content)
    return files, sets


@pytest.mark.parametrize("case", cases(".bad.yml"))
def test_fault_gets_the_report_that_stands_below_it(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text, _, report = case.read_text().partition(FENCE)
    expected = [line.removeprefix("# ") for line in report.splitlines()]

    with pytest.raises(ConfigError) as raised:
        load(*arguments(text, tmp_path), ENVIRON)

    assert str(raised.value).splitlines() == expected
    assert ENVIRON["SECRET"] not in str(raised.value)


@pytest.mark.parametrize("case", cases(".warn.yml"))
def test_what_is_odd_gets_the_warnings_that_stand_below_it(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text, _, report = case.read_text().partition(FENCE)
    expected = [line.removeprefix("# ") for line in report.splitlines()]

    settings = load(*arguments(text, tmp_path), ENVIRON)

    assert [warning.line for warning in settings.warnings] == expected
