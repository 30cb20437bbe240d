"""The k8sattributes processor with the API of a cluster."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from pydantic import ValidationError

from penstock.kubernetes import api as kubernetes_api
from penstock.pipeline import StartError
from penstock.processors import _k8s_pods
from penstock.processors.filter import Config as Filter
from penstock.processors.k8sattributes import Config
from penstock.receivers.otlp import GRPC_METHODS
from penstock.receivers.otlp import Config as Otlp
from tests.certificates import make_authority
from tests.integration.program import free_ports
from tests.kit import (
    PATIENCE,
    Backend,
    Next,
    Source,
    context,
    eventually,
    in_loop,
    service,
    wire,
)
from tests.kubernetes_api import TOKEN, cluster, pod
from tests.processors.items import resources, resources_of
from tests.receivers.clients import GrpcSender

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from penstock.pipeline import Batch
    from penstock.processors.k8sattributes import K8sAttributes

SHOP = {
    "k8s.pod.name": "shop-6c45f8d6f6-x2x9p",
    "k8s.pod.uid": "0f6b7d0e-2b62-4f0e-9d0a-2a1c7e3a1c11",
    "k8s.pod.start_time": "2026-11-21T08:00:00Z",
    "k8s.namespace.name": "sales",
    "k8s.node.name": "node-a",
    "k8s.deployment.name": "shop",
}
HERE = {"k8s.pod.ip": "10.244.0.11"}
LABEL = "k8s.pod.labels.app.kubernetes.io/name"
ALL = {"auth_type": "serviceAccount", "wait_for_metadata": True}


class Subject:
    """A processor that follows a cluster."""

    def __init__(self, stage: K8sAttributes, after: Next) -> None:
        self._stage = stage
        self._after = after

    async def told(self, *given: dict[str, Any]) -> list[dict[str, Any]]:
        """The resources with what was added."""
        self._after.got.clear()
        await self._stage.consume(resources(*given))
        return resources_of(self._after.got[0])

    async def wait(self, *, known: bool, **given: str) -> None:
        """Return when something is told to a resource, or no longer."""
        async with asyncio.timeout(PATIENCE):
            while (await self.told(given) != [given]) is not known:  # noqa: ASYNC110
                await asyncio.sleep(0.001)


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once."""
    for name in ("_FIRST_PAUSE", "_BETWEEN"):
        monkeypatch.setattr(kubernetes_api, name, 0.001)


@asynccontextmanager
async def following(**options: Any) -> AsyncIterator[Subject]:
    after = Next()
    async with context("k8sattributes", pipeline="traces") as given:
        stage = Config.model_validate({**ALL, **options}).build(given)
        await stage.start(after.consume)
        yield Subject(stage, after)
        await stage.stop()


async def refusal(**options: Any) -> str:
    """Why it does not start."""
    async with context("k8sattributes", pipeline="traces") as given:
        stage = Config.model_validate({**ALL, **options}).build(given)
        with pytest.raises(StartError) as fault:
            await stage.start(Next().consume)
    return str(fault.value)


def by(*names: str) -> list[dict[str, Any]]:
    """Association by resource attributes."""
    return [{"sources": [{"from": "resource_attribute", "name": name} for name in names]}]


@in_loop
async def test_a_resource_is_told_about_the_pod_of_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cluster(tmp_path, monkeypatch) as api, following() as subject:
        found = await subject.told(
            HERE, {"ip": "10.244.0.11"}, {"host.name": "10.244.0.11"}, {"k8s.pod.ip": "10.9.9.9"}
        )
        assert found[:3] == [
            {**HERE, **SHOP},
            {"ip": "10.244.0.11", **SHOP},
            {"host.name": "10.244.0.11", **SHOP},
        ]
        assert found[3] == {"k8s.pod.ip": "10.9.9.9"}
        assert [it["path"] for it in api.asked] == ["/api/v1/pods"] * 2, "two pages"


