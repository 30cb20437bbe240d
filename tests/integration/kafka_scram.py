"""Users of Kafka by SCRAM: the request that sets their credentials, which aiokafka has not."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    CompactArray,
    CompactBytes,
    CompactString,
    Int8,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

MECHANISMS = {"SCRAM-SHA-256": (1, "sha256"), "SCRAM-SHA-512": (2, "sha512")}
"""Their numbers in the protocol, and their hashes."""

ITERATIONS = 4096
"""The least that brokers take."""

TAGS: dict[int, bytes] = {}
"""There are none."""

_TEXT = CompactString("utf-8")


class _Altered(Response):  # type: ignore[misc]  # the library has no types
    API_KEY = 51
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "results",
            CompactArray(
                ("user", _TEXT),
                ("error_code", Int16),
                ("error_message", _TEXT),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _Alter(RequestStruct):  # type: ignore[misc]  # the library has no types
    FLEXIBLE_VERSION = True
    API_KEY = 51
    API_VERSION = 0
    RESPONSE_TYPE = _Altered
    SCHEMA = Schema(
        ("deletions", CompactArray(("name", _TEXT), ("mechanism", Int8), ("tags", TaggedFields))),
        (
            "upsertions",
            CompactArray(
                ("name", _TEXT),
                ("mechanism", Int8),
                ("iterations", Int32),
                ("salt", CompactBytes),
                ("salted_password", CompactBytes),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _AlterRequest(Request[_Alter]):  # type: ignore[misc]  # the library has no types
    API_KEY = 51

    def __init__(self, mechanism: str, users: Mapping[str, str]) -> None:
        self._mechanism = mechanism
        self._users = users

    def build(self, request_struct_class: type[_Alter]) -> _Alter:
        number, hash_ = MECHANISMS[self._mechanism]
        salt = os.urandom(16)
        wanted = [
            (name, number, ITERATIONS, salt, _salted(hash_, password, salt), TAGS)
            for name, password in self._users.items()
        ]
        return request_struct_class([], wanted, TAGS)


def _salted(hash_: str, password: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac(hash_, password.encode(), salt, ITERATIONS)


async def add_users(address: str, users: Mapping[str, str]) -> None:
    """Let users in by both mechanisms, with their passwords."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        for mechanism in MECHANISMS:  # a request may name a user once
            answer = await admin._send_request(_AlterRequest(mechanism, users))
            assert all(code == 0 for _, code, *_ in answer.results), answer
    finally:
        await admin.close()
