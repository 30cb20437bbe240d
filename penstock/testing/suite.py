"""Files of tests: read, checked, and every problem told with its place."""

from __future__ import annotations

import os
import re
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from penstock.config import document as tree
from penstock.config.check import check
from penstock.config.load import load
from penstock.config.problems import Problems, choices
from penstock.config.read import read
from penstock.config.types import Section
from penstock.pipeline import Batch, MalformedPayload
from penstock.testing.encode import batch_of
from penstock.testing.items import MODELS
from penstock.testing.run import reached

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.config.problems import Path as Steps
    from penstock.config.settings import Settings
    from penstock.pipeline import Signal

_METRIC = re.compile(r'(?P<name>\w+)(?:\{(?P<labels>(?:\w+="[^"]*",?\s*)+)\})?')
_LABEL = re.compile(r'(\w+)="([^"]*)"')


class Arrival(Section):
    """What arrives at the end of a pipeline."""

    items: list[Any] | None = None
    """All of them, in order; of each, what it must have."""
    count: int | None = Field(default=None, ge=0)
    """How many they are."""


class Expectation(Arrival):
    """What must come of the input."""

    pipelines: dict[str, Arrival] = Field(default_factory=dict)
    """What arrives at the end of others, to which connectors lead."""
    dropped: dict[str, int] = Field(default_factory=dict)
    """Items that a processor or a connector dropped, by its id."""
    metrics: dict[str, float] = Field(default_factory=dict)
    """Penstock's own metrics: `name` or `name{label="value"}`."""
    refused: bool = False
    """Whether the input must be refused."""


class Case(Section):
    """One test. One of `input` and `batches` is required."""

    name: str
    """What holds, in a sentence."""
    pipeline: str
    """The id of the pipeline that takes the input."""
    input: Any = None
    """A list of items, OTLP/JSON, or `file` with the name of a file that holds OTLP/JSON."""
    batches: list[Any] | None = None
    """Several inputs, one after the other."""
    expect: Expectation


class Suite(Section):
    """A file of tests."""

    config: str | list[str]
    """The settings under test, as `--config` takes them; paths begin at the file's folder."""
    tests: list[Case] = Field(min_length=1)
    """The tests."""


@dataclass(frozen=True, slots=True)
class Test:
    """A test that can be run."""

    name: str
    settings: Settings
    pipeline: str
    batches: list[Batch]
    expect: Expectation


def read_tests(file: Path) -> list[Test]:
    """The tests of a file. Raises `ConfigError` with every problem of it, or of the settings."""
    problems = Problems(read([str(file)], (), os.environ))
    suite = check(Suite, (), problems)
    problems.raise_any()
    assert suite
    with chdir(file.parent):
        settings = load([suite.config] if isinstance(suite.config, str) else suite.config)
        reader = _Reader(problems, settings)
        tests = [reader.test(case, ("tests", i)) for i, case in enumerate(suite.tests)]
    problems.raise_any()
    return [test for test in tests if test]


def metric_name(text: str) -> tuple[str, dict[str, str]]:
    """Name and labels of `name{label="value"}`. Raises `ValueError` for anything else."""
    match = _METRIC.fullmatch(text)
    if not match:
        msg = 'expected a name, or name{label="value"}'
        raise ValueError(msg)
    return match["name"], dict(_LABEL.findall(match["labels"] or ""))


class _Reader:
    """Makes tests of cases; what is wrong goes to `problems`."""

    def __init__(self, problems: Problems, settings: Settings) -> None:
        self._problems = problems
        self._settings = settings

    def test(self, case: Case, path: Steps) -> Test | None:
        pipelines = self._settings.pipelines
        if not self._known(case.pipeline, pipelines, (*path, "pipeline"), "pipeline"):
            return None
        batches = list(self._batches(case, path))
        expect = self._expectation(case, (*path, "expect"))
        return Test(case.name, self._settings, case.pipeline, batches, expect)

    def _known(self, id_: str, known: Any, path: Steps, what: str) -> bool:
        if id_ not in known:
            self._problems.add(path, f"there is no {what} `{id_}`{choices(id_, known)}", key=True)
        return id_ in known

    def _batches(self, case: Case, path: Steps) -> Iterator[Batch]:
        signal = self._settings.pipelines[case.pipeline].signal
        if (case.input is None) == (case.batches is None):
            self._problems.add(path, "expected one of `input` and `batches`")
        places = [(*path, "input")] if case.input is not None else []
        places += [(*path, "batches", i) for i in range(len(case.batches or ()))]
        for place in places:
            batch = self._batch(signal, place)
            if batch is not None and len(batch):
                yield batch

    def _batch(self, signal: Signal, path: Steps) -> Batch | None:
        node = self._problems.document.find(path)
        assert node
        given = tree.plain(node)
        try:
            if isinstance(given, list):
                places = [(*path, i) for i in range(len(given))]
                found = [check(MODELS[signal], place, self._problems) for place in places]
                return batch_of(signal, [item for item in found if item])
            return Batch.from_json(signal, _json(given))
        except (MalformedPayload, OSError, ValueError) as error:
            self._problems.add(path, str(error))
            return None

    def _expectation(self, case: Case, path: Steps) -> Expectation:
        expect = case.expect
        steps = {**self._settings.processors, **self._settings.connectors}
        for id_ in expect.dropped:
            self._known(id_, steps, (*path, "dropped", id_), "processor or connector")
        for text in expect.metrics:
            try:
                metric_name(text)
            except ValueError as error:
                self._problems.add((*path, "metrics", text), str(error), key=True)
        within = reached(self._settings, case.pipeline)
        others = {
            id_: self._arrival(id_, arrival, (*path, "pipelines", id_))
            for id_, arrival in expect.pipelines.items()
            if self._known(id_, within, (*path, "pipelines", id_), "way from here to a pipeline")
        }
        own = self._arrival(case.pipeline, expect, path)
        return expect.model_copy(update={"items": own.items, "pipelines": others})

    def _arrival(self, pipeline: str, arrival: Arrival, path: Steps) -> Arrival:
        """With items in the words in which those that arrive are told."""
        of = self._settings.pipelines[pipeline]
        expects = arrival.items is not None or arrival.count is not None
        if expects and set(of.exporters) <= self._settings.connectors.keys():
            message = f"`{pipeline}` leads to connectors alone; expect something of `pipelines`"
            self._problems.add(path, message, key=True)
        if arrival.items is None:
            return arrival
        model = MODELS[of.signal]
        places = [(*path, "items", i) for i in range(len(arrival.items))]
        found = [check(model, place, self._problems) for place in places]
        items = [item.model_dump(exclude_unset=True) for item in found if item]
        return arrival.model_copy(update={"items": items})


def _json(given: Any) -> bytes:
    import orjson

    if isinstance(given, dict) and given.keys() == {"file"}:
        return Path(given["file"]).read_bytes()
    return orjson.dumps(given)
