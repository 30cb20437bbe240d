"""The prometheus receiver, against targets of this machine."""

from __future__ import annotations

import gzip
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from penstock.pipeline import Invalid, Refused, StartError
from penstock.receivers.prometheus import Config, Prometheus
from tests.kit import Backend, context, eventually, in_loop, service, wire
from tests.receivers.targets import OPENMETRICS, Target, target

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from penstock.pipeline import Batch

REPORTS = {
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
}


def settings(found: Target | None = None, **job: Any) -> Config:
    """A job that scrapes a target twenty times a second."""
    static = {} if found is None else {"static_configs": [{"targets": [found.address]}]}
    quick = {"scrape_interval": "50ms", "scrape_timeout": "50ms"}
    whole = {"job_name": "shop"} | quick | static | job
    return Config.model_validate({"config": {"scrape_configs": [whole]}})


class Scraped:
    """What a receiver passed on, and what it counted."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.verdict: Exception | None = None
        self.telemetry: Any = None

    async def consume(self, batch: Batch) -> None:
        if self.verdict:
            raise self.verdict
        self.batches.append(batch)

    def rows(self, name: str) -> list[dict[str, Any]]:
        """The points of a metric, in their order."""
        rows = [row for batch in list(self.batches) for row in batch.rows()]
        return [row for row in rows if row["metric"]["name"] == name]

    def values(self, name: str) -> list[float | None]:
        return [row.get("as_double") for row in self.rows(name)]

    def scrapes(self, outcome: str) -> float:
        found: float = self.telemetry.total("penstock_receiver_scrapes", outcome=outcome)
        return found

    async def until(self, name: str, count: int = 1) -> list[dict[str, Any]]:
        """The points of a metric, once there are so many."""
        await eventually(lambda: len(self.rows(name)) >= count)
        return self.rows(name)


@asynccontextmanager
async def scraping(config: Config) -> AsyncIterator[Scraped]:
    """Run a receiver."""
    scraped = Scraped()
    async with context("prometheus") as made:
        scraped.telemetry = made.telemetry
        receiver = config.build(made)
        await receiver.start(scraped.consume)
        try:
            yield scraped
        finally:
            scraped.verdict = None
            await receiver.stop()


@in_loop
async def test_what_a_target_exposes_becomes_data_points() -> None:
    body = '# TYPE hits_total counter\nhits_total{path="/a"} 3\n'
    async with target(body) as found, scraping(settings(found)) as scraped:
        row = (await scraped.until("hits_total"))[0]
    assert row["as_double"] == 3
    assert row["attributes"] == {"path": "/a"}
    assert row["resource"]["attributes"] == {
        "service.name": "shop",
        "service.instance.id": found.address,
        "server.port": str(found.port),
        "url.scheme": "http",
    }
    assert row["scope"]["name"] == "penstock/receivers/prometheus"


@in_loop
async def test_every_scrape_is_told_of() -> None:
    body = "a 1\nb 2\nc 3\n"
    drop = [{"source_labels": ["__name__"], "regex": "c", "action": "drop"}]
    async with (
        target(body) as found,
        scraping(settings(found, metric_relabel_configs=drop)) as scraped,
    ):
        await scraped.until("up", 2)
    first, second = scraped.batches[:2]
    values = [{r["metric"]["name"]: r["as_double"] for r in b.rows()} for b in (first, second)]
    assert values[0].keys() == {"a", "b"} | REPORTS
    assert values[0]["up"] == 1
    assert values[0]["scrape_samples_scraped"] == 3
    assert values[0]["scrape_samples_post_metric_relabeling"] == 2
    assert [each["scrape_series_added"] for each in values] == [2, 0]
    assert 0 < values[0]["scrape_duration_seconds"] < 1


@in_loop
async def test_a_counter_starts_when_it_is_first_seen_and_again_when_it_falls() -> None:
    async with target("# TYPE c counter\nc 5\n") as found, scraping(settings(found)) as scraped:
        first, second, *_ = await scraped.until("c", 2)
        found.body = "# TYPE c counter\nc 1\n"
        await eventually(lambda: 1.0 in scraped.values("c"))
        fallen = next(row for row in scraped.rows("c") if row["as_double"] == 1)
    assert first["start_time_unix_nano"] == first["time_unix_nano"]
    assert second["start_time_unix_nano"] == first["time_unix_nano"]
    assert fallen["start_time_unix_nano"] == fallen["time_unix_nano"]


@in_loop
async def test_a_start_that_the_target_tells_is_kept() -> None:
    async with target("# TYPE c counter\nc_total 5\nc_created 1.5\n# EOF\n") as found:
        found.headers = {"Content-Type": OPENMETRICS}
        async with scraping(settings(found)) as scraped:
            row = (await scraped.until("c_total"))[0]
    assert row["start_time_unix_nano"] == 1_500_000_000


@in_loop
async def test_a_series_that_is_gone_is_stale_once() -> None:
    async with target("a 1\nb 2\n") as found, scraping(settings(found)) as scraped:
        await scraped.until("b")
        found.body = "a 1\n"
        await eventually(lambda: None in scraped.values("b"))
        await scraped.until("up", len(scraped.rows("up")) + 2)
    stale = [row for row in scraped.rows("b") if "as_double" not in row]
    assert [row["flags"] for row in stale] == [1]
    assert stale[0]["resource"] == scraped.rows("a")[0]["resource"]
    assert None not in scraped.values("a")


@in_loop
async def test_series_of_a_target_that_fails_are_stale_and_up_is_0() -> None:
    async with target("a 1\n") as found, scraping(settings(found)) as scraped:
        await scraped.until("a")
        found.status = 500
        await eventually(lambda: 0.0 in scraped.values("up"))
        found.status = 200
        await eventually(lambda: scraped.values("a")[-1] == 1)
        assert scraped.scrapes("status") >= 1
    values = scraped.values("a")
    assert values.count(None) == 1
    down = scraped.values("up").index(0.0)
    assert values[down] is None


@in_loop
async def test_series_with_times_of_their_own_are_not_stale_unless_asked_for() -> None:
    for track, expected in ((False, 0), (True, 1)):
        async with target("a 1 1000\nb 1\n") as found:
            config = settings(found, track_timestamps_staleness=track)
            async with scraping(config) as scraped:
                row = (await scraped.until("a"))[0]
                found.body = ""
                await eventually(lambda: None in scraped.values("b"))
        assert row["time_unix_nano"] == 1_000_000_000
        assert scraped.values("a").count(None) == expected


@in_loop
async def test_times_of_samples_can_be_ignored() -> None:
    async with (
        target("a 1 1000\n") as found,
        scraping(settings(found, honor_timestamps=False)) as scraped,
    ):
        row = (await scraped.until("a"))[0]
    assert row["time_unix_nano"] == scraped.rows("up")[0]["time_unix_nano"]


@in_loop
async def test_a_target_tells_of_itself() -> None:
    info = (
        'target_info{service_version="2",env=""} 1\na{otel_scope_name="lib",otel_scope_x="y"} 1\n'
    )
    async with target(info) as found, scraping(settings(found)) as scraped:
        row = (await scraped.until("a"))[0]
        up = scraped.rows("up")[0]
    assert row["resource"]["attributes"]["service_version"] == "2"
    assert row["resource"] == up["resource"]
    assert row["scope"] == {"name": "lib", "attributes": {"x": "y"}}
    assert "attributes" not in row
    assert scraped.rows("target_info") == []


@in_loop
async def test_honored_labels_name_other_resources() -> None:
    body = 'a{job="other",instance="b:1"} 1\na{job="",instance=""} 2\n'
    async with (
        target(body) as found,
        scraping(settings(found, honor_labels=True)) as scraped,
    ):
        await scraped.until("a", 2)
    names = [row["resource"]["attributes"]["service.name"] for row in scraped.rows("a")[:2]]
    assert names == ["other", "shop"]


@in_loop
async def test_external_labels_are_given_to_every_sample() -> None:
    async with target('a{region="x"} 1\n') as found:
        config = settings(found).model_dump(by_alias=True)["config"]["scrape_configs"]
        common = {"external_labels": {"region": "eu"}}
        given = Config.model_validate({"config": {"global": common, "scrape_configs": config}})
        async with scraping(given) as scraped:
            await scraped.until("a")
    assert scraped.rows("a")[0]["attributes"] == {"region": "eu"}
    assert scraped.rows("up")[0]["attributes"] == {"region": "eu"}


FAILURES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "it hangs": ({"hangs": True}, {}, "timeout"),
    "it answers with an error": ({"status": 404}, {}, "status"),
    "it sends what is no exposition": ({"body": "<html>"}, {}, "malformed"),
    "it lies about its type": (
        {"headers": {"Content-Type": "application/openmetrics-text"}},
        {},
        "malformed",
    ),
    "it sends protobuf that is none": (
        {
            "headers": {
                "Content-Type": "application/vnd.google.protobuf; "
                "proto=io.prometheus.client.MetricFamily; encoding=delimited"
            },
            "body": b"\xff\xff",
        },
        {},
        "malformed",
    ),
    "it has no type": ({"headers": {"Content-Type": "text/html"}}, {}, "content_type"),
    "it compresses as it was not asked to": (
        {"headers": {"Content-Type": "text/plain", "Content-Encoding": "br"}},
        {},
        "malformed",
    ),
    "its gzip is none": (
        {"headers": {"Content-Type": "text/plain", "Content-Encoding": "gzip"}},
        {},
        "malformed",
    ),
    "its gzip is cut off": (
        {
            "headers": {"Content-Type": "text/plain", "Content-Encoding": "gzip"},
            "body": gzip.compress(b"a 1\n" * 100)[:-12],
        },
        {},
        "malformed",
    ),
    "it sends too much": ({"body": b"a 1\n" * 1000}, {"body_size_limit": "1KB"}, "body_size_limit"),
    "it sends a bomb": (
        {
            "headers": {"Content-Type": "text/plain", "Content-Encoding": "gzip"},
            "body": gzip.compress(b"#" * 64_000_000),
        },
        {"body_size_limit": "1MB"},
        "body_size_limit",
    ),
    "it has too many samples": ({"body": "a 1\nb 1\n"}, {"sample_limit": 1}, "sample_limit"),
    "it has too many labels": ({}, {"label_limit": 2}, "label_limit"),
    "a name is too long": ({}, {"label_name_length_limit": 7}, "label_name_length_limit"),
    "a value is too long": (
        {"body": f'a{{b="{"x" * 50}"}} 1\n'},
        {"label_value_length_limit": 49},
        "label_value_length_limit",
    ),
    "rules leave no name": (
        {},
        {"metric_relabel_configs": [{"regex": "job", "action": "labelkeep"}]},
        "relabel",
    ),
    "there are too many targets": (
        {},
        {"static_configs": [{"targets": ["127.0.0.1:1", "127.0.0.1:2"]}], "target_limit": 1},
        "target_limit",
    ),
    "nobody is there": ({}, {"static_configs": [{"targets": ["127.0.0.1:1"]}]}, "unreachable"),
}


@pytest.mark.parametrize(("answers", "job", "outcome"), FAILURES.values(), ids=FAILURES)
@in_loop
async def test_a_scrape_fails_whole(
    answers: dict[str, Any], job: dict[str, Any], outcome: str
) -> None:
    async with target("a 1\n") as found:
        vars(found).update(answers)
        async with scraping(settings(found, **job)) as scraped:
            await eventually(lambda: scraped.scrapes(outcome))
            await scraped.until("up")
        assert scraped.scrapes("success") == 0
    assert {row["metric"]["name"] for batch in scraped.batches for row in batch.rows()} == REPORTS
    assert set(scraped.values("up")) == {0.0}


@in_loop
async def test_a_fallback_is_taken_for_types_that_say_nothing() -> None:
    async with target("a 1\n") as found:
        found.headers = {}
        config = settings(found, scrape_fallback_protocol="PrometheusText0.0.4")
        async with scraping(config) as scraped:
            await scraped.until("a")


@in_loop
async def test_gzip_is_asked_for_and_read() -> None:
    async with target() as found:
        found.body = gzip.compress(b"".join(b"a%d 1\n" % i for i in range(20_000)))
        found.headers |= {"Content-Encoding": "gzip"}
        config = settings(found, scrape_interval="1s", scrape_timeout="1s")
        async with scraping(config) as scraped:
            await scraped.until("a19999")
    assert found.asked[0].headers["Accept-Encoding"] == "gzip"


@in_loop
async def test_a_request_says_what_it_takes_and_who_asks() -> None:
    credentials = {"basic_auth": {"username": "me", "password": "secret"}}
    params = {"metrics_path": "federate", "params": {"match[]": ["a", "b"]}}
    async with target("a 1\n") as found:
        config = settings(found, **credentials, **params, enable_compression=False)
        async with scraping(config) as scraped:
            await scraped.until("a")
    asked = found.asked[0]
    assert asked.path_qs == "/federate?match%5B%5D=a&match%5B%5D=b"
    assert asked.headers["Authorization"] == "Basic bWU6c2VjcmV0"
    assert asked.headers["Accept-Encoding"] == "identity"
    assert asked.headers["X-Prometheus-Scrape-Timeout-Seconds"] == "0.05"
    assert asked.headers["Accept"] == (
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
        "application/openmetrics-text;version=0.0.1;q=0.4,"
        "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
        "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
    )


@in_loop
async def test_credentials_in_files_are_read_for_each_request(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    async with target("a 1\n") as found:
        config = settings(found, authorization={"credentials_file": str(file)})
        async with scraping(config) as scraped:
            await scraped.until("a")
            file.write_text("second")
            await eventually(lambda: found.asked[-1].headers["Authorization"] == "Bearer second")
    assert found.asked[0].headers["Authorization"] == "Bearer first"


@in_loop
async def test_credentials_that_cannot_be_read_stop_the_start() -> None:
    async with context("prometheus") as made:
        receiver = settings(authorization={"credentials_file": "/nowhere"}).build(made)
        with pytest.raises(StartError, match="/nowhere"):
            await receiver.start(Scraped().consume)
        await receiver.stop()


@in_loop
async def test_what_is_refused_is_kept_and_its_target_not_scraped_meanwhile() -> None:
    async with target("a 1\n") as found, scraping(settings(found)) as scraped:
        scraped.verdict = Refused("full", retry_after=0.01)
        await eventually(lambda: scraped.scrapes("skipped") >= 2)
        asked = len(found.asked)
        assert asked == 1
        scraped.verdict = None
        await scraped.until("a", 2)
    assert len(scraped.rows("a")) == scraped.scrapes("success")


@in_loop
async def test_what_no_stage_takes_is_dropped_and_counted() -> None:
    async with target("a 1\n") as found, scraping(settings(found)) as scraped:
        scraped.verdict = Invalid("no")
        name = "penstock_receiver_dropped_items"
        await eventually(lambda: scraped.telemetry.total(name, reason="invalid") >= 6)


@in_loop
async def test_targets_come_and_go_with_a_file(tmp_path: Path) -> None:
    file = tmp_path / "targets.yaml"
    async with target("a 1\n") as found:
        file.write_text(f"- targets: ['{found.address}']\n  labels: {{env: prod}}\n")
        discovery = {"files": [str(tmp_path / "*.yaml")], "refresh_interval": "10ms"}
        async with scraping(settings(file_sd_configs=[discovery])) as scraped:
            row = (await scraped.until("a"))[0]
            for nonsense in ("nonsense: [", "- &a {targets: [b:1]}\n- *a\n"):
                file.write_text(nonsense)
                await scraped.until("a", len(scraped.rows("a")) + 2)
            file.write_text("[]")
            await eventually(lambda: None in scraped.values("up"))
    assert row["attributes"] == {"env": "prod"}
    assert scraped.values("a")[-1] is None


@in_loop
async def test_a_target_that_goes_while_nothing_is_taken_does_not_hold_up_the_stop(
    tmp_path: Path,
) -> None:
    file = tmp_path / "targets.json"
    async with target("a 1\n") as found, target("b 1\n") as other:
        file.write_text(f'[{{"targets": ["{found.address}"]}}]')
        discovery = {"files": [str(file)], "refresh_interval": "10ms"}
        async with scraping(settings(file_sd_configs=[discovery])) as scraped:
            scraped.verdict = Refused("full", retry_after=0.01)
            await eventually(lambda: scraped.scrapes("skipped"))
            file.write_text(f'[{{"targets": ["{other.address}"]}}]')
            await eventually(lambda: other.asked)
    assert scraped.values("a") == [1.0]


@in_loop
async def test_a_url_names_targets() -> None:
    async with target("a 1\n") as found, target() as discovery:
        discovery.body = f'[{{"targets": ["{found.address}"], "labels": {{"x": "y"}}}}]'
        asked = {"url": f"http://{discovery.address}/list?key=1", "refresh_interval": "10ms"}
        async with scraping(settings(http_sd_configs=[asked])) as scraped:
            row = (await scraped.until("a"))[0]
            discovery.status = 500
            await scraped.until("a", len(scraped.rows("a")) + 2)
            discovery.status, discovery.body = 200, "[]"
            await eventually(lambda: None in scraped.values("up"))
    assert row["attributes"] == {"x": "y"}


@in_loop
async def test_a_service_accounts_for_everything_that_was_scraped() -> None:
    backend = Backend()
    async with target("a 1\nb 2\n") as found:
        wired = wire("metrics: in -> out", in_=settings(found), out=backend)
        async with service(wired):
            await eventually(lambda: len(backend.got) >= 3)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"scrape_configs": []}, "at least 1 item"),
        ({"scrape_configs": [{"job_name": "a"}, {"job_name": "a"}]}, "two jobs have the job_name"),
        ({"scrape_configs": [{}]}, "job_name"),
        ({"scrape_configs": [{"job_name": "a", "consul_sd_configs": []}]}, "consul_sd_configs"),
        (
            {
                "scrape_configs": [
                    {"job_name": "a", "scrape_interval": "1s", "scrape_timeout": "2s"}
                ]
            },
            "scrape_timeout is longer",
        ),
        ({"scrape_configs": [{"job_name": "a", "body_size_limit": "0B"}]}, "without a bound"),
        ({"scrape_configs": [{"job_name": "a", "body_size_limit": "much"}]}, "such as 10MB"),
        ({"scrape_configs": [{"job_name": "a", "scrape_interval": "5"}]}, "such as 15s"),
        (
            {"scrape_configs": [{"job_name": "a", "static_configs": [{"targets": ["http://a"]}]}]},
            "without a scheme",
        ),
        (
            {"scrape_configs": [{"job_name": "a", "file_sd_configs": [{"files": ["a.txt"]}]}]},
            "ends with .json",
        ),
        (
            {"scrape_configs": [{"job_name": "a", "basic_auth": {}, "authorization": {}}]},
            "both set",
        ),
        (
            {"scrape_configs": [{"job_name": "a", "authorization": {"type": "basic"}}]},
            "use basic_auth",
        ),
        (
            {"scrape_configs": [{"job_name": "a", "tls_config": {"cert_file": "a"}}]},
            "belong together",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Config.model_validate({"config": options})


def test_jobs_have_what_global_says() -> None:
    common = {"scrape_interval": "30s", "scrape_timeout": "20s", "sample_limit": 5}
    jobs = [{"job_name": "a"}, {"job_name": "b", "scrape_interval": "5s", "sample_limit": 6}]
    config = Config.model_validate({"config": {"global": common, "scrape_configs": jobs}})
    first, second = config.config.scrape_configs
    assert (first.scrape_interval, first.timeout, first.sample_limit) == (30, 20, 5)
    assert (second.scrape_interval, second.timeout, second.sample_limit) == (5, 5, 6)


def test_it_carries_metrics_by_http() -> None:
    assert Config.signals == {"metrics"}
    assert Prometheus.transports == ("http",)
