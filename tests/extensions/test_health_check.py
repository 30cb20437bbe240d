"""The health_check extension."""

import socket
from datetime import datetime

import aiohttp
import pytest
from pydantic import ValidationError

from penstock.extensions.health_check import Config, HealthCheck, go_duration
from penstock.pipeline import StartError
from tests.kit import Backend, Source, in_loop, service, wire


async def get(subject: HealthCheck, path: str = "/") -> tuple[int, object]:
    """The status and the body of an answer."""
    url = f"http://127.0.0.1:{subject.port}{path}"
    async with aiohttp.ClientSession() as client, client.get(url) as answer:
        is_json = answer.content_type == "application/json"
        return answer.status, await answer.json() if is_json else None


def subject(**options: object) -> HealthCheck:
    """On a free port."""
    return HealthCheck(Config.model_validate({"endpoint": "127.0.0.1:0", **options}))


def test_options_and_defaults_are_the_collectors() -> None:
    assert Config().model_dump() == {"endpoint": "localhost:13133", "path": "/"}


def test_a_path_begins_with_a_slash() -> None:
    with pytest.raises(ValidationError):
        Config(path="health")


@in_loop
async def test_available_from_when_every_pipeline_runs_until_the_stop_begins() -> None:
    health = subject()
    unavailable = {
        "status": "Server not available",
        "upSince": "0001-01-01T00:00:00Z",
        "uptime": "",
    }
    await health.start()
    assert await get(health) == (503, unavailable)
    health.ready()
    status, body = await get(health)
    assert status == 200
    assert isinstance(body, dict)
    assert body["status"] == "Server available"
    assert datetime.fromisoformat(body["upSince"]).tzinfo
    assert body["uptime"].endswith("s")
    health.not_ready()
    assert await get(health) == (503, unavailable)
    await health.stop()


@in_loop
async def test_the_service_tells_it_when_it_runs() -> None:
    health = subject(path="/healthz")
    settings = wire("traces: in -> out", in_=Source(), out=Backend(), health=health)
    async with service(settings):
        assert (await get(health, "/healthz"))[0] == 200
        assert (await get(health))[0] == 404


@in_loop
async def test_a_port_in_use_is_an_error_that_names_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        health = subject(endpoint=address)
        with pytest.raises(StartError, match=f"cannot listen on {address}"):
            await health.start()
        await health.stop()


@in_loop
async def test_a_stop_without_start_and_a_second_one_are_harmless() -> None:
    health = subject()
    await health.stop()
    await health.start()
    await health.stop()
    await health.stop()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (2.25, "2.25s"),
        (62.3, "1m2.3s"),
        (600, "10m0s"),
        (3600, "1h0m0s"),
        (7384.000001, "2h3m4.000001s"),
        (59.9999999, "1m0s"),
    ],
)
def test_uptime_is_in_gos_notation(seconds: float, text: str) -> None:
    assert go_duration(seconds) == text
