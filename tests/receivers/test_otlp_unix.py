"""Sockets in the file system: who may write, and what a server that is no more has left there."""

from __future__ import annotations

import socket
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

import grpc
import pytest

from penstock.receivers.otlp import GRPC_METHODS
from tests.kit import spans
from tests.receivers.clients import GrpcSender, read_response
from tests.receivers.serving import PATIENCE, Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def listening(path: Path, permissions: int = 0o600) -> Iterator[Server]:
    server = Server()
    server.intake.listen_unix(str(path), permissions=permissions)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "otlp.sock"


def test_both_protocols_are_taken(path: Path) -> None:
    batch = spans(3)
    with listening(path) as server:
        with GrpcSender(f"unix:{path}", authority="localhost") as sender:
            call = sender.call(GRPC_METHODS[batch.signal], batch.to_otlp())
            assert call.code is grpc.StatusCode.OK
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(str(path))
            connection.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            assert read_response(connection).status == 415
        assert server.items == 3


@pytest.mark.parametrize("permissions", [0o600, 0o660])
def test_the_socket_has_its_permissions_and_goes_with_its_server(
    path: Path, permissions: int
) -> None:
    with listening(path, permissions):
        assert stat.S_IMODE(path.stat().st_mode) == permissions
    assert not path.exists()


def test_what_a_server_has_left_is_replaced(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert path.exists()
    with listening(path), socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))


def test_a_server_that_lives_is_in_the_way(path: Path) -> None:
    with listening(path), pytest.raises(OSError, match="in use"):
        Server().intake.listen_unix(str(path))


def test_a_file_that_is_no_socket_stays(path: Path) -> None:
    path.write_text("precious")
    with pytest.raises(OSError, match="in use"):
        Server().intake.listen_unix(str(path))
    assert path.read_text() == "precious"


def test_another_servers_socket_stays_at_the_stop(path: Path) -> None:
    with listening(path):
        path.unlink()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
    assert path.exists()