@in_loop
async def test_what_is_there_stays_unless_it_is_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cluster(tmp_path, monkeypatch), following() as subject:
        given = {**HERE, "k8s.pod.name": "mine", "k8s.node.name": "", "k8s.pod.uid": ["list"]}
        (found,) = await subject.told(given)
    assert found == {**SHOP, **given, "k8s.node.name": "node-a"}


@pytest.mark.parametrize(
    ("association", "given"),
    [
        (by("k8s.pod.uid"), {"k8s.pod.uid": SHOP["k8s.pod.uid"]}),
        (
            by("k8s.pod.name", "k8s.namespace.name"),
            {"k8s.pod.name": SHOP["k8s.pod.name"], "k8s.namespace.name": "sales"},
        ),
        (by("no such") + by("k8s.pod.ip"), {"no such": "x", **HERE}),
        (by("host.name"), {"host.name": "10.244.0.11"}),
        (
            by("k8s.pod.labels.app.kubernetes.io/name"),
            {"k8s.pod.labels.app.kubernetes.io/name": "shop"},
        ),
    ],
)
def test_pods_are_found_by_what_the_settings_say(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    association: list[dict[str, Any]],
    given: dict[str, str],
) -> None:
    extract = {"metadata": ["k8s.node.name"], "labels": [{"key": "app.kubernetes.io/name"}]}

    @in_loop
    async def run() -> None:
        async with (
            cluster(tmp_path, monkeypatch),
            following(pod_association=association, extract=extract) as subject,
        ):
            wrong = dict.fromkeys(given, "another")
            assert await subject.told(given, wrong) == [
                {**given, "k8s.node.name": "node-a", LABEL: "shop"},
                wrong,
            ]

    run()


@pytest.mark.parametrize(
    ("extract", "given", "added"),
    [
        (
            {"metadata": ["k8s.replicaset.name", "k8s.replicaset.uid", "k8s.pod.hostname"]},
            HERE,
            {
                "k8s.replicaset.name": "shop-6c45f8d6f6",
                "k8s.replicaset.uid": "ee75293d-14ec-42a0-9548-a768d9e07c48",
                "k8s.pod.hostname": "shop",
            },
        ),
        (
            {"metadata": ["k8s.job.name", "k8s.job.uid", "k8s.cronjob.name"]},
            {"k8s.pod.ip": "10.244.1.5"},
            {
                "k8s.job.name": "nightly-28871040",
                "k8s.job.uid": "job-uid",
                "k8s.cronjob.name": "nightly",
            },
        ),
        (
            {"metadata": ["k8s.container.name", "container.image.name", "container.image.tag"]},
            {"k8s.pod.ip": "10.244.1.5"},
            {
                "k8s.container.name": "main",
                "container.image.name": "nightly",
                "container.image.tag": "7",
            },
        ),
        (
            {"metadata": ["container.id", "container.image.name", "container.image.tag"]},
            {**HERE, "k8s.container.name": "web"},
            {
                "container.id": "4af1",
                "container.image.name": "registry.example:5000/shop/web",
                "container.image.tag": "1.4.2",
            },
        ),
        (
            {"metadata": ["k8s.container.name", "container.id", "container.image.tag"]},
            {**HERE, "container.id": "5bf2"},
            {"k8s.container.name": "proxy", "container.image.tag": "latest"},
        ),
        ({"metadata": ["k8s.container.name"]}, HERE, {}),
        (
            {
                "metadata": [],
                "labels": [{"tag_name": "$1", "key_regex": "app.kubernetes.io/(.*)"}],
                "annotations": [{"tag_name": "team", "key": "owner"}, {"key": "absent"}],
            },
            HERE,
            {"name": "shop", "version": "1.4.2", "team": "team-sales"},
        ),
        (
            {"metadata": [], "otel_annotations": True, "annotations": [{"key_regex": "own.*"}]},
            HERE,
            {"service.version": "1.4.2", "k8s.pod.annotations.owner": "team-sales"},
        ),
    ],
)
def test_what_is_told_is_chosen(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    extract: dict[str, Any],
    given: dict[str, str],
    added: dict[str, str],
) -> None:
    @in_loop
    async def run() -> None:
        async with cluster(tmp_path, monkeypatch), following(extract=extract) as subject:
            assert await subject.told(given) == [{**given, **added}]

    run()


