"""Settings of headers and TLS, and words of back ends in log lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import TypeAdapter, ValidationError

from penstock.config.client_tls import ClientTLS
from penstock.exporters._client import Headers, quote
from penstock.pipeline import StartError

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "s3cr3t"
HEADERS = TypeAdapter(Headers)


@pytest.mark.parametrize("notation", [{"X-Key": SECRET}, [{"name": "X-Key", "value": SECRET}]])
def test_headers_are_a_mapping_or_a_list_and_their_values_are_not_shown(notation: Any) -> None:
    headers = HEADERS.validate_python(notation)
    assert headers["X-Key"].get_secret_value() == SECRET
    assert SECRET not in repr(headers)
    assert SECRET not in str(HEADERS.dump_python(headers))
    assert SECRET not in HEADERS.dump_json(headers).decode()


@pytest.mark.parametrize(
    ("headers", "complaint"),
    [
        ({"a b": "1"}, "not the name of a header"),
        ({"": "1"}, "not the name of a header"),
        ({"a": "1\r\nb: 2"}, "the value of the header a must be printable ASCII"),
        ({"a": "é"}, "printable ASCII"),
        ({"Content-Type": "text/plain"}, "the exporter sets it"),
        ([{"key": "a"}], "should be a valid dictionary"),
    ],
)
def test_headers_that_cannot_be_sent_are_refused(headers: Any, complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        HEADERS.validate_python(headers)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"ca_file": "x", "ca_pem": "y"}, "ca_file and ca_pem are both set"),
        ({"cert_file": "x", "cert_pem": "y", "key_file": "z"}, "cert_file and cert_pem"),
        ({"cert_file": "x", "key_file": "y", "key_pem": "z"}, "key_file and key_pem"),
        ({"cert_file": "x"}, "belong together"),
        ({"key_pem": "x"}, "belong together"),
        ({"min_version": "1.0"}, "Extra inputs"),
    ],
)
def test_tls_options_that_contradict_each_other_are_refused(
    options: dict[str, str], complaint: str
) -> None:
    with pytest.raises(ValidationError, match=complaint):
        ClientTLS.model_validate(options)


@pytest.mark.parametrize(
    ("options", "clear", "encrypted", "complaint"),
    [
        ({"insecure": True}, False, True, "contradicts"),
        ({"insecure": True, "ca_file": "x"}, False, False, "sent to in clear"),
        ({"insecure_skip_verify": True}, True, False, "sent to in clear"),
    ],
)
def test_tls_options_that_contradict_the_endpoint_are_refused(
    options: dict[str, Any], clear: bool, encrypted: bool, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        ClientTLS.model_validate(options).check_scheme(clear=clear, encrypted=encrypted)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"ca_file": "{folder}/absent.pem"}, "otlp/eu: tls: cannot use .*/absent.pem: No such"),
        ({"ca_file": "{folder}/ca.key"}, "cannot use .*/ca.key"),
        ({"ca_pem": "no certificate"}, "cannot use ca_pem"),
        ({"ca_pem": "kein Schlüssel"}, "cannot use ca_pem"),
        (
            {"cert_file": "{folder}/client.pem", "key_file": "{folder}/absent.key"},
            "cannot use .*/absent.key: No such",
        ),
        (
            {"cert_file": "{folder}/client.pem", "key_file": "{folder}/server.key"},
            "cannot use .*/client.pem with its key: .*mismatch",
        ),
        (
            {"cert_file": "{folder}/client.pem", "key_file": "{folder}/locked.key"},
            "cannot use .*/client.pem with its key",
        ),
    ],
)
def test_a_certificate_that_cannot_be_used_stops_the_start(
    options: dict[str, str], complaint: str, certificates: Path
) -> None:
    filled = {option: value.format(folder=certificates) for option, value in options.items()}
    with pytest.raises(StartError, match=complaint):
        ClientTLS.model_validate(filled).ssl_context("otlp/eu")


def test_words_of_a_back_end_are_shortened_and_made_printable() -> None:
    assert quote(" all is\nlost \x1b[2J ") == r"all is\nlost \u001b[2J"
    assert quote("ü" * 300) == "ü" * 300
    assert quote("x" * 1_000_000) == "x" * 300 + "…"
