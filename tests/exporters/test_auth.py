"""The credentials of exporters: on every request, and new ones when the old are refused."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from penstock.exporters import otlp, otlphttp
from penstock.pipeline import Exporter, Permanent, Retryable, StartError
from penstock.pipeline.auth import ClientAuthenticator
from tests.exporters.attempts import outcome
from tests.exporters.test_otlp import Backend as GrpcBackend
from tests.exporters.test_otlphttp import Backend as HttpBackend
from tests.exporters.test_otlphttp import answering
from tests.kit import context, in_loop, spans

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from penstock.pipeline import ExporterConfig

SECRET = "s3cr3t"
AUTH = {"authenticator": "purse"}


class Purse(ClientAuthenticator):
    """Holds a token, and finds a newer one when it is asked to look."""

    def __init__(self, *tokens: str) -> None:
        self._tokens = [*tokens]

    @property
    def headers(self) -> Mapping[str, str]:
        return {"authorization": f"Bearer {self._tokens[0]}"}

    async def renew(self) -> None:
        if len(self._tokens) > 1:
            self._tokens.pop(0)


@asynccontextmanager
async def running(config: ExporterConfig, purse: Purse) -> AsyncIterator[Exporter]:
    """A started exporter whose authenticator is `purse`."""
    async with context("otlp/test", extensions={"purse": purse}) as given:
        exporter = config.build(given)
        assert isinstance(exporter, Exporter)
        await exporter.start()
        yield exporter
        await exporter.stop()


def grpc_to(backend: GrpcBackend, **settings: Any) -> otlp.Config:
    """Settings that send to `backend` in clear, with credentials."""
    endpoint = f"http://127.0.0.1:{backend.port}"
    return otlp.Config.model_validate({"endpoint": endpoint, "auth": AUTH, **settings})


def http_to(backend: HttpBackend, **settings: Any) -> otlphttp.Config:
    """Settings that send to `backend` in clear, with credentials."""
    endpoint = f"http://127.0.0.1:{backend.port}"
    return otlphttp.Config.model_validate({"endpoint": endpoint, "auth": AUTH, **settings})


def unauthenticated(_request: bytes, call: grpc.ServicerContext) -> bytes:
    """A back end's answer to credentials that it does not take."""
    call.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you?")
    raise AssertionError


@in_loop
async def test_grpc_requests_carry_the_credentials_of_now_instead_of_the_header_of_that_name() -> (
    None
):
    backend, purse = GrpcBackend(), Purse("one", "two")
    headers = {"Authorization": "Basic old", "x-tenant": "eu"}
    with backend.serving():
        async with running(grpc_to(backend, headers=headers), purse) as exporter:
            assert await outcome(exporter, spans(1)) is None
            assert backend.metadata["authorization"] == "Bearer one"
            assert backend.metadata["x-tenant"] == "eu"
            await purse.renew()
            assert await outcome(exporter, spans(1)) is None
            assert backend.metadata["authorization"] == "Bearer two"


@in_loop
async def test_http_requests_carry_the_credentials_of_now_instead_of_the_header_of_that_name() -> (
    None
):
    backend, purse = HttpBackend(), Purse("one", "two")
    headers = {"Authorization": "Basic old", "x-tenant": "eu"}
    async with backend.serving(), running(http_to(backend, headers=headers), purse) as exporter:
        assert await outcome(exporter, spans(1)) is None
        await purse.renew()
        assert await outcome(exporter, spans(1)) is None
    sent = [{name.lower(): value for name, value in it.headers.items()} for it in backend.requests]
    assert [it["authorization"] for it in sent] == ["Bearer one", "Bearer two"]
    assert [it["x-tenant"] for it in sent] == ["eu", "eu"]


@pytest.mark.parametrize(("tokens", "fault"), [(["one"], Permanent), (["one", "two"], Retryable)])
@in_loop
async def test_a_refused_grpc_request_is_repeated_only_with_newer_credentials(
    tokens: list[str], fault: type[Exception]
) -> None:
    backend = GrpcBackend()
    backend.answer = unauthenticated
    with backend.serving():
        async with running(grpc_to(backend), Purse(*tokens)) as exporter:
            first = await outcome(exporter, spans(1))
            assert isinstance(first, fault)
            assert isinstance(await outcome(exporter, spans(1)), Permanent)
    assert ("there are newer ones" in str(first)) == (fault is Retryable)


@pytest.mark.parametrize(("tokens", "fault"), [(["one"], Permanent), (["one", "two"], Retryable)])
@in_loop
async def test_a_refused_http_request_is_repeated_only_with_newer_credentials(
    tokens: list[str], fault: type[Exception]
) -> None:
    backend = HttpBackend(answering(401))
    async with backend.serving(), running(http_to(backend), Purse(*tokens)) as exporter:
        first = await outcome(exporter, spans(1))
        assert isinstance(first, fault)
        assert isinstance(await outcome(exporter, spans(1)), Permanent)
    assert ("there are newer ones" in str(first)) == (fault is Retryable)


@in_loop
async def test_a_refusal_of_another_kind_is_no_reason_to_look_for_credentials() -> None:
    backend, purse = HttpBackend(answering(403)), Purse("one", "two")
    async with backend.serving(), running(http_to(backend), purse) as exporter:
        assert isinstance(await outcome(exporter, spans(1)), Permanent)
    assert purse.headers == {"authorization": "Bearer one"}


@pytest.mark.parametrize("config", [otlp.Config, otlphttp.Config])
@pytest.mark.parametrize("scheme", ["http", "https"])
@in_loop
async def test_credentials_that_are_sent_in_clear_are_warned_of(
    config: type[otlp.Config | otlphttp.Config],
    scheme: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = config.model_validate({"endpoint": f"{scheme}://127.0.0.1:9", "auth": AUTH})
    async with running(settings, Purse(SECRET)):
        pass
    warnings = [it.getMessage() for it in caplog.records if it.levelno == logging.WARNING]
    assert ["purse are sent in clear" in text for text in warnings] == [True] * (scheme == "http")
    assert SECRET not in caplog.text


@pytest.mark.parametrize("config", [otlp.Config, otlphttp.Config])
@in_loop
async def test_an_authenticator_that_does_not_run_stops_the_start(
    config: type[otlp.Config | otlphttp.Config],
) -> None:
    settings = config.model_validate({"endpoint": "http://127.0.0.1:9", "auth": AUTH})
    async with context("otlp/test") as given:
        with pytest.raises(StartError, match="otlp/test: no `purse` runs that can give credential"):
            await settings.build(given).start()
