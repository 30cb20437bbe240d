"""Options of the `elasticsearch` exporter that are sections of their own."""

from __future__ import annotations

import base64
import binascii
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from penstock.config.types import Duration, Section
from penstock.pipeline.delivery.retry import RetryConfig
from penstock.pipeline.delivery.sending_queue import BatchConfig, QueueConfig, Sizer


class Mode(StrEnum):
    """How a document is made of an item."""

    OTEL = "otel"
    ECS = "ecs"
    NONE = "none"
    RAW = "raw"
    BODYMAP = "bodymap"


class Mapping(Section):
    """How documents are made."""

    mode: Mode = Mode.OTEL
    """How a document is made of an item: `otel`, `ecs`, `none`, `raw` or `bodymap`. The scope
    attribute `elastic.mapping.mode` says otherwise for its items."""
    allowed_modes: list[Mode] = Field(default=list(Mode), min_length=1)
    """The modes that a scope may ask for; items of others are rejected."""


class Switch(Section):
    """Something that is done or not."""

    enabled: bool = False
    """Whether it is done."""


class LogstashFormat(Section):
    """Indices of one day each, as Logstash has them."""

    enabled: bool = False
    """Whether the date of sending is the end of the names of indices."""
    prefix_separator: str = "-"
    """What stands before the date."""
    date_format: str = "%Y.%m.%d"
    """The date, by the rules of `strftime`, in UTC."""


class BulkBatch(BatchConfig):
    """Batches as large as a request of the bulk API should be."""

    flush_timeout: Duration = Field(default=10.0, gt=0)
    """How long items wait for a batch to fill."""
    min_size: int = Field(default=1_000_000, ge=0)
    """The size from which a batch is sent."""
    max_size: int = Field(default=5_000_000, ge=0)
    """The size above which a batch is split; 0 does not split."""
    sizer: Sizer = Sizer.BYTES
    """What the sizes count: `items` or `bytes`, of telemetry as it was received."""


class BulkQueue(QueueConfig):
    """The queue before the exporter."""

    batch: BulkBatch | None = BulkBatch()
    """Merge and split what is queued; `null` sends batches as they come."""


class BulkRetry(RetryConfig):
    """Back-off that begins soon."""

    initial_interval: Duration = 0.1
    """The wait before the second attempt."""
    max_interval: Duration = 60.0
    """The longest interval."""


Compression = Annotated[
    Literal["gzip", "none"], BeforeValidator(lambda name: "none" if name == "" else name)
]
"""How requests are compressed: what Elasticsearch understands."""

_PARTS = 2


def _is_cloud_id(text: str) -> str:
    cloud_endpoint(text)
    return text


def cloud_endpoint(text: str) -> str:
    """The URL of a deployment of Elastic Cloud. Raises `ValueError` for what is no id of one."""
    try:
        encoded = text.rpartition(":")[2]
        parts = base64.b64decode(encoded, validate=True).decode().split("$")
    except (binascii.Error, UnicodeDecodeError):
        parts = []
    if len(parts) < _PARTS or not all(parts[:_PARTS]):
        msg = "expected the Cloud ID of a deployment, such as name:ZXhhbXBsZS5jb20kYWJj"
        raise ValueError(msg)
    host, _, port = parts[0].partition(":")
    return f"https://{parts[1]}.{host}:{port or 443}"


CloudId = Annotated[str, AfterValidator(_is_cloud_id)]
"""A deployment of Elastic Cloud."""
