from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import BaseModel, Field, SecretStr

from penstock.config.secrets import is_secret, named_secret, refers_to_secret


class Tls(BaseModel):
    key_file: str = ""
    key_pem: SecretStr | None = None


class Config(BaseModel):
    tls: Tls | None = None
    pool: list[Tls] = []
    headers: Annotated[dict[str, SecretStr], Field(max_length=9)] = {}
    labels: dict[str, str] = {}
    other: SecretStr = Field(SecretStr(""), alias="pass_it")


@pytest.mark.parametrize(
    "path",
    [
        ("tls", "key_pem"),
        ("pool", 0, "key_pem"),
        ("headers", "x"),
        ("headers", 0, "value"),
        ("pass_it",),
        ("labels", "authorization"),
        ("nowhere", "password"),
    ],
)
def test_an_option_is_secret_by_its_type_or_its_name(path: tuple[str | int, ...]) -> None:
    assert is_secret(Config, path)


@pytest.mark.parametrize(
    "path", [(), ("tls",), ("tls", "key_file"), ("pool", 0), ("labels", "x"), ("nowhere", 3)]
)
def test_other_options_are_shown(path: tuple[str | int, ...]) -> None:
    assert not is_secret(Config, path)


@pytest.mark.parametrize(
    "key", ["password", "db_password", "Authorization", "x-api-key", "API_TOKEN", "client_secret"]
)
def test_keys_that_name_secrets(key: str) -> None:
    assert named_secret(key)


@pytest.mark.parametrize(
    "key", ["password_file", "key_file", "authenticator", "tokens_seen", "compass", "secretary"]
)
def test_keys_that_only_look_like_it(key: str) -> None:
    assert not named_secret(key)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Bearer ${env:VENDOR_TOKEN}", True),
        ("${SECRET:-x}", True),
        ("${file:/run/x}", True),
        ("${env:HOST}:4317", False),
        ("token ${env:HOST}", False),
    ],
)
def test_references_to_secrets_are_known_by_the_variables_name(text: str, secret: bool) -> None:
    assert refers_to_secret(text) is secret
