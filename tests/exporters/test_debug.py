"""The debug exporter: what it prints."""

import io
import re

import pytest
from pydantic import ValidationError

from penstock.exporters.debug import Config, Debug, Sampler, details, summary
from penstock.pipeline import Batch
from tests.kit import in_loop, points, records, spans


async def printed(*batches: Batch, **options: object) -> list[str]:
    """The lines that these batches come to, without the time."""
    output = io.StringIO()
    exporter = Debug(Config.model_validate(options), output)
    for batch in batches:
        await exporter.send(batch)
    return [re.sub(r"^\S+Z\t", "", line) for line in output.getvalue().splitlines()]


def test_options_and_defaults_are_the_collectors() -> None:
    assert Config().model_dump() == {
        "verbosity": "basic",
        "sampling_initial": 2,
        "sampling_thereafter": 1,
    }
    with pytest.raises(ValidationError):
        Config.model_validate({"use_internal_logger": True})


@in_loop
async def test_basic_prints_a_line_for_each_batch() -> None:
    traces, metrics, logs = spans(2), points(3), records(4)
    assert await printed(traces, metrics, logs) == [
        f'Traces\t{{"spans":2,"bytes":{traces.nbytes}}}',
        f'Metrics\t{{"data points":3,"bytes":{metrics.nbytes}}}',
        f'Logs\t{{"log records":4,"bytes":{logs.nbytes}}}',
    ]


@in_loop
async def test_a_line_starts_with_the_time() -> None:
    output = io.StringIO()
    await Debug(Config(), output).send(spans(1))
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\tTraces\t", output.getvalue())


@in_loop
async def test_output_goes_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    await Debug(Config()).send(spans(1))
    assert "Traces" in capsys.readouterr().out


@in_loop
async def test_normal_prints_a_line_for_each_item_too() -> None:
    lines = await printed(spans(2), verbosity="normal")
    assert len(lines) == 3
    assert lines[1].startswith("span 0 ")


@in_loop
async def test_detailed_prints_every_field() -> None:
    lines = await printed(spans(2), verbosity="detailed")
    assert "    name: span 1" in lines


@in_loop
async def test_control_characters_are_escaped() -> None:
    lines = await printed(spans(1, "two\nlines \x1b[31m"), verbosity="normal")
    assert len(lines) == 2
    assert lines[1].startswith(r"two\nlines ")
    assert "\x1b" not in lines[1]


def test_a_summary_has_the_name_the_ids_the_value_and_the_attributes() -> None:
    span = {"name": "GET", "trace_id": "aa", "span_id": "bb", "attributes": {"code": 200}}
    assert summary(span) == "GET aa bb code=200"
    assert summary({"metric": {"name": "load"}, "as_double": 0.5}) == "load 0.5"
    assert summary({"metric": {"name": "took"}, "count": 3, "sum": 4.5}) == "took count=3 sum=4.5"
    assert summary({"body": "started", "attributes": {}}) == "started"


def test_details_are_indented_by_depth() -> None:
    row = {"name": "GET", "resource": {"attributes": {"a": 1}}, "events": [{"name": "e"}], "x": {}}
    assert list(details(row, depth=0)) == [
        "name: GET",
        "resource:",
        "    attributes:",
        "        a: 1",
        "events:",
        "    0:",
        "        name: e",
        "x: {}",
    ]


@pytest.mark.parametrize(
    ("initial", "thereafter", "taken"),
    [(2, 1, "111111"), (2, 0, "110000"), (1, 2, "101010"), (0, 3, "001001")],
)
def test_sampling_takes_the_first_of_each_second_and_then_every_so_many(
    initial: int, thereafter: int, taken: str
) -> None:
    sampler = Sampler(initial, thereafter)
    for second in (1.0, 2.5):
        assert "".join(str(int(sampler.takes(second))) for _ in taken) == taken
