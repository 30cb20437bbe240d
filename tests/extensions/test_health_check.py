"""The health_check extension."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
from datetime import datetime
from typing import TYPE_CHECKING

import aiohttp
import pytest
from pydantic import ValidationError

from penstock.extensions.health_check import Config, HealthCheck, go_duration
from penstock.pipeline import StartError
from tests.certificates import issue
from tests.kit import PATIENCE, Backend, Source, context, in_loop, service, wire

if TYPE_CHECKING:
    from pathlib import Path

V2 = {"use_v2": True, "http": {"endpoint": "127.0.0.1:0"}}


async def get(subject: HealthCheck, path: str = "/") -> tuple[int, object]:
    """The status and the body of an answer."""
    url = f"http://127.0.0.1:{subject.port}{path}"
    async with aiohttp.ClientSession() as client, client.get(url) as answer:
        is_json = answer.content_type == "application/json"
        return answer.status, await answer.json() if is_json else await answer.text()


async def subject(**options: object) -> HealthCheck:
    """On a free port."""
    async with context() as given:
        given.board.groups["extensions"] = {"extension:health_check": given.status}
        return Config.model_validate({"endpoint": "127.0.0.1:0", **options}).build(given)


def test_options_and_defaults_are_the_collectors() -> None:
    assert Config().model_dump() == {
        "endpoint": "localhost:13133",
        "tls": None,
        "path": "/",
        "response_body": None,
        "use_v2": False,
        "http": None,
        "component_health": {
            "include_permanent_errors": False,
            "include_recoverable_errors": False,
            "recovery_duration": "0s",
        },
    }


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"use_v2": True}, "go together"),
        ({"http": {}}, "go together"),
        ({**V2, "endpoint": "localhost:1"}, "`endpoint` has no effect"),
        ({**V2, "path": "/healthz"}, "`path` has no effect"),
        ({**V2, "response_body": {}}, "`response_body` has no effect"),
        ({"path": "/status"}, "the path of the status page"),
    ],
)
def test_an_option_without_effect_is_refused(options: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Config.model_validate(options)


def test_a_path_begins_with_a_slash() -> None:
    with pytest.raises(ValidationError):
        Config(path="health")


@in_loop
async def test_available_from_when_every_pipeline_runs_until_the_stop_begins() -> None:
    health = await subject()
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
    health = await subject(path="/healthz")
    settings = wire("traces: in -> out", in_=Source(), out=Backend(), health=health)
    async with service(settings):
        assert (await get(health, "/healthz"))[0] == 200
        assert (await get(health))[0] == 404


@in_loop
async def test_a_body_of_ones_own_stands_for_the_usual_one() -> None:
    health = await subject(response_body={"healthy": "fine", "unhealthy": "not yet"})
    await health.start()
    assert await get(health) == (503, "not yet")
    health.ready()
    assert await get(health) == (200, "fine")
    await health.stop()


@in_loop
async def test_version_1_has_the_status_page_besides() -> None:
    health = await subject()
    await health.start()
    status, body = await get(health, "/status")
    assert status == 503
    assert isinstance(body, dict)
    assert body["status"] == "StatusStarting"
    await health.stop()


@in_loop
async def test_version_2_has_the_status_page_alone() -> None:
    address = {"endpoint": "127.0.0.1:0", "status": {"path": "health/status"}}
    async with context() as given:
        given.board.groups["extensions"] = {"extension:health_check": given.status}
        health = Config.model_validate({"use_v2": True, "http": address}).build(given)
        await health.start()
        assert (await get(health, "/health/status"))[0] == 503
        assert (await get(health))[0] == 404
        await health.stop()


@in_loop
async def test_it_speaks_tls_with_a_certificate_that_can_change(
    certificates: Path, tmp_path: Path
) -> None:
    files = shutil.copytree(certificates, tmp_path, dirs_exist_ok=True)
    tls = {
        "cert_file": str(files / "server.pem"),
        "key_file": str(files / "server.key"),
        "reload_interval": "10ms",
    }
    async with context() as given:
        health = Config.model_validate({"endpoint": "127.0.0.1:0", "tls": tls}).build(given)
        await health.start()
        first = await serial_number(health.port, files / "ca.pem")
        issue(files, "server", by="ca")
        async with asyncio.timeout(PATIENCE):
            while await serial_number(health.port, files / "ca.pem") == first:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await health.stop()


async def serial_number(port: int, authority: Path) -> str:
    """Of the certificate that a page shows, and that the authority has signed."""
    trusted = ssl.create_default_context(cafile=authority)
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusted)
    shown: dict[str, str] = writer.get_extra_info("peercert")
    writer.close()
    await writer.wait_closed()
    return shown["serialNumber"]


@in_loop
async def test_a_port_in_use_is_an_error_that_names_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        health = await subject(endpoint=address)
        with pytest.raises(StartError, match=f"cannot listen on {address}"):
            await health.start()
        await health.stop()


@in_loop
async def test_a_stop_without_start_and_a_second_one_are_harmless() -> None:
    health = await subject()
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
