"""The components that the contract checks are run with. Each new one adds its lines here."""

from __future__ import annotations

from tests.conformance import back_ends, clients

BACK_ENDS: dict[str, back_ends.BackEnd] = {
    "debug": back_ends.Debug(),
    "file": back_ends.File(),
    "nop": back_ends.Nop(),
    "otlp": back_ends.OtlpGrpc(),
    "otlphttp": back_ends.OtlpHttp(),
    "otlphttp json": back_ends.OtlpHttp("json"),
}
"""A back end for every exporter, and for every protocol of it."""

CLIENTS: dict[str, clients.Client] = {
    "otlp grpc": clients.OtlpGrpc(),
    "otlp http": clients.OtlpHttp(),
    "otlp http json": clients.OtlpHttp("json"),
}
"""A client for every receiver, and for every protocol of it."""
