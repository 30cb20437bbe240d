from __future__ import annotations

import pytest

from penstock.config.types import HostPort, parse_duration, parse_host_port, parse_url_path


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("300ms", 0.3), ("1m30s", 90.0), ("1.5h", 5400.0), ("0", 0.0), (0, 0.0), ("0s", 0.0)],
)
def test_duration_is_seconds_from_gos_notation(text: str | int, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("value", [5, "5", "5 s", "-1s", "s", "", None, True, False, "1d", "1s?"])
def test_anything_else_is_no_duration(value: object) -> None:
    with pytest.raises(ValueError, match="expected a duration"):
        parse_duration(value)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("localhost:4317", HostPort("localhost", 4317)),
        (":0", HostPort("", 0)),
        ("[::1]:4317", HostPort("::1", 4317)),
    ],
)
def test_address_is_read_and_written_alike(text: str, address: HostPort) -> None:
    assert parse_host_port(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "value", ["localhost", "::1:4317", "h:p", "h:", "h:65536", "h:¹", 4317, None]
)
def test_anything_else_is_no_address(value: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_host_port(value)


def test_url_path_has_its_leading_slash_supplied() -> None:
    assert parse_url_path("v1/traces") == parse_url_path("/v1/traces") == "/v1/traces"


@pytest.mark.parametrize("value", ["", "/a b", "/a?b", "/a#b", "/ä", 5, None])
def test_anything_else_is_no_url_path(value: object) -> None:
    with pytest.raises(ValueError, match="expected a URL path"):
        parse_url_path(value)