@pytest.mark.parametrize(("by_name", "expected"), [(True, "shop"), (False, None)])
def test_without_the_label_a_deployment_is_told_by_the_replicaset_only_where_that_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_name: bool, expected: str | None
) -> None:
    @in_loop
    async def run() -> None:
        async with cluster(tmp_path, monkeypatch) as api:
            api.pods = [pod("shop", labels={})]
            extract = {"deployment_name_from_replicaset": by_name}
            async with following(extract=extract) as subject:
                (found,) = await subject.told(HERE)
                assert found.get("k8s.deployment.name") == expected

    run()


@in_loop
async def test_pods_of_the_hosts_network_have_no_address_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = {"k8s.pod.uid": "7c9e6679-7425-40de-944b-e07fc1f90ae7"}
    rules = by("k8s.pod.ip") + by("k8s.pod.uid")
    async with cluster(tmp_path, monkeypatch), following(pod_association=rules) as subject:
        other, agent = await subject.told({"k8s.pod.ip": "192.0.2.7"}, uid)
    assert other == {"k8s.pod.ip": "192.0.2.7"}
    assert agent["k8s.pod.name"] == "agent-zz7f4"


@in_loop
async def test_pods_that_are_excluded_or_say_so_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ignored = {"opentelemetry.io/k8s-processor/ignore": " True"}
    jaeger = {"k8s.pod.ip": "10.244.0.12"}
    async with cluster(tmp_path, monkeypatch) as api:
        async with following() as subject:
            assert await subject.told(jaeger) == [jaeger]
        api.pods = [pod("shop", annotations=ignored), pod("jaeger")]
        async with following(exclude={"pods": [{"name": "^nightly"}]}) as subject:
            shop, told = await subject.told(HERE, jaeger)
            assert shop == HERE
            assert told["k8s.pod.name"] == "jaeger-collector-0"


@in_loop
async def test_only_the_pods_of_the_filter_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NODE", "node-a")
    chosen = {
        "node_from_env_var": "NODE",
        "namespace": "sales",
        "labels": [
            {"key": "app", "value": "shop"},
            {"key": "old", "op": "does-not-exist"},
            {"key": "tier", "op": "exists"},
        ],
        "fields": [{"key": "status.phase", "value": "Failed", "op": "not-equals"}],
    }
    async with cluster(tmp_path, monkeypatch) as api, following(filter=chosen):
        assert api.asked[0] == {
            "path": "/api/v1/namespaces/sales/pods",
            "limit": "250",
            "labelSelector": "app=shop,!old,tier",
            "fieldSelector": "status.phase!=Failed,spec.nodeName=node-a",
        }


@in_loop
async def test_changes_are_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fast: None
) -> None:
    async with cluster(tmp_path, monkeypatch) as api:
        async with following(pod_delete_grace_period="0s") as subject:
            new = pod("shop", uid="new", name="new", ip="10.244.0.99")
            api.tell("ADDED", new)
            await subject.wait(known=True, **{"k8s.pod.ip": "10.244.0.99"})
            api.tell("BOOKMARK", {"metadata": {"resourceVersion": "50000"}})
            api.hang_up()
            await eventually(lambda: api.watches == 2)
            api.tell("MODIFIED", pod("shop", uid="new", name="new", ip="10.244.0.100"))
            await subject.wait(known=True, **{"k8s.pod.ip": "10.244.0.100"})
            await subject.wait(known=False, **{"k8s.pod.ip": "10.244.0.99"})
            api.tell("DELETED", new)
            api.tell("DELETED", new)
            await subject.wait(known=False, **{"k8s.pod.ip": "10.244.0.100"})
        assert len(api.asked) == 2, "all were asked for only once, in two pages"


