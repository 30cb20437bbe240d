"""The engine, and the names that a component needs."""

from penstock.pipeline.batch import Batch, Column, Signal
from penstock.pipeline.component import (
    Connector,
    ConnectorConfig,
    Consume,
    Context,
    Exporter,
    ExporterConfig,
    Extension,
    ExtensionConfig,
    Processor,
    ProcessorConfig,
    Receiver,
    ReceiverConfig,
    Rejected,
    Stage,
)
from penstock.pipeline.errors import (
    Invalid,
    MalformedPayload,
    Permanent,
    Refused,
    Retryable,
    StartError,
)

__all__ = [
    "Batch",
    "Column",
    "Connector",
    "ConnectorConfig",
    "Consume",
    "Context",
    "Exporter",
    "ExporterConfig",
    "Extension",
    "ExtensionConfig",
    "Invalid",
    "MalformedPayload",
    "Permanent",
    "Processor",
    "ProcessorConfig",
    "Receiver",
    "ReceiverConfig",
    "Refused",
    "Rejected",
    "Retryable",
    "Signal",
    "Stage",
    "StartError",
]
