"""The hostmetrics receiver, on hosts made of files and on the one that runs the tests."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import threading
from collections import Counter
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from pydantic import ValidationError

from penstock.pipeline import Refused, StartError
from penstock.pipeline.telemetry.registry import Telemetry
from penstock.receivers import _host_metrics
from penstock.receivers._host import Host
from penstock.receivers._host_container import Container
from penstock.receivers._host_filters import Devices, Filter
from penstock.receivers._host_options import Scrapers
from penstock.receivers._host_process_files import ProcessFiles
from penstock.receivers._host_scraper import Group, Problem, batch_of
from penstock.receivers.hostmetrics import Config
from tests.kit import Next, context, eventually, in_loop
from tests.receivers.hosts import BOOT, FILES, host, made

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from penstock.pipeline import Batch
    from penstock.receivers._host_scraper import Scraper

ROOT = Path(__file__).parents[2]
NAMES = list(Scrapers.model_fields)
TABLES: dict[str, _host_metrics.Table] = {
    name: getattr(_host_metrics, name.upper()) for name in NAMES
}

Told = dict[tuple[str, ...], float]
"""Values by the name of the metric and the attributes of the point."""


@contextmanager
def telling(root: Path = Path("/")) -> Iterator[Host]:
    """A host that psutil looks at."""
    found = Host(root)
    found.claim("test")
    try:
        yield found
    finally:
        found.release()


def scraper(name: str, given: Host, **options: Any) -> Scraper:
    """A scraper of which every metric is enabled."""
    metrics = {"metrics": {metric: {"enabled": True} for metric in TABLES[name]}}
    return Scrapers.model_validate({name: metrics | options}).running[name].build(given)


def told(scraper: Scraper, problems: list[Problem] | None = None) -> Told:
    """What a scraper of the whole host tells."""
    found = [] if problems is None else problems
    return {
        (name, *attributes): value
        for group in scraper.scrape(found)
        for name, value, attributes in group.points
    }


def rows(batch: Batch | None) -> list[dict[str, Any]]:
    return list(batch.rows()) if batch else []


@pytest.mark.parametrize("name", NAMES)
def test_every_metric_of_a_table_is_told_of_this_machine(name: str) -> None:
    rare = {"system.cpu.frequency", "container.cpu.limit", "container.memory.usage.limit"}
    rare |= {"container.memory.available", "system.memory.linux.hugepages.utilization"}
    rare |= {it for it in _host_metrics.CONTAINER if "throttling" in it}
    rare |= {it for it in TABLES["network"] if "conntrack" in it}
    rare |= {it for it in TABLES["paging"] if "usage" in it or "utilization" in it}
    rare |= set(TABLES["disk"]) | set(TABLES["filesystem"]) | set(TABLES["container"])
    with telling() as given:
        subject = scraper(name, given)
        for _ in range(2):  # shares need two
            batch = batch_of(name, subject.table, subject.scrape([]))
        names = {row["metric"]["name"] for row in rows(batch)}
    assert names <= set(TABLES[name])
    assert set(TABLES[name]) - names <= rare


def test_points_have_the_form_that_their_metric_says(tmp_path: Path) -> None:
    with telling(host(tmp_path)) as given:
        subject = scraper("cpu", given)
        list(subject.scrape([]))
        found = rows(batch_of("cpu", subject.table, subject.scrape([])))
    counter = next(row for row in found if row["metric"]["name"] == "system.cpu.time")
    assert counter["metric"]["unit"] == "s"
    assert counter["metric"]["aggregation_temporality"] == 2
    assert counter["metric"]["is_monotonic"] is True
    assert counter["start_time_unix_nano"] == BOOT * 10**9
    assert counter["as_double"] == 0.1
    assert counter["attributes"] == {"cpu": "cpu0", "state": "user"}
    assert counter["scope"] == {"name": "penstock/receivers/hostmetrics/cpu"}
    gauge = next(row for row in found if row["metric"]["name"] == "system.cpu.utilization")
    assert "start_time_unix_nano" not in gauge


def test_only_enabled_metrics_are_told() -> None:
    defaults = Scrapers.model_validate({"memory": None, "load": {"metrics": {}}}).running
    assert list(defaults) == ["load", "memory"]
    assert list(defaults["memory"].enabled) == ["system.memory.usage"]
    changed = {"system.memory.usage": {"enabled": False}, "system.memory.limit": {}}
    given = Scrapers.model_validate({"memory": {"metrics": changed}}).running["memory"]
    assert list(given.enabled) == ["system.memory.limit"]


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"scrapers": {}}, "at least one scraper"),
        ({"scrapers": {"cpu": {"metrics": {"system.cpu.tme": {}}}}}, "is no metric of this"),
        ({"scrapers": {"process": {"resource_attributes": {"pid": {}}}}}, "is no attribute"),
        ({"scrapers": {"disk": {"include": {"devices": ["a"]}}}}, "needs a `match_type`"),
        (
            {"scrapers": {"disk": {"include": {"devices": ["("], "match_type": "regexp"}}}},
            "no regular expression",
        ),
        ({"scrapers": {"cpu": None}, "root_path": "hostfs"}, "path from the root"),
        ({"scrapers": {"cpu": None}, "collection_interval": "0s"}, "greater than 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        Config.model_validate(settings)


def test_cpus_have_their_own_names_though_some_are_offline(tmp_path: Path) -> None:
    with telling(host(tmp_path)) as given:
        found = told(scraper("cpu", given))
    assert found["system.cpu.time", "cpu2", "user"] == 0.2
    assert found["system.cpu.time", "cpu0", "steal"] == 0.03
    assert found["system.cpu.time", "cpu0", "wait"] == 0.05


def test_shares_of_cpu_time_are_of_what_passed_since_the_last_scrape(tmp_path: Path) -> None:
    with telling(host(tmp_path)) as given:
        subject = scraper("cpu", given)
        assert ("system.cpu.utilization", "cpu0", "user") not in told(subject)
        later = FILES["proc/stat"].replace("cpu0 10 0 20 100", "cpu0 40 0 20 110")
        made(tmp_path, {"proc/stat": later})
        found = told(subject)
    assert found["system.cpu.utilization", "cpu0", "user"] == pytest.approx(0.75)
    assert found["system.cpu.utilization", "cpu0", "idle"] == pytest.approx(0.25)
    assert found["system.cpu.utilization", "cpu2", "user"] == 0


@pytest.mark.parametrize(("average", "divisor"), [(False, 1), (True, os.cpu_count())])
def test_load_may_be_that_of_a_cpu(tmp_path: Path, average: bool, divisor: int) -> None:
    with telling(host(tmp_path)) as given:
        found = told(scraper("load", given, cpu_average=average))
    assert found == {
        ("system.cpu.load_average.1m",): 0.5 / divisor,
        ("system.cpu.load_average.5m",): 1.0 / divisor,
        ("system.cpu.load_average.15m",): 2.0 / divisor,
    }


def test_memory_is_told_by_what_it_is_used_for(tmp_path: Path) -> None:
    with telling(host(tmp_path)) as given:
        found = told(scraper("memory", given))
    usage = {
        key[1]: value // 1024 for key, value in found.items() if key[0] == "system.memory.usage"
    }
    assert usage == {
        "used": 400,
        "cached": 340,
        "free": 200,
        "buffered": 50,
        "slab_reclaimable": 40,
        "slab_unreclaimable": 30,
    }
    assert found["system.memory.utilization", "used"] == 0.4
    assert found["system.memory.limit",] == 1000 * 1024
    pages = "system.memory.linux.hugepages"
    assert found[f"{pages}.usage", "used"] == 3
    assert found[f"{pages}.utilization", "free"] == 0.25
    assert found[f"{pages}.reserved",] == 2
    assert found[f"{pages}.page_size",] == 2048 * 1024


def test_disks_that_did_nothing_are_left_out_and_others_filtered(tmp_path: Path) -> None:
    with telling(host(tmp_path)) as given:
        exclude = {"devices": ["^sda[0-9]+$"], "match_type": "regexp"}
        found = told(scraper("disk", given, exclude=exclude))
    assert {key[1] for key in found} == {"sda"}
    assert found["system.disk.operations", "sda", "read"] == 1
    assert found["system.disk.merged", "sda", "write"] == 6
    assert found["system.disk.io", "sda", "write"] == 7 * 512
    assert found["system.disk.operation_time", "sda", "read"] == 0.004
    assert found["system.disk.pending_operations", "sda"] == 9
    assert found["system.disk.io_time", "sda"] == 0.01
    assert found["system.disk.weighted_io_time", "sda"] == 0.011


def test_file_systems_are_told_as_the_host_has_them(tmp_path: Path) -> None:
    problems: list[Problem] = []
    with telling(host(tmp_path)) as given:
        found = told(scraper("filesystem", given), problems)
        assert {key[1:5] for key in found} == {
            ("/dev/sda1", "rw", "/", "ext4"),
            ("/dev/sdb1", "ro", "/data", "ext4"),
        }
        mount = {"mount_points": ["/tmp"], "match_type": "strict"}
        options = {"include_virtual_filesystems": True, "include_mount_points": mount}
        found = told(scraper("filesystem", given, **options))
        assert {key[1] for key in found} == {"tmpfs"}
    assert [problem.what for problem in problems] == ["cannot read a file system"]
    assert "/gone" in problems[0].cause


def test_a_file_system_is_as_full_as_the_system_says() -> None:
    with telling() as given:
        found = told(scraper("filesystem", given, include_virtual_filesystems=True))
    states = {key[5]: value for key, value in found.items() if _is_of(key, "usage", "/proc")}
    assert states == {"used": 0, "free": 0, "reserved": 0}
    of_root = {key[5]: value for key, value in found.items() if _is_of(key, "usage", "/")}
    stat = os.statvfs("/")
    assert sum(of_root.values()) == stat.f_blocks * stat.f_frsize


def _is_of(key: tuple[str, ...], metric: str, mount: str) -> bool:
    return key[0] == f"system.filesystem.{metric}" and key[3] == mount


def test_interfaces_and_connections_are_counted(tmp_path: Path) -> None:
    with telling(host(tmp_path)) as given:
        exclude = {"interfaces": ["lo"], "match_type": "strict"}
        found = told(scraper("network", given, exclude=exclude))
    assert {key[1] for key in found if "connect" not in key[0] and len(key) > 1} == {"eth0"}
    assert found["system.network.io", "eth0", "receive"] == 100
    assert found["system.network.packets", "eth0", "transmit"] == 20
    assert found["system.network.errors", "eth0", "transmit"] == 3
    assert found["system.network.dropped", "eth0", "receive"] == 2
    assert found["system.network.connections", "tcp", "LISTEN"] == 2
    assert found["system.network.connections", "tcp", "ESTABLISHED"] == 1
    assert found["system.network.connections", "tcp", "TIME_WAIT"] == 0
    assert found["system.network.conntrack.max",] == 1000


def test_what_one_file_lacks_holds_up_no_other(tmp_path: Path) -> None:
    problems: list[Problem] = []
    with telling(host(tmp_path)) as given:
        made(tmp_path, {"proc/net/tcp": "sl\n0: nonsense\n"})
        found = told(scraper("network", given), problems)
    assert [problem.what for problem in problems] == ["cannot read tcp connections"]
    assert ("system.network.io", "eth0", "receive") in found
    assert ("system.network.conntrack.count",) in found


def test_swap_space_and_page_faults_are_told(tmp_path: Path) -> None:
    with telling(host(tmp_path)) as given:
        found = told(scraper("paging", given))
    assert found == {
        ("system.paging.usage", "/swap.img", "used"): 25 * 1024,
        ("system.paging.usage", "/swap.img", "free"): 75 * 1024,
        ("system.paging.utilization", "/swap.img", "used"): 0.25,
        ("system.paging.utilization", "/swap.img", "free"): 0.75,
        ("system.paging.faults", "major"): 10,
        ("system.paging.faults", "minor"): 90,
        ("system.paging.operations", "page_in", "major"): 3,
        ("system.paging.operations", "page_out", "major"): 4,
        ("system.paging.operations", "page_in", "minor"): 1,
        ("system.paging.operations", "page_out", "minor"): 2,
    }


def test_processes_are_counted_by_status(tmp_path: Path) -> None:
    with telling(host(tmp_path)) as given:
        found = told(scraper("processes", given))
    assert found == {
        ("system.processes.created",): 4321,
        ("system.processes.count", "sleeping"): 1,
        ("system.processes.count", "zombies"): 1,
        ("system.processes.count", "running"): 2,
        ("system.processes.count", "blocked"): 1,
    }


def of_processes(given: Host, problems: list[Problem], **options: Any) -> dict[int, Group]:
    """What is told of each process, by its id."""
    wanted = {name: {"enabled": True} for name in _host_metrics.RESOURCE}
    subject = scraper("process", given, **{"resource_attributes": wanted, **options})
    return {int(group.resource["process.pid"]): group for group in subject.scrape(problems)}


def test_a_process_is_told_with_what_it_is() -> None:
    problems: list[Problem] = []
    with telling() as given, subprocess.Popen(["sleep", "60"]) as child:
        found = of_processes(given, problems)[child.pid]
        created = psutil.Process(child.pid).create_time()
        child.kill()
    resource = found.resource
    assert resource["process.executable.name"] == "sleep"
    assert resource["process.command"] == "sleep"
    assert resource["process.command_line"] == "sleep 60"
    assert str(resource["process.executable.path"]).startswith("/")
    assert resource["process.parent_pid"] == os.getpid()
    assert resource["process.owner"] == psutil.Process().username()
    assert resource["process.cgroup"] == Path("/proc/self/cgroup").read_text().rstrip("\n")
    assert found.start == pytest.approx(created * 1e9, abs=2e6)
    values = {(name, *attributes): value for name, value, attributes in found.points}
    assert values["process.threads",] == 1
    assert values["process.memory.usage",] > 0
    assert 0 <= values["process.uptime",] < 60
    assert values["process.signals_pending",] == 0


def test_switches_of_all_threads_count() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    with telling() as given:
        thread.start()
        found = of_processes(given, [])[os.getpid()]
        stop.set()
        thread.join()
    values = {(name, *attributes): value for name, value, attributes in found.points}
    assert values["process.threads",] >= 2
    assert values["process.context_switches", "voluntary"] > 0


def test_numbers_of_a_process_are_those_of_psutil() -> None:
    with telling() as given, subprocess.Popen(["sleep", "60"]) as child:
        found = of_processes(given, [])[child.pid]
        other = psutil.Process(child.pid)
        memory, faults = other.memory_info(), other.io_counters()
        files = other.num_fds()
        child.kill()
    values = {(name, *attributes): value for name, value, attributes in found.points}
    assert values["process.memory.virtual",] == memory.vms
    assert values["process.memory.usage",] == pytest.approx(memory.rss, rel=0.2)
    assert values["process.open_file_descriptors",] == files
    assert values["process.disk.operations", "read"] == faults.read_count
    assert values["process.paging.faults", "minor"] > 0


def test_a_long_name_is_completed_from_the_command_line(tmp_path: Path) -> None:
    program = tmp_path / "a name (that) is long"
    program.symlink_to("/bin/sleep")
    with telling() as given, subprocess.Popen([program, "60"]) as child:
        found = of_processes(given, [])[child.pid]
        child.kill()
    assert found.resource["process.executable.name"] == "a name (that) is long"


def test_shares_of_cpus_that_processes_use_need_two_scrapes() -> None:
    with telling() as given:
        include = {"names": ["."], "match_type": "regexp"}
        subject = scraper("process", given, include=include)
        shares = [
            [it for group in subject.scrape([]) for it in group.points if "cpu.util" in it[0]]
            for _ in range(2)
        ]
    assert shares[0] == []
    assert {attributes for _, _, attributes in shares[1]} == {("user",), ("system",), ("wait",)}


def test_processes_may_be_left_out_by_name_and_by_age() -> None:
    with telling() as given, subprocess.Popen(["sleep", "60"]) as child:
        strict = {"names": ["sleep"], "match_type": "strict"}
        assert child.pid in of_processes(given, [], include=strict)
        assert child.pid not in of_processes(given, [], exclude=strict)
        assert child.pid not in of_processes(given, [], scrape_process_delay="1h")
        child.kill()


def test_a_zombie_is_told_of_without_fault() -> None:
    problems: list[Problem] = []
    with telling() as given, subprocess.Popen([sys.executable, "-c", ""]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        include = {"names": ["python"], "match_type": "regexp"}
        found = of_processes(given, problems, include=include)
    assert child.pid in found
    assert [it for it in problems if f"process {child.pid}:" in it.cause] == []


@property  # type: ignore[misc]
def refusing(_: ProcessFiles) -> Any:
    raise PermissionError(13, "Permission denied")


@pytest.mark.parametrize(
    ("options", "whats"),
    [
        ({}, {"io", "exe"}),
        ({"mute_process_io_error": True}, {"exe"}),
        ({"mute_process_exe_error": True}, {"io"}),
        ({"mute_process_all_errors": True}, set()),
    ],
)
def test_faults_of_single_processes_may_be_muted(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], whats: set[str]
) -> None:
    """As for processes of others, for who is not root."""
    monkeypatch.setattr(ProcessFiles, "io", refusing)
    monkeypatch.setattr(ProcessFiles, "program", refusing)
    problems: list[Problem] = []
    with telling() as given:
        found = of_processes(given, problems, **options)[os.getpid()]
    assert {it.what for it in problems} == {f"cannot read {it} of a process" for it in whats}
    assert found.resource["process.executable.path"] == ""
    assert "process.disk.io" not in {name for name, _, _ in found.points}
    assert "process.cpu.time" in {name for name, _, _ in found.points}


def test_names_that_are_no_utf8_get_replacement_characters() -> None:
    group = Group({"process.command": "a\udcff"}, 0, [("process.threads", 1, ())])
    (row,) = rows(batch_of("process", _host_metrics.PROCESS, [group]))
    assert row["resource"]["attributes"] == {"process.command": "a\ufffd"}


VERSION_2 = {
    "proc/self/cgroup": "0::/pod/app\n",
    "sys/fs/cgroup/pod/cpu.max": "150000 100000\n",
    "sys/fs/cgroup/pod/memory.max": "1000\n",
    "sys/fs/cgroup/pod/app/cpu.max": "max 100000\n",
    "sys/fs/cgroup/pod/app/memory.max": "max\n",
    "sys/fs/cgroup/pod/app/memory.current": "500\n",
    "sys/fs/cgroup/pod/app/memory.stat": "anon 300\ninactive_file 100\n",
    "sys/fs/cgroup/pod/app/cpu.stat": "usage_usec 9\nuser_usec 2000000\nsystem_usec 500000\n"
    "nr_periods 7\nnr_throttled 3\nthrottled_usec 5\n",
}

VERSION_1 = {
    "proc/self/cgroup": "4:memory:/docker/1\n3:cpu,cpuacct:/docker/1\n0::/\n",
    "sys/fs/cgroup/memory/memory.limit_in_bytes": "1000\n",
    "sys/fs/cgroup/memory/memory.usage_in_bytes": "500\n",
    "sys/fs/cgroup/memory/memory.stat": "inactive_file 1\ntotal_inactive_file 100\n",
    "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "150000\n",
    "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    "sys/fs/cgroup/cpu/cpu.stat": "nr_periods 7\nnr_throttled 3\nthrottled_time 5000\n",
    "sys/fs/cgroup/cpuacct/cpuacct.stat": f"user {2 * os.sysconf('SC_CLK_TCK')}\n"
    f"system {os.sysconf('SC_CLK_TCK') // 2}\n",
}


@pytest.mark.parametrize("files", [VERSION_2, VERSION_1], ids=["version 2", "version 1"])
def test_a_container_is_told_with_its_limits(tmp_path: Path, files: dict[str, str]) -> None:
    """The least limit of all groups around it is the one that holds."""
    with telling() as given:
        found = told(Container(_host_metrics.CONTAINER, given, made(tmp_path, files)))
    assert found == {
        ("container.cpu.limit",): 1.5,
        ("container.cpu.time", "user"): 2.0,
        ("container.cpu.time", "system"): 0.5,
        ("container.cpu.throttling_data.periods",): 7,
        ("container.cpu.throttling_data.throttled_periods",): 3,
        ("container.cpu.throttling_data.throttled_time",): 5000,
        ("container.memory.usage.limit",): 1000,
        ("container.memory.usage",): 500,
        ("container.memory.working_set",): 400,
        ("container.memory.available",): 600,
    }


@pytest.mark.parametrize(
    "files",
    [
        {
            **VERSION_2,
            "sys/fs/cgroup/pod/cpu.max": "max 100000\n",
            "sys/fs/cgroup/pod/memory.max": "max\n",
        },
        {
            **VERSION_1,
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        },
    ],
    ids=["version 2", "version 1"],
)
def test_a_container_without_limits_has_none(tmp_path: Path, files: dict[str, str]) -> None:
    with telling() as given:
        found = told(Container(_host_metrics.CONTAINER, given, made(tmp_path, files)))
    names = {key[0] for key in found}
    assert not names & {"container.cpu.limit", "container.memory.usage.limit"}
    assert "container.memory.available" not in names


def test_a_filter_includes_before_it_excludes() -> None:
    def devices(*names: str) -> Devices:
        return Devices(devices=names, match_type="regexp" if names else None)

    wanted = Filter(devices("^s", "^v"), devices("1$"))
    assert [wanted(name) for name in ("sda", "sda1", "vda", "loop0", "sda")] == [
        *(True, False, True, False, True)
    ]
    assert Filter(devices(), devices())("anything")


@asynccontextmanager
async def receiving(
    following: Next, telemetry: Telemetry | None = None, **settings: Any
) -> AsyncIterator[None]:
    """A receiver that scrapes a hundred times a second."""
    quick = {"collection_interval": "10ms", "initial_delay": "0s"}
    async with context("hostmetrics", telemetry) as given:
        receiver = Config.model_validate(quick | settings).build(given)
        await receiver.start(following.consume)
        try:
            yield
        finally:
            await receiver.stop()
            await receiver.stop()


@in_loop
async def test_scrapes_of_all_scrapers_are_passed_on(tmp_path: Path) -> None:
    following, telemetry = Next(), Telemetry()
    settings = {"scrapers": {"load": None, "system": None}, "root_path": str(host(tmp_path))}
    async with receiving(following, telemetry, **settings):
        await eventually(lambda: len(following.got) > 4)
    names = Counter(row["metric"]["name"] for batch in following.got for row in batch.rows())
    assert {"system.cpu.load_average.1m", "system.uptime"} <= names.keys()
    scrapes = telemetry.total("penstock_receiver_scrapes", outcome="success")
    assert scrapes >= len(following.got)


@in_loop
async def test_what_is_refused_is_kept_and_no_more_is_scraped() -> None:
    following, telemetry = Next(Refused("full", retry_after=0.05)), Telemetry()
    async with receiving(following, telemetry, scrapers={"load": None}):
        await eventually(lambda: following.got)
    assert telemetry.total("penstock_receiver_scrapes", outcome="skipped") > 0
    assert telemetry.total("penstock_receiver_passed_on_items") == 3 * len(following.got)


@in_loop
async def test_what_cannot_be_read_is_counted_and_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    following, telemetry = Next(), Telemetry()
    root = host(tmp_path)
    (root / "proc/loadavg").unlink()
    (root / "proc/swaps").unlink()
    settings = {"scrapers": {"load": None, "paging": None}, "root_path": str(root)}
    async with receiving(following, telemetry, **settings):
        await eventually(lambda: len(following.got) > 2)
    assert telemetry.total("penstock_receiver_scrapes", outcome="failed") > 1
    assert telemetry.total("penstock_receiver_scrapes", outcome="partial") > 1
    assert telemetry.total("penstock_receiver_scrape_errors", scraper="load") > 1
    lines = [record.getMessage() for record in caplog.records]
    assert len([line for line in lines if "Scraper load: cannot read load averages" in line]) == 1
    assert len([line for line in lines if "Scraper paging: cannot read swap space" in line]) == 1


@in_loop
async def test_a_scraper_that_hangs_holds_up_no_other_and_not_the_stop(tmp_path: Path) -> None:
    following, telemetry = Next(), Telemetry()
    root = host(tmp_path)
    (root / "proc/loadavg").unlink()
    os.mkfifo(root / "proc/loadavg")
    settings = {"scrapers": {"load": None, "system": None}, "root_path": str(root)}
    async with receiving(following, telemetry, **settings):
        await eventually(
            lambda: telemetry.total("penstock_receiver_scrapes", outcome="skipped") > 2
        )
        await eventually(lambda: len(following.got) > 2)
    (root / "proc/loadavg").open("w").close()  # lets the thread end


@in_loop
async def test_many_processes_do_not_hold_up_the_event_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each is looked at anew, as if there were five hundred of them."""
    mine = os.getpid()
    monkeypatch.setattr(psutil, "pids", lambda: [mine] * 500)
    following, rounds = Next(), 0
    async with receiving(following, collection_interval="1h", scrapers={"process": None}):
        while not following.got:
            await asyncio.sleep(0.001)
            rounds += 1
    assert following.sizes == [500 * 7]
    assert rounds > 5, "the loop stood still while processes were looked at"