@in_loop
async def test_an_address_is_that_of_the_latest_pod_which_had_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cluster(tmp_path, monkeypatch) as api:
        later = {"creationTimestamp": "2026-11-21T12:00:00Z"}
        api.pods = [pod("shop", uid="2", name="second", **later), pod("shop")]
        async with following() as subject:
            (found,) = await subject.told(HERE)
    assert found["k8s.pod.name"] == "second"


@in_loop
async def test_a_pod_is_known_for_a_while_after_it_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fast: None
) -> None:
    async with cluster(tmp_path, monkeypatch) as api, following() as subject:
        api.tell("DELETED", pod("shop"))
        api.tell("ADDED", pod("shop", uid="2", name="2", ip="10.1.1.1"))
        await subject.wait(known=True, **{"k8s.pod.ip": "10.1.1.1"})
        assert await subject.told(HERE) == [{**HERE, **SHOP}]


@pytest.mark.parametrize(
    "event",
    [
        {"type": "ERROR", "object": {"code": 410}},
        {"type": "ERROR", "object": {"code": 500}},
        {"type": "ADDED", "object": {"metadata": {}}},
        {"type": "MODIFIED"},
        [],
    ],
)
def test_after_a_fault_all_pods_are_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fast: None, event: Any
) -> None:
    @in_loop
    async def run() -> None:
        options = {"pod_delete_grace_period": "0s"}
        async with cluster(tmp_path, monkeypatch) as api, following(**options) as subject:
            await eventually(lambda: api.watches)
            api.pods = [pod("shop", uid="2", ip="10.1.1.1")]
            api.send(event)
            await subject.wait(known=True, **{"k8s.pod.ip": "10.1.1.1"})
            await subject.wait(known=False, **HERE)

    run()


@in_loop
async def test_an_api_that_is_down_is_asked_until_it_is_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fast: None, caplog: pytest.LogCaptureFixture
) -> None:
    async with cluster(tmp_path, monkeypatch) as api, following() as subject:
        api.refuses = 500
        api.hang_up()
        await eventually(lambda: "answered 500" in caplog.text)
        assert await subject.told(HERE) == [{**HERE, **SHOP}], "what was known stays so"
        api.pods = [pod("shop", uid="2", ip="10.1.1.1")]
        api.refuses = 0
        await subject.wait(known=True, **{"k8s.pod.ip": "10.1.1.1"})


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (403, "answered 403; let the service account get, list and watch pods"),
        (500, "answered 500"),
    ],
)
def test_a_start_that_waits_fails_with_what_the_api_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, told: str
) -> None:
    @in_loop
    async def run() -> None:
        async with cluster(tmp_path, monkeypatch) as api:
            api.refuses = status
            found = await refusal(wait_for_metadata_timeout="200ms")
        assert told in found
        assert TOKEN not in found

    run()


@in_loop
async def test_a_wrong_token_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with cluster(tmp_path, monkeypatch):
        (tmp_path / "token").write_text("old")
        found = await refusal(wait_for_metadata_timeout="200ms")
    assert "401; the service account's token is not taken" in found


@in_loop
async def test_a_start_that_does_not_wait_is_not_held_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fast: None, caplog: pytest.LogCaptureFixture
) -> None:
    async with cluster(tmp_path, monkeypatch) as api:
        api.refuses = 503
        async with following(wait_for_metadata=False) as subject:
            assert await subject.told(HERE) == [HERE]
            await eventually(lambda: "Cannot follow the cluster's pods" in caplog.text)
            api.refuses = 0
            await subject.wait(known=True, **HERE)


@in_loop
async def test_outside_of_a_cluster_it_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert "KUBERNETES_SERVICE_HOST is not set" in await refusal()


@in_loop
async def test_a_stranger_that_poses_as_the_api_is_told_no_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cluster(tmp_path, monkeypatch) as api:
        make_authority(tmp_path, "stranger")
        (tmp_path / "stranger.pem").replace(tmp_path / "ca.crt")
        assert "certificate verify failed" in await refusal(wait_for_metadata_timeout="200ms")
        assert api.asked == []


