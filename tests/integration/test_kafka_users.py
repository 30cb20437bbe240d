"""A broker that lets only some in: whoever may produces and consumes, all else is accounted for."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.certificates import make_all
from tests.integration.kafka import Kafka, Ports
from tests.integration.kafka_scram import MECHANISMS, add_users
from tests.integration.program import free_ports
from tests.integration.test_kafka import HURRY, Consuming, Producing, consumer, counts, producer, to
from tests.kit import spans

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.peers import Peers
    from tests.integration.recorder import Recorder

USERS = {"penstock": "pens-secret", "guest": "guest-secret"}
"""Of whom the first may do everything, and the other nothing."""

KINDS = ("PLAINTEXT", "SASL_PLAINTEXT", "SASL_SSL")


class Guarded(Kafka):
    """A broker with users, in clear and encrypted, that makes no topics by itself."""

    def __init__(self, peers: Peers, folder: Path) -> None:
        self.folder = make_all(folder)
        plain, controller, guarded, encrypted = free_ports(4)
        self.addresses = dict(zip(KINDS, (plain, guarded, encrypted), strict=True))
        super().__init__(peers, folder, Ports(plain, controller), self._properties(controller))

    def _properties(self, controller: int) -> dict[str, str]:
        both = ",".join(f"{kind}://127.0.0.1:{port}" for kind, port in self.addresses.items())
        kinds = ",".join(f"{kind}:{kind}" for kind in KINDS)
        pem = self.folder / "broker.pem"
        pem.write_text("".join((self.folder / f"server.{it}").read_text() for it in ("key", "pem")))
        return {
            "listeners": f"{both},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": both,
            "listener.security.protocol.map": f"CONTROLLER:PLAINTEXT,{kinds}",
            "sasl.enabled.mechanisms": ",".join(["PLAIN", *MECHANISMS]),
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(pem),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS;User:penstock",
            "auto.create.topics.enable": "false",
            **_logins(),
        }

    def client(self, mechanism: str, *, tls: bool, **about: Any) -> dict[str, Any]:
        """Settings of a client, whose user is `penstock` unless told otherwise."""
        kind = "SASL_SSL" if tls else "SASL_PLAINTEXT"
        user = about.get("user", "penstock")
        password = about.get("password", USERS[user])
        ca = str(self.folder / f"{about.get('ca', 'ca')}.pem")
        return {
            "brokers": [f"127.0.0.1:{self.addresses[kind]}"],
            "auth": {"sasl": {"mechanism": mechanism, "username": user, "password": password}},
            **({"tls": {"ca_file": ca}} if tls else {}),
        }


def _logins() -> dict[str, str]:
    known = " ".join(f'user_{name}="{password}"' for name, password in USERS.items())
    package = "org.apache.kafka.common.security"
    modules = {
        "plain": f"{package}.plain.PlainLoginModule required {known};",
        **{it.lower(): f"{package}.scram.ScramLoginModule required;" for it in MECHANISMS},
    }
    return {
        f"listener.name.{kind.lower()}.{mechanism}.sasl.jaas.config": module
        for kind in KINDS[1:]
        for mechanism, module in modules.items()
    }


@pytest.fixture(scope="module")
def guarded(peers: Peers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """One broker for all tests, which have topics of their own."""
    with Guarded(peers, tmp_path_factory.mktemp("guarded")) as kafka:
        asyncio.run(add_users(kafka.address, USERS))
        yield kafka


def test_users_prove_who_they_are_in_every_way(
    guarded: Guarded, recorder: Recorder, tmp_path: Path
) -> None:
    ways = [(mechanism, tls) for mechanism in ("PLAIN", *MECHANISMS) for tls in (False, True)]
    topics = [f"way-{number}" for number in range(len(ways))]
    guarded.create(*topics)
    exporters = {
        f"kafka/{topic}": producer(guarded, topic, **guarded.client(mechanism, tls=tls))
        for topic, (mechanism, tls) in zip(topics, ways, strict=True)
    }
    receiver = consumer(guarded, "^way-.*", **guarded.client("SCRAM-SHA-512", tls=True))
    with (
        Producing(tmp_path, exporters, "producing") as producing,
        Consuming(tmp_path, receiver, to(recorder), "consuming") as consuming,
    ):
        producing.post(spans(10))
        consuming.wait_until(lambda: len(recorder.spans()) == 10 * len(ways))
        assert "secret" not in producing.output() + consuming.output()


def test_what_is_not_let_in_is_accounted_for(guarded: Guarded, tmp_path: Path) -> None:
    guarded.create("there")
    scram = "SCRAM-SHA-512"
    faults = {
        "wrong": guarded.client(scram, tls=False, password="wrong-secret"),
        "guest": guarded.client("PLAIN", tls=False, user="guest"),
        "stranger": guarded.client(scram, tls=True, ca="stranger"),
        "missing": guarded.client(scram, tls=True),
    }
    in_vain = {"retry_on_failure": {**HURRY, "max_elapsed_time": "1s"}}
    letters = {"dead_letter": {"directory": str(tmp_path / "letters")}}
    exporters = {
        f"kafka/{name}": producer(
            guarded, "missing" if name == "missing" else "there", **settings, **in_vain, **letters
        )
        for name, settings in faults.items()
    }
    with Producing(tmp_path, exporters, "producing") as producing:
        producing.post(spans(10))
        for name in (
            "otelcol_exporter_send_failed_spans_total",
            "penstock_exporter_dead_letter_items_total",
        ):
            producing.wait_until(partial(counts, producing, name, 40))
        for remedy in ("check brokers, tls and auth", "access to the topic", "create the topic"):
            assert remedy in producing.output()
        assert "secret" not in producing.output()
