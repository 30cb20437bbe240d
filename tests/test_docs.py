"""What the documents say is so: examples run, files load, options and defaults exist, links lead.

A YAML block is a file or a part of one; a part is completed by what it lacks. A component that it
mentions and does not define gets the least settings of its type, and where it has no pipelines,
there is one for each signal through everything that it defines.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from copy import deepcopy
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import pytest
from pydantic import BaseModel, create_model

import penstock.processors
from penstock.cli.options import options as listed
from penstock.config.catalog import ALIASES, Kind, types
from penstock.config.client_tls import ClientTLS
from penstock.config.components import config_class
from penstock.config.document import plain
from penstock.config.load import load_text
from penstock.config.read import read_text
from penstock.config.tls import ServerTLS
from penstock.exporters.loadbalancing import Template
from penstock.pipeline import Batch, Signal
from penstock.pipeline.delivery.delivery import DeliveryConfig
from penstock.processors._actions import Action
from penstock.processors._match import MatchProperties
from penstock.prometheus.relabel import Rule
from penstock.receivers._scrape_client import Authorization, BasicAuth, TLSConfig
from penstock.receivers._scrape_options import Global, ScrapeConfig
from penstock.receivers._statsd_mapping import MappingFile
from penstock.receivers._targets_options import HTTPSDConfig
from penstock.testing.judge import judge
from penstock.testing.suite import read_tests
from tests.conformance.registry import LEAST
from tests.kit import Backend, Source, copy_examples, names, service, wire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _pytest.mark import ParameterSet
    from pydantic.fields import FieldInfo

    from penstock.testing.judge import Verdict

ROOT = Path(__file__).parents[1]
HIDDEN = {"node_modules", "target"}
DOCUMENTS = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(part in HIDDEN or part[0] == "." for part in path.relative_to(ROOT).parts)
)
README = (ROOT / "README.md").read_text()
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)

SHARED: dict[tuple[Kind, str], type[BaseModel]] = {
    (Kind.EXPORTERS, "Delivery: queue, retry, time-out"): DeliveryConfig,
    (Kind.EXPORTERS, "TLS"): ClientTLS,
    (Kind.RECEIVERS, "TLS"): ServerTLS,
    (Kind.RECEIVERS, "Defaults of jobs"): Global,
    (Kind.RECEIVERS, "Jobs"): ScrapeConfig,
    (Kind.RECEIVERS, "Targets by URL"): HTTPSDConfig,
    (Kind.RECEIVERS, "Relabelling"): Rule,
    (Kind.RECEIVERS, "Basic authentication"): BasicAuth,
    (Kind.RECEIVERS, "Other credentials"): Authorization,
    (Kind.RECEIVERS, "TLS towards targets"): TLSConfig,
    (Kind.RECEIVERS, "Rules of statsd_exporter"): MappingFile,
    (Kind.PROCESSORS, "Actions"): Action,
    (Kind.PROCESSORS, "Include and exclude"): MatchProperties,
}
"""Sections about options that several components have."""

ELSEWHERE = {Template}
"""Options that are another component's, and documented there."""

COMPONENTS = [(kind, type_) for kind in Kind for type_ in types(kind)]
SECTIONS = [*COMPONENTS, *SHARED]


def blocks(language: str, documents: list[Path]) -> list[ParameterSet]:
    """The text of every block in `language`, named by its place."""
    return [
        pytest.param(
            match[2], id=f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, match.start())}"
        )
        for path in documents
        for text in [path.read_text()]
        for match in FENCE.finditer(text)
        if match[1] == language
    ]


