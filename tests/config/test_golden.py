"""Every file under `golden/` is a fault and, after `# ---`, the report it gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.config.load import load_text
from penstock.pipeline.errors import ConfigError

CASES = sorted((Path(__file__).parent / "golden").glob("*.bad.yml"))
ENVIRON = {"NAME": "x", "SECRET": "hunter2"}


@pytest.mark.usefixtures("waterworks")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.removesuffix(".bad.yml"))
def test_fault_gets_the_report_that_stands_below_it(case: Path) -> None:
    text, _, report = case.read_text().partition("# ---\n")
    expected = [line.removeprefix("# ") for line in report.splitlines()]

    with pytest.raises(ConfigError) as raised:
        load_text(text, "gateway.yaml", ENVIRON)

    assert str(raised.value).splitlines() == expected
    assert ENVIRON["SECRET"] not in str(raised.value)
