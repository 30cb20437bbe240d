"""Write the dashboards that definitions/ describes: `python -m deploy.grafana.generate`."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from grafana_foundation_sdk.cog.encoder import JSONEncoder

if TYPE_CHECKING:
    from deploy.grafana.dashboard import Dashboard

HERE = Path(__file__).parent
FILES = HERE / "dashboards"


def definitions() -> list[Dashboard]:
    """The dashboard of each module in definitions/."""
    modules = sorted(path.stem for path in (HERE / "definitions").glob("*.py"))
    return [importlib.import_module(f"deploy.grafana.definitions.{it}").DASHBOARD for it in modules]


def written(dashboard: Dashboard) -> str:
    """What the file of a dashboard holds."""
    encoder = JSONEncoder(indent=2, sort_keys=True, ensure_ascii=False)
    return encoder.encode(dashboard.build().build()) + "\n"


if __name__ == "__main__":
    for definition in definitions():
        (FILES / f"{definition.uid}.json").write_text(written(definition))
