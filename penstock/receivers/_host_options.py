"""Options of the `hostmetrics` receiver: its scrapers, and what each of them tells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, field_validator, model_validator

from penstock.config.types import Duration, Section
from penstock.receivers import _host_metrics as catalog
from penstock.receivers._host_container import Container
from penstock.receivers._host_cpu import Cpu, Load, System
from penstock.receivers._host_disk import Disk, Filesystem
from penstock.receivers._host_filters import (
    Devices,
    Filter,
    FsTypes,
    Interfaces,
    MountPoints,
    Names,
)
from penstock.receivers._host_memory import Memory, Paging
from penstock.receivers._host_network import Network
from penstock.receivers._host_process import Process, Wanted
from penstock.receivers._host_processes import Processes
from penstock.receivers._host_scraper import Scraper

if TYPE_CHECKING:
    from penstock.receivers._host import Host

_AGGREGATE = "use the metricstransform processor to aggregate; remove it"


class Toggle(Section):
    """Whether something is told."""

    enabled: bool = True
    """Whether it is told."""

    not_here: ClassVar[Mapping[str, str]] = {
        "attributes": _AGGREGATE,
        "aggregation_strategy": _AGGREGATE,
    }


class ScraperSection(Section):
    """What a scraper tells."""

    table: ClassVar[catalog.Table]
    scraper: ClassVar[type[Scraper]]

    metrics: Mapping[str, Toggle] = Field(default={})
    """Metrics that are told, or not, by name; the others are as they are by default."""

    @field_validator("metrics")
    @classmethod
    def _known(cls, toggles: Mapping[str, Toggle]) -> Mapping[str, Toggle]:
        return _all_known(toggles, cls.table, "metric")

    @property
    def enabled(self) -> catalog.Table:
        """The metrics that are told."""
        told = {name: metric.enabled for name, metric in self.table.items()}
        told |= {name: toggle.enabled for name, toggle in self.metrics.items()}
        return {name: metric for name, metric in self.table.items() if told[name]}

    def build(self, host: Host) -> Scraper:
        """The scraper these options describe."""
        return self.scraper(self.enabled, host)


def _all_known(
    toggles: Mapping[str, Toggle], known: Mapping[str, Any], what: str
) -> Mapping[str, Toggle]:
    for name in toggles:
        if name not in known:
            msg = f"{name!r} is no {what} of this scraper; it has {', '.join(known)}"
            raise ValueError(msg)
    return toggles


class CpuOptions(ScraperSection):
    """CPUs."""

    table = catalog.CPU
    scraper = Cpu


class DiskOptions(ScraperSection):
    """Disks."""

    table = catalog.DISK

    include: Devices = Devices()
    """Devices that are told of; without any, all."""
    exclude: Devices = Devices()
    """Devices that are not told of."""

    def build(self, host: Host) -> Scraper:
        """The scraper these options describe."""
        return Disk(self.enabled, host, Filter(self.include, self.exclude))


class FilesystemOptions(ScraperSection):
    """File systems."""

    table = catalog.FILESYSTEM

    include_virtual_filesystems: bool = False
    """Tell of file systems without a device too, such as tmpfs."""
    include_devices: Devices = Devices()
    """Devices whose file systems are told of; without any, all."""
    exclude_devices: Devices = Devices()
    """Devices whose file systems are not told of."""
    include_fs_types: FsTypes = FsTypes()
    """Types of file system that are told of; without any, all."""
    exclude_fs_types: FsTypes = FsTypes()
    """Types of file system that are not told of."""
    include_mount_points: MountPoints = MountPoints()
    """File systems that are told of, by where they are mounted; without any, all."""
    exclude_mount_points: MountPoints = MountPoints()
    """File systems that are not told of, by where they are mounted."""

    def build(self, host: Host) -> Scraper:
        """The scraper these options describe."""
        wanted = (
            Filter(self.include_devices, self.exclude_devices),
            Filter(self.include_fs_types, self.exclude_fs_types),
            Filter(self.include_mount_points, self.exclude_mount_points),
        )
        return Filesystem(self.enabled, host, wanted, virtual=self.include_virtual_filesystems)


class LoadOptions(ScraperSection):
    """Load."""

    table = catalog.LOAD

    cpu_average: bool = False
    """Divide by the number of logical CPUs."""

    def build(self, host: Host) -> Scraper:
        """The scraper these options describe."""
        return Load(self.enabled, host, average=self.cpu_average)


class MemoryOptions(ScraperSection):
    """Memory."""

    table = catalog.MEMORY
    scraper = Memory


class NetworkOptions(ScraperSection):
    """Network."""

    table = catalog.NETWORK

    include: Interfaces = Interfaces()
    """Interfaces that are told of; without any, all."""
    exclude: Interfaces = Interfaces()
    """Interfaces that are not told of."""

    def build(self, host: Host) -> Scraper:
        """The scraper these options describe."""
        return Network(self.enabled, host, Filter(self.include, self.exclude))


class PagingOptions(ScraperSection):
    """Swap space and page faults."""

    table = catalog.PAGING
    scraper = Paging


class ProcessesOptions(ScraperSection):
    """How many processes there are."""

    table = catalog.PROCESSES
    scraper = Processes


class ProcessOptions(ScraperSection):
    """Single processes."""

    table = catalog.PROCESS

    resource_attributes: Mapping[str, Toggle] = Field(default={})
    """Attributes that resources of processes have, or not, by name."""
    include: Names = Names()
    """Processes that are told of; without any, all."""
    exclude: Names = Names()
    """Processes that are not told of."""
    mute_process_all_errors: bool = False
    """Neither count nor log what cannot be read of a process."""
    mute_process_name_error: bool = False
    """The same for its name."""
    mute_process_exe_error: bool = False
    """The same for the path of its program."""
    mute_process_io_error: bool = False
    """The same for what it reads and writes."""
    mute_process_user_error: bool = False
    """The same for the name of its owner."""
    mute_process_cgroup_error: bool = False
    """The same for its control group."""
    scrape_process_delay: Duration = 0.0
    """The age that a process must have to be told of."""

    @field_validator("resource_attributes")
    @classmethod
    def _known_attributes(cls, toggles: Mapping[str, Toggle]) -> Mapping[str, Toggle]:
        return _all_known(toggles, catalog.RESOURCE, "attribute of a resource")

    def build(self, host: Host) -> Scraper:
        """The scraper these options describe."""
        toggles = {name: toggle.enabled for name, toggle in self.resource_attributes.items()}
        told = {**catalog.RESOURCE, **toggles}
        wanted = Wanted(
            names=Filter(self.include, self.exclude),
            resource=frozenset(name for name, enabled in told.items() if enabled),
            muted=frozenset(self._muted()),
            mute_all=self.mute_process_all_errors,
            delay=self.scrape_process_delay,
        )
        return Process(self.enabled, host, wanted)

    def _muted(self) -> list[str]:
        kinds = ("name", "exe", "io", "user", "cgroup")
        return [kind for kind in kinds if getattr(self, f"mute_process_{kind}_error")]


class SystemOptions(ScraperSection):
    """The host as such."""

    table = catalog.SYSTEM
    scraper = System


class ContainerOptions(ScraperSection):
    """The container that Penstock runs in."""

    table = catalog.CONTAINER
    scraper = Container


class Scrapers(Section):
    """The scrapers that run: those that are named."""

    cpu: CpuOptions | None = None
    """How CPUs spend their time."""
    disk: DiskOptions | None = None
    """What disks do."""
    filesystem: FilesystemOptions | None = None
    """How full file systems are."""
    load: LoadOptions | None = None
    """How many threads run or want to."""
    memory: MemoryOptions | None = None
    """What memory is used for."""
    network: NetworkOptions | None = None
    """What interfaces receive and send; TCP connections."""
    paging: PagingOptions | None = None
    """Swap space and page faults."""
    processes: ProcessesOptions | None = None
    """How many processes there are."""
    process: ProcessOptions | None = None
    """Each process."""
    system: SystemOptions | None = None
    """How long the host has run."""
    container: ContainerOptions | None = None
    """What the container that Penstock runs in uses, and may use."""

    not_here: ClassVar[Mapping[str, str]] = {
        "nfs": "let a program expose what it needs of /proc/net/rpc for the prometheus receiver"
    }

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        """Let a scraper with nothing below its name have no options: it runs all the same."""
        if not isinstance(value, dict):
            return value
        return {name: {} if options is None else options for name, options in value.items()}

    @model_validator(mode="after")
    def _some(self) -> Scrapers:
        if not self.running:
            msg = "expected at least one scraper, such as `cpu:`"
            raise ValueError(msg)
        return self

    @property
    def running(self) -> dict[str, ScraperSection]:
        """The options of each scraper that runs, by name."""
        return {name: options for name, options in self if options is not None}
