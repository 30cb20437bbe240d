"""What an editor makes of `penstock schema`: keys complete, and what is wrong is marked."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.editor import Editor
from tests.integration.peers import ROOT
from tests.integration.service import command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.peers import Peers

MODELINE = "# yaml-language-server: $schema=penstock.schema.json\n"


@pytest.fixture(scope="module")
def editor(peers: Peers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    """An editor in a folder with the schema that the program prints."""
    folder = tmp_path_factory.mktemp("editor")
    schema = subprocess.run(command("schema"), check=True, capture_output=True).stdout
    (folder / "penstock.schema.json").write_bytes(schema)
    with Editor(folder) as editor:
        yield editor


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", {"receivers", "processors", "exporters", "connectors", "extensions", "service"}),
        ("exporters:\n  ", {"otlp", "otlp_grpc", "otlphttp", "otlp_http", "debug"}),
        ("exporters:\n  otlp:\n    ", {"endpoint", "sending_queue", "tls", "headers"}),
        ("exporters:\n  otlp_http/vendor:\n    ", {"endpoint", "encoding", "tls"}),
        ("exporters:\n  otlp:\n    sending_queue:\n      batch:\n        ", {"flush_timeout"}),
        ("exporters:\n  debug:\n    verbosity: ", {"basic", "normal", "detailed"}),
        ("service:\n  ", {"extensions", "pipelines", "telemetry"}),
        ("service:\n  pipelines:\n    ", {"traces", "metrics", "logs"}),
        ("service:\n  pipelines:\n    traces/eu:\n      ", {"receivers", "exporters"}),
        ("service:\n  pipelines:\n    traces:\n      receivers:\n        - ", {"otlp", "forward"}),
    ],
)
def test_what_can_be_written_is_offered(editor: Editor, text: str, keys: set[str]) -> None:
    assert keys <= editor.keys_at_end(MODELINE + text)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("receiver:\n  otlp:\n", 2, "Property receiver is not allowed"),
        ("exporters:\n  otpl:\n", 3, "Property otpl is not allowed"),
        ("exporters:\n  otlp:\n    endpoint: a:1\n    timeot: 5s\n", 5, "Property timeot"),
        ("exporters:\n  otlp:\n    endpoint: a:1\n    timeout: 5\n", 5, 'Expected "string"'),
        ("exporters:\n  debug:\n    verbosity: loud\n", 4, '"basic", "normal", "detailed"'),
        ("exporters:\n  otlp:\n    timeout: 5s\n", 3, 'Missing property "endpoint"'),
    ],
)
def test_what_is_wrong_is_marked_on_its_line(
    editor: Editor, text: str, line: int, said: str
) -> None:
    ((marked, message),) = editor.marked(MODELINE + text)
    assert marked == line
    assert said in message


def test_what_is_right_is_not_marked(editor: Editor) -> None:
    shipped = (ROOT / "penstock" / "default.yaml").read_text()
    assert editor.marked(MODELINE + shipped) == []