@pytest.fixture
def drop_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The processor of README.md, installed."""
    (source,) = (match[2] for match in FENCE.finditer(README) if match[1] == "python")
    (tmp_path / "drop_paths.py").write_text(source)
    path = [*penstock.processors.__path__, str(tmp_path)]
    monkeypatch.setattr(penstock.processors, "__path__", path)
    yield
    sys.modules.pop("penstock.processors.drop_paths", None)


@pytest.mark.usefixtures("drop_paths")
def test_the_processor_of_the_readme_drops_spans_of_its_paths() -> None:
    config = import_module("penstock.processors.drop_paths").Config(paths=["/healthz"])
    batch = Batch.from_json(Signal.TRACES, _spans("/healthz", "/orders", "/healthz"))

    async def run() -> tuple[Backend, float]:
        source, backend = Source(), Backend()
        async with service(
            wire("traces: in -> drop -> out", in_=source, drop=config, out=backend)
        ) as running:
            await source.send(batch)
        name = "penstock_processor_dropped_items"
        return backend, running.telemetry.total(name, reason="filtered")

    backend, dropped = asyncio.run(run())
    assert names(backend.got) == ["/orders"]
    assert dropped == 2


def _spans(*paths: str) -> bytes:
    spans = [
        {"name": path, "attributes": [{"key": "url.path", "value": {"stringValue": path}}]}
        for path in paths
    ]
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()


@pytest.mark.usefixtures("drop_paths")
@pytest.mark.parametrize("block", blocks("python", [ROOT / "CONTRIBUTING.md"]))
def test_the_read_tests_the_guide_pass(block: str) -> None:
    module: dict[str, Any] = {"__name__": "guide"}
    exec(compile(block, "CONTRIBUTING.md", "exec"), module)
    tests = [value for name, value in module.items() if name.startswith("test_")]
    assert tests
    for test in tests:
        test()


@pytest.mark.parametrize("block", blocks("python", DOCUMENTS))
def test_every_python_block_compiles(block: str) -> None:
    compile(block, "example", "exec")


@pytest.fixture
def beside_the_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of code that documents name are there."""
    copy_examples(tmp_path)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("drop_paths", "beside_the_examples")
@pytest.mark.parametrize("block", blocks("yaml", DOCUMENTS))
def test_every_yaml_block_loads_without_a_warning(block: str) -> None:
    environ = dict.fromkeys(re.findall(r"\$\{env:(\w+)", block), "value")
    document = read_text(block, "example", environ)
    assert document.faults == []
    part = plain(document.root)
    if "tests" in part:
        assert failures(block) == []
        return
    whole = completed(part)
    text = block if whole == part else json.dumps(whole)

    assert load_text(text, "example", environ).warnings == ()


def failures(suite: str) -> list[Verdict]:
    """What failed of a file of tests."""
    file = Path("example_test.yaml")
    file.write_text(suite)
    verdicts = [judge(test) for test in read_tests(file)]
    assert verdicts
    return [verdict for verdict in verdicts if not verdict.passed]


def completed(part: dict[str, Any]) -> dict[str, Any]:
    """A whole file that holds `part`."""
    whole = deepcopy(part)
    settings = whole.setdefault("service", {})
    pipelines = settings.setdefault(
        "pipelines", {signal: _pipeline(part, signal) for signal in Signal}
    )
    if "extensions" in part:
        settings.setdefault("extensions", list(part["extensions"]))
    for pipeline in pipelines.values():
        for kind, ids in pipeline.items():
            for id_ in set(ids) - set(whole.get("connectors", {})):
                least = LEAST.get((kind, id_.partition("/")[0]))
                whole.setdefault(kind, {}).setdefault(id_, least)
    return whole


def _pipeline(part: dict[str, Any], signal: Signal) -> dict[str, list[str]]:
    def carrying(kind: Kind) -> list[str]:
        return [id_ for id_ in part.get(kind, {}) if signal in config_class(kind, id_).signals]

    return {
        "receivers": carrying(Kind.RECEIVERS) or ["otlp"],
        "processors": carrying(Kind.PROCESSORS),
        "exporters": carrying(Kind.EXPORTERS) or ["nop"],
    }


class Row(NamedTuple):
    """An option as a document has it."""

    section: str
    option: str
    default: str


