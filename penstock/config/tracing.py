"""`service::telemetry::traces`: own traces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

from pydantic import Field, model_validator

from penstock.config.push import GatheredSection
from penstock.config.section import TelemetryLevel, one_of
from penstock.config.settings import TracingSettings
from penstock.config.types import Section
from penstock.pipeline.telemetry.registry import Level


class RatioSection(Section):
    """A part of all traces."""

    ratio: float = Field(default=1.0, ge=0, le=1)
    """Which part, from 0 to 1."""


class SamplerSection(Section):
    """Which batches have a trace: one of these."""

    not_here: ClassVar[Mapping[str, str]] = {
        "jaeger_remote": "sample by `trace_id_ratio_based`",
    }

    always_on: dict[str, None] | None = None
    """All."""
    always_off: dict[str, None] | None = None
    """None."""
    trace_id_ratio_based: RatioSection | None = None
    """A part of them."""
    parent_based: ParentBasedSection | None = None
    """As the batches were decided on that it is made of."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        one_of(self, *type(self).model_fields)
        return self

    @property
    def never(self) -> bool:
        """Whether no batch has one; `always_off:` may have nothing after it."""
        return "always_off" in self.model_fields_set


class ParentBasedSection(Section):
    """Decide where a trace begins, and nowhere else."""

    not_here: ClassVar[Mapping[str, str]] = dict.fromkeys(
        (
            "remote_parent_sampled",
            "remote_parent_not_sampled",
            "local_parent_sampled",
            "local_parent_not_sampled",
        ),
        "the decision is made at the root and kept; set `root`",
    )

    root: SamplerSection = Field(default_factory=lambda: SamplerSection(always_on={}))
    """How it is decided there."""


class TracesSection(Section):
    """Own traces: one of each sampled batch, from the receiver to the exporters' attempts."""

    not_here: ClassVar[Mapping[str, str]] = {
        "propagators": "requests are worked on in groups, so a trace begins with its group",
        "limits": "own spans have few attributes; leave it out",
    }

    level: TelemetryLevel = Level.BASIC
    """`none` switches them off; the other levels do not differ."""
    processors: tuple[GatheredSection, ...] = ()
    """Where they are sent; without, there are none."""
    sampler: SamplerSection = Field(
        default_factory=lambda: SamplerSection(parent_based=ParentBasedSection())
    )
    """Which batches have one."""

    def settings(self) -> TracingSettings | None:
        """The same as the engine has it; `None` without traces."""
        if self.level is Level.NONE or not self.processors:
            return None
        return TracingSettings(tuple(each.batch for each in self.processors), self.sampler)