@in_loop
async def test_no_more_pods_are_remembered_than_there_is_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_k8s_pods, "MAX_PODS", 1)
    async with cluster(tmp_path, monkeypatch), following() as subject:
        nightly = {"k8s.pod.ip": "10.244.1.5"}
        assert await subject.told(HERE, nightly) == [{**HERE, **SHOP}, nightly]
    assert "Pods that nothing is told of (2 items" in caplog.text


@in_loop
async def test_in_a_service_every_item_is_accounted_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, backend = Source(), Backend()
    config = Config.model_validate(ALL)
    async with cluster(tmp_path, monkeypatch):
        settings = wire("traces: in -> pod -> out", in_=source, pod=config, out=backend)
        async with service(settings):
            await source.send(resources(HERE, {}, each_has=2))
    assert [*map(len, backend.got)] == [4]
    assert backend.got[0].column('resource.attributes["k8s.pod.name"]').values == [
        SHOP["k8s.pod.name"],
        None,
    ]


CONNECTION = [{"sources": [{"from": "connection"}]}]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, {"k8s.node.name": "node-a"}),
        ({"pod_association": CONNECTION}, {"k8s.node.name": "node-a"}),
        ({"passthrough": True}, {"k8s.pod.ip": "127.0.0.1"}),
        ({"pod_association": by("k8s.pod.ip")}, {}),
    ],
)
def test_pods_are_found_by_the_address_that_items_came_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], told: dict[str, str]
) -> None:
    extract = {"metadata": ["k8s.node.name"]}
    config = Config.model_validate({**ALL, **options, "extract": extract})
    (port,) = free_ports(1)
    otlp = Otlp.model_validate({"protocols": {"grpc": {"endpoint": f"127.0.0.1:{port}"}}})
    conditions = ['HasSuffix(span.name, " 1")']
    drop = Filter.model_validate({"trace_conditions": conditions})
    backend = Backend()
    path = "traces: in -> drop pod -> out"

    @in_loop
    async def run() -> None:
        async with cluster(tmp_path, monkeypatch) as api:
            api.pods = [pod("shop", ip="127.0.0.1")]
            async with service(wire(path, in_=otlp, drop=drop, pod=config, out=backend)):
                await asyncio.to_thread(send, port, resources({}, {}, each_has=3))
                await eventually(lambda: backend.got)

    run()
    assert resources_of(backend.got[0]) == [told, told]


def send(port: int, batch: Batch) -> None:
    with GrpcSender(port) as sender:
        answer = sender.call(GRPC_METHODS[batch.signal], batch.to_otlp())
    assert answer.code is grpc.StatusCode.OK


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"auth_type": "kubeConfig"}, "not supported; use serviceAccount"),
        ({"extract": {"labels": [{"key": "a", "from": "namespace"}]}}, "not of a namespace"),
        ({"extract": {"labels": [{"key": "a", "key_regex": "b"}]}}, "found both"),
        ({"extract": {"labels": [{"tag_name": "a"}]}}, "found none"),
        ({"extract": {"labels": [{"key_regex": "("}]}}, "no regular expression"),
        ({"extract": {"metadata": ["k8s.node.uid"]}}, "k8s.pod.name"),
        ({"pod_association": [{"sources": [{"from": "resource_attribute"}]}]}, "expected a name"),
        ({"pod_association": [{"sources": [{"from": "connection", "name": "a"}]}]}, "none with"),
        ({"pod_association": [{"sources": []}]}, "at least 1"),
        ({"filter": {"node_from_env_var": "NO_SUCH"}}, "NO_SUCH is not set"),
        ({"filter": {"labels": [{"key": "a", "op": "in"}]}}, "does-not-exist"),
    ],
)
def test_what_cannot_be_done_is_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Config.model_validate({**ALL, **options})