def rows(kind: Kind) -> list[Row]:
    """The options that the tables of a kind's document hold, by section."""
    section, found, inside = "", [], False
    for line in _document(kind).splitlines():
        section = line.removeprefix("## ") if line.startswith("## ") else section
        inside = line.startswith("|") and (inside or line.startswith("| option "))
        if inside and not line.startswith("|-"):
            first, default, *_ = line.strip("| ").split(" | ")
            found += [Row(section, option, default) for option in re.findall(r"`([^`]+)`", first)]
    return found


def _document(kind: Kind) -> str:
    return (ROOT / "penstock" / kind / "README.md").read_text()


def inner(field: FieldInfo) -> type[BaseModel] | None:
    """The model that an option's value is, if it is one."""
    kinds = [field.annotation, *get_args(field.annotation)]
    models = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
    return models[0] if models else None


def options(model: type[BaseModel], prefix: str = "") -> dict[str, FieldInfo]:
    """The options of a model by path, mappings of options and what is in them alike."""
    found = {}
    for attribute, field in model.model_fields.items():
        name = field.alias or attribute
        found[f"{prefix}{name}"] = field
        below = inner(field)
        if below and below not in ELSEWHERE.union(SHARED.values()):
            found |= options(below, f"{prefix}{name}.")
    return found


def own_options(kind: Kind, section: str) -> dict[str, FieldInfo]:
    """The options that a section of a kind's document is about."""
    if (kind, section) in SHARED:
        return options(SHARED[kind, section])
    config = config_class(kind, section)
    shared = options(DeliveryConfig) if issubclass(config, DeliveryConfig) else {}
    return {path: field for path, field in options(config).items() if path not in shared}


@pytest.mark.parametrize(("kind", "section"), SECTIONS)
def test_options_are_documented_where_their_component_is(kind: Kind, section: str) -> None:
    expected = own_options(kind, section)
    groups = {path for path, field in expected.items() if inner(field)}
    documented = {row.option for row in rows(kind) if row.section == section}

    assert documented - expected.keys() == set(), "documented, but no option"
    assert expected.keys() - groups - documented == set(), "not documented"


@pytest.mark.parametrize(("kind", "section"), SECTIONS)
def test_documented_defaults_are_the_defaults(kind: Kind, section: str) -> None:
    fields = own_options(kind, section)
    for _, option, default in (row for row in rows(kind) if row.section == section):
        field = fields[option]
        assert field.is_required() == (default == "required"), option
        if default == "none":
            assert not field.get_default(call_default_factory=True), option
        if re.fullmatch(r"`[^`]+`", default):
            text = plain(read_text(f"option: {default[1:-1]}", "default", {}).root)
            kind_of: Any = field.annotation
            read = create_model("Option", option=(kind_of, field)).model_validate(text)
            assert dict(read) == {"option": field.default}, option


@pytest.mark.parametrize(("kind", "type_"), COMPONENTS)
def test_options_are_described_for_whoever_reads_the_schema(kind: Kind, type_: str) -> None:
    found = listed(config_class(kind, type_))
    assert [option.path for option in found if not option.description] == []


@pytest.mark.parametrize(("kind", "type_"), COMPONENTS)
def test_components_are_listed_in_the_readme_and_in_their_folder(kind: Kind, type_: str) -> None:
    spellings = [type_, *(other for other, ours in ALIASES.get(kind, {}).items() if ours == type_)]
    for place, link in (
        (README, f"penstock/{kind}/README.md#{type_}"),
        (_document(kind), f"#{type_}"),
    ):
        (line,) = (
            line for line in place.splitlines() if line.startswith("|") and f"({link})" in line
        )
        assert [spelling for spelling in spellings if f"`{spelling}`" not in line] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_within_the_repository_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", path.read_text()))
    dead = [link for link in links if "://" not in link and not _leads(path, link)]
    assert dead == []


def _leads(path: Path, link: str) -> bool:
    file, _, anchor = link.partition("#")
    target = path.parent / file if file else path
    return target.exists() and (not anchor or anchor in _anchors(target))


def _anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_targets_of_make_exist(path: Path) -> None:
    targets = set(re.findall(r"^(\w+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make (\w+)", path.read_text(), re.MULTILINE)) <= targets
