"""Back ends that are late, gone or slow, and the end of Penstock itself: nothing taken is lost."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from penstock.pipeline.service import ECHO
from tests.integration.jaeger import Jaeger
from tests.integration.load import SPANS, Load
from tests.integration.program import complete, eventually, fetch, free_ports
from tests.integration.recorder import Recorder
from tests.integration.service import Penstock

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.peers import Peers


def exporter(address: str, **options: Any) -> dict[str, Any]:
    """An exporter that tries again soon: the first wait is 5 seconds by default."""
    retry = {"initial_interval": "100ms", "max_interval": "200ms"}
    clear = {"tls": {"insecure": True}}
    return {"endpoint": address, **clear, "retry_on_failure": retry, **options}


def ids(recorder: Recorder) -> list[bytes]:
    """Ids of the spans that have arrived."""
    return sorted(span.span_id for span in recorder.spans())


def queued(penstock: Penstock, exporter: str) -> int:
    """How many items an exporter has still to send."""
    return penstock.numbers().total("penstock_exporter_queued_items", exporter=exporter)


def test_back_end_that_comes_late_gets_everything_once(tmp_path: Path) -> None:
    recorder = Recorder()
    with Penstock(tmp_path, {"otlp": exporter(recorder.address)}) as penstock:
        load = Load(penstock.ports.grpc)
        load.send(40)
        penstock.wait_until(lambda: "will be repeated" in penstock.output())
        assert queued(penstock, "otlp") == 40 * SPANS

        with recorder:
            penstock.expect_delivered("traces", 40 * SPANS)

            assert ids(recorder) == sorted(load.accepted)


def test_back_end_that_breaks_off_under_load_gets_everything_at_least_once(
    tmp_path: Path, recorder: Recorder
) -> None:
    with Penstock(tmp_path, {"otlp": exporter(recorder.address)}) as penstock:
        with Load(penstock.ports.grpc) as load:
            eventually(lambda: len(recorder.spans()) > 1000)
            recorder.stop()
            accepted = len(load.accepted)
            eventually(lambda: len(load.accepted) > accepted + 1000)
            recorder.start()
            eventually(lambda: len(recorder.spans()) > accepted)

        penstock.expect_delivered("traces", len(load.accepted))

        assert set(ids(recorder)) == set(load.accepted)


def test_jaeger_that_is_killed_gets_what_follows_when_it_is_back(
    tmp_path: Path, peers: Peers
) -> None:
    def send(service: str) -> None:
        to = ["--otlp-insecure", f"--otlp-endpoint=127.0.0.1:{penstock.ports.grpc}"]
        what = ["--traces=50", "--rate=0", f"--service={service}"]
        complete(peers.command("telemetrygen", "run", "traces", *to, *what))

    with Jaeger(peers, tmp_path) as jaeger:
        address = f"127.0.0.1:{jaeger.grpc}"
        with Penstock(tmp_path, {"otlp/jaeger": exporter(address)}) as penstock:
            send("before")
            eventually(lambda: len(jaeger.spans("before")) == 100)
            jaeger.kill()
            send("while it is down")
            penstock.wait_until(lambda: "will be repeated" in penstock.output())

            with Jaeger(peers, tmp_path, jaeger.ports) as successor:
                eventually(lambda: len(successor.spans("while it is down")) == 100)

                penstock.expect_delivered("traces", 200)


def test_dead_back_end_delays_no_other(tmp_path: Path, recorder: Recorder) -> None:
    (nobody,) = free_ports(1)
    exporters = {
        "otlp/dead": exporter(f"127.0.0.1:{nobody}"),
        "otlphttp/dead": exporter(f"http://127.0.0.1:{nobody}"),
        "otlp/alive": exporter(recorder.address),
    }
    with Penstock(tmp_path, exporters) as penstock:
        load = Load(penstock.ports.grpc)
        load.send(40)

        eventually(lambda: ids(recorder) == sorted(load.accepted))
        penstock.expect_balance("traces")
        for dead in ("otlp/dead", "otlphttp/dead"):
            assert queued(penstock, dead) == 40 * SPANS


def test_sigterm_under_load_delivers_exactly_what_was_accepted(
    tmp_path: Path, recorder: Recorder
) -> None:
    with Penstock(tmp_path, {"otlp": exporter(recorder.address)}) as penstock:
        with Load(penstock.ports.grpc) as load:
            eventually(lambda: len(recorder.spans()) > 2000)
            penstock.terminate()
            assert penstock.wait() == 0

        assert "error" not in penstock.output()
        assert ids(recorder) == sorted(load.accepted)


def test_second_sigterm_ends_at_once_and_tells_what_was_lost(
    tmp_path: Path, recorder: Recorder
) -> None:
    recorder.hold()
    patient = exporter(recorder.address, timeout="60s")
    with Penstock(tmp_path, {"otlp": patient}) as penstock:
        Load(penstock.ports.grpc).send(2)
        health = f"http://127.0.0.1:{penstock.ports.health}/"
        penstock.terminate()
        echoed = time.monotonic() + ECHO
        penstock.wait_until(lambda: not fetch(health) and time.monotonic() > echoed)
        begin = time.monotonic()

        penstock.terminate()

        assert penstock.wait() == 0
        assert time.monotonic() - begin < 5
        assert f"could not deliver before the stop: {2 * SPANS} spans" in penstock.output()
