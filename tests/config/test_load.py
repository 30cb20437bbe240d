from __future__ import annotations

from time import process_time
from typing import TYPE_CHECKING

import pytest

from penstock.config.load import load, load_text
from penstock.config.settings import PipelineSettings
from penstock.config.sources import MAX_BYTES
from penstock.config.types import HostPort
from penstock.pipeline.batch import Signal
from penstock.pipeline.errors import ConfigError
from penstock.pipeline.telemetry.registry import Level

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.config.settings import Settings

pytestmark = pytest.mark.usefixtures("waterworks")

GATEWAY = """\
receivers:
  well:
processors:
  sieve: {mesh: 5}
  sieve/fine: {fine: true}
exporters:
  tub/eu: {endpoint: "localhost:1"}
connectors:
  wheel:
extensions:
  buoy:
service:
  extensions: [buoy]
  pipelines:
    traces/eu:
      receivers: [well]
      processors: [sieve, sieve/fine]
      exporters: [tub/eu, wheel]
    metrics:
      receivers: [wheel]
      exporters: [tub/eu]
"""
TELEMETRY = GATEWAY + "  telemetry:\n"


def settings(text: str, **environ: str) -> Settings:
    return load_text(text, "gateway.yaml", environ)


def test_a_file_becomes_components_by_id_and_pipelines_in_order() -> None:
    loaded = settings(GATEWAY)

    assert loaded.pipelines == {
        "traces/eu": PipelineSettings(
            "traces/eu", Signal.TRACES, ("well",), ("sieve", "sieve/fine"), ("tub/eu", "wheel")
        ),
        "metrics": PipelineSettings("metrics", Signal.METRICS, ("wheel",), (), ("tub/eu",)),
    }
    assert loaded.processors["sieve"].model_dump()["mesh"] == 5
    assert list(loaded.processors) == ["sieve", "sieve/fine"]
    assert loaded.service_extensions == ("buoy",)
    assert loaded.warnings == ()


def test_other_spelling_of_a_type_is_the_same_component_under_the_id_as_written() -> None:
    assert type(settings(GATEWAY).exporters["tub/eu"]).__module__ == "penstock.exporters.basin"


def test_nothing_after_a_key_is_an_empty_mapping_or_list() -> None:
    text = GATEWAY.replace("{mesh: 5}", "\n    frame:\n    spares:\n    sizes: ~")

    dumped = settings(text).processors["sieve"].model_dump()

    assert dumped["frame"]["material"] == "wood"
    assert (dumped["spares"], dumped["sizes"]) == ([], {})


def test_variables_have_the_type_that_their_option_wants() -> None:
    text = GATEWAY.replace(
        "{mesh: 5}", "{mesh: '${env:N}', label: '${env:N}', fine: '${env:B:-true}'}"
    )

    dumped = settings(text, N="042").processors["sieve"].model_dump()

    assert (dumped["mesh"], dumped["label"], dumped["fine"]) == (42, "042", True)


def test_what_is_defined_and_not_used_is_a_warning_with_its_place() -> None:
    text = GATEWAY.replace("[buoy]", "[]").replace("[sieve, sieve/fine]", "[sieve]")

    assert tuple(warning.line for warning in settings(text).warnings) == (
        "gateway.yaml:5:3: processors.sieve/fine: defined, but not used in any pipeline",
        "gateway.yaml:11:3: extensions.buoy: defined, but not used in service.extensions",
    )


def test_merge_keys_fill_in_what_a_mapping_does_not_say_itself() -> None:
    text = GATEWAY.replace("{mesh: 5}", "&base {mesh: 5, label: one}")
    text = text.replace("{fine: true}", "{<<: *base, label: two}")

    dumped = settings(text).processors["sieve/fine"].model_dump()

    assert (dumped["mesh"], dumped["label"]) == (5, "two")


def test_telemetry_has_the_collectors_defaults() -> None:
    telemetry = settings(GATEWAY).telemetry

    assert telemetry.metrics == HostPort("127.0.0.1", 8888)
    assert telemetry.level is Level.NORMAL
    assert telemetry.logs.level == "info"
    assert telemetry.logs.encoding == "console"


def test_telemetry_takes_levels_in_any_case_and_json_logs() -> None:
    text = TELEMETRY + "    {metrics: {level: Normal}, logs: {level: DEBUG, encoding: json}}"

    telemetry = settings(text).telemetry

    assert telemetry.level is Level.NORMAL
    assert telemetry.logs.level == "debug"
    assert telemetry.logs.encoding == "json"


@pytest.mark.parametrize(
    ("metrics", "page"),
    [
        ("{address: ':9999'}", HostPort("", 9999)),
        (
            "{readers: [{pull: {exporter: {prometheus: {host: '::1', port: 1}}}}]}",
            HostPort("::1", 1),
        ),
        ("{readers: [{pull: {exporter: {prometheus: }}}]}", HostPort("127.0.0.1", 8888)),
        ("{readers: []}", None),
        ("{level: none}", None),
        ("{level: none, address: 'localhost:1'}", None),
    ],
)
def test_metrics_page_is_where_either_spelling_says(metrics: str, page: HostPort | None) -> None:
    assert settings(f"{TELEMETRY}    metrics: {metrics}").telemetry.metrics == page


def test_a_thousand_lines_are_checked_in_no_time() -> None:
    sieves = "".join(f"  sieve/{i}:\n    mesh: {i % 100 + 1}\n    label: x\n" for i in range(330))
    text = GATEWAY.replace("  sieve: {mesh: 5}\n", f"  sieve: {{mesh: 5}}\n{sieves}")
    settings(GATEWAY)  # imports the components

    start = process_time()
    loaded = settings(text)

    assert len(loaded.warnings) == 330  # of their not being used
    assert process_time() - start < 0.25  # 0.05 when nothing else runs


def test_component_of_an_installed_package_is_found_by_its_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = tmp_path / "strainer-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: strainer\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[penstock.processors]\nstrainer = strainer_lib\n")
    (tmp_path / "strainer_lib.py").write_text("from penstock.processors.sieve import Config\n")
    monkeypatch.syspath_prepend(tmp_path)

    loaded = settings(GATEWAY.replace("sieve/fine", "strainer"))

    assert loaded.processors["strainer"].model_dump()["fine"] is True


def test_import_that_fails_inside_penstock_is_no_missing_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "well.py").write_text("from penstock.pipeline import NoSuchName")
    monkeypatch.setattr("penstock.receivers.__path__", [str(tmp_path)])

    with pytest.raises(ImportError, match="NoSuchName"):
        settings(GATEWAY)


def test_file_may_start_with_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + GATEWAY.encode())

    assert "traces/eu" in load([file]).pipelines


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"receivers: \xff", "not UTF-8 text: invalid start byte at byte 11"),
        (b"#" * (MAX_BYTES + 1), "the file is over 4 MiB, the limit of settings"),
    ],
)
def test_file_that_is_no_readable_text_is_a_config_error(
    tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    file = tmp_path / "gateway.yaml"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(ConfigError, match=complaint):
        load([file])