@in_loop
async def test_the_start_fails_where_there_is_no_proc(tmp_path: Path) -> None:
    async with context("hostmetrics") as given:
        config = Config.model_validate({"scrapers": {"cpu": None}, "root_path": str(tmp_path)})
        with pytest.raises(StartError, match="root_path is where the host's / is mounted"):
            await config.build(given).start(Next().consume)


def test_receivers_must_agree_on_the_root_path(tmp_path: Path) -> None:
    with telling(host(tmp_path)):
        assert str(tmp_path / "proc") == psutil.PROCFS_PATH
        with telling(tmp_path):
            pass
        with pytest.raises(StartError, match="make it one"):
            Host(Path("/")).claim("hostmetrics/2")
        assert str(tmp_path / "proc") == psutil.PROCFS_PATH
    assert psutil.PROCFS_PATH == "/proc"


def documented() -> dict[str, tuple[str, str, str, bool]]:
    """The rows about metrics in the document."""
    text = (ROOT / "penstock/receivers/README.md").read_text()
    found = re.findall(
        r"^\| `((?:system|process|container)\.[a-z0-9_.]+)` \| ([^|]*) \| `([^|]*)` \| ([^|]*) \|"
        r" (on|off) \|$",
        text,
        re.MULTILINE,
    )
    return {
        name: (kind, unit, attributes, state == "on")
        for name, kind, unit, attributes, state in found
    }


def test_every_metric_is_documented() -> None:
    assert documented() == {
        name: (
            metric.kind.name.lower(),
            metric.unit,
            ", ".join(f"`{it}`" for it in metric.attributes),
            metric.enabled,
        )
        for table in TABLES.values()
        for name, metric in table.items()
    }
