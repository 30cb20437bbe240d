"""What indices need before documents come: templates, and a policy that deletes old ones."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

import orjson

from penstock.exporters._elastic_bulk import refusal
from penstock.exporters._elastic_nodes import Product
from penstock.exporters._http import Content

if TYPE_CHECKING:
    from penstock.exporters._elastic_nodes import Nodes

POLICY = "penstock"
SIGNALS = ("logs", "traces", "metrics")
_FOLDER = "_elastic_templates"

_NO_POLICIES = {400, 404, 405}
"""What OpenSearch answers without its plugin for policies."""
_CONFLICT = 409


async def install(nodes: Nodes) -> list[str]:
    """Put everything where the product has it; says what was put, a line each.

    Raises `Retryable` and `Permanent` where the back end refuses.
    """
    cluster = await nodes.cluster()
    if cluster.product is Product.OPENSEARCH:
        done = [await _put_ism(nodes)]
    else:
        await _put(nodes, f"_ilm/policy/{POLICY}", _read("elasticsearch-policy"))
        done = [f"lifecycle policy {POLICY}"]
    flavour = "opensearch" if cluster.product is Product.OPENSEARCH else "elasticsearch"
    await _put(nodes, "_component_template/penstock@mappings", _read(f"{flavour}-mappings"))
    done.append("component template penstock@mappings")
    for signal in SIGNALS:
        name = f"penstock-{signal}"
        await _put(nodes, f"_index_template/{name}", _template(signal, flavour))
        done.append(f"index template {name}")
    return done


def _template(signal: str, flavour: str) -> dict[str, Any]:
    settings = {} if flavour == "opensearch" else {"index.lifecycle.name": POLICY}
    return {
        "index_patterns": [f"{signal}-*.otel-*"],
        "data_stream": {},
        "priority": 200,  # Elasticsearch's own have 120 at most
        "composed_of": ["penstock@mappings"],
        "template": {"settings": settings},
        "_meta": {"description": f"Data streams of {signal} in the mapping mode otel."},
    }


async def _put_ism(nodes: Nodes) -> str:
    """OpenSearch changes a policy only for who knows its version, so a policy there stays."""
    path = f"_plugins/_ism/policies/{POLICY}"
    answer = await nodes.request(
        "PUT", path, content=Content(orjson.dumps(_read("opensearch-policy")))
    )
    if answer.response.status in _NO_POLICIES:
        return f"no policy {POLICY}: this OpenSearch lacks Index State Management"
    if answer.response.status == _CONFLICT:
        return f"policy {POLICY} is there already"
    if answer.failed:
        raise refusal(answer)
    return f"policy {POLICY}"


async def _put(nodes: Nodes, path: str, content: dict[str, Any]) -> None:
    answer = await nodes.request("PUT", path, content=Content(orjson.dumps(content)))
    if answer.failed:
        raise refusal(answer)


def _read(name: str) -> dict[str, Any]:
    text = files("penstock.exporters").joinpath(_FOLDER, f"{name}.json").read_bytes()
    content: dict[str, Any] = orjson.loads(text)
    return content
