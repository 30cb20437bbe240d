"""Ready-made sets of indicators: a YAML file each, which `preset` names."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

_SUFFIX = ".yaml"


def names() -> list[str]:
    """The presets there are."""
    found = (file.name for file in files(__name__).iterdir())
    return sorted(name.removesuffix(_SUFFIX) for name in found if name.endswith(_SUFFIX))


def load(name: str) -> dict[str, Any]:
    """The indicators of a preset by name, each as settings would have it. Raises `KeyError`."""
    from yaml import CSafeLoader, load

    if name not in names():
        raise KeyError(name)
    text = (files(__name__) / f"{name}{_SUFFIX}").read_text()
    indicators: dict[str, Any] = load(text, CSafeLoader)["indicators"]
    return indicators
