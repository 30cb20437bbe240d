"""A host made of files, as `root_path` finds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

BOOT = 1_700_000_000
"""When the host began, in seconds since 1970."""

FILES = {
    "proc/stat": f"""\
cpu  30 0 30 300 0 0 0 0 0 0
cpu0 10 0 20 100 5 1 2 3 0 0
cpu2 20 0 10 200 0 0 0 0 0 0
ctxt 5
btime {BOOT}
processes 4321
procs_running 2
procs_blocked 1
""",
    "proc/meminfo": """\
MemTotal:       1000 kB
MemFree:         200 kB
MemAvailable:    600 kB
Buffers:          50 kB
Cached:          300 kB
Shmem:            20 kB
SReclaimable:     40 kB
SUnreclaim:       30 kB
Dirty:             7 kB
HugePages_Total:   4
HugePages_Free:    1
HugePages_Rsvd:    2
HugePages_Surp:    3
Hugepagesize:   2048 kB
""",
    "proc/loadavg": "0.50 1.00 2.00 1/100 5\n",
    "proc/diskstats": """\
   8       0 sda 1 2 3 4 5 6 7 8 9 10 11 0 0 0 0
   8       1 sda1 10 0 0 0 0 0 0 0 0 0 0
   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0
   7       9 old 1 2 3 4
""",
    "proc/net/dev": """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo
  eth0: 100 10 1 2 0 0 0 0 200 20 3 4 0 0 0 0
    lo: 5 1 0 0 0 0 0 0 5 1 0 0 0 0 0 0
""",
    "proc/net/tcp": """\
  sl  local_address rem_address   st tx_queue
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000
   1: 0100007F:1F90 0100007F:A000 01 00000000:00000000
""",
    "proc/net/tcp6": """\
  sl  local_address                         remote_address                        st tx_queue
   0: 0:1F90 0:0000 0A 00000000:00000000
""",
    "proc/sys/net/netfilter/nf_conntrack_count": "12\n",
    "proc/sys/net/netfilter/nf_conntrack_max": "1000\n",
    "proc/vmstat": "pgpgin 1\npgpgout 2\npswpin 3\npswpout 4\npgfault 100\npgmajfault 10\n",
    "proc/swaps": "Filename Type Size Used Priority\n/swap.img file 100 25 -2\n",
    "proc/filesystems": "nodev\ttmpfs\n\text4\n",
    "proc/41/stat": "41 (a) b) S 1 41 41 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 100\n",
    "proc/42/stat": "42 (z) Z 1 42 42 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 100\n",
}


def made(root: Path, files: dict[str, str]) -> Path:
    """`root`, with files in it by their paths."""
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def host(root: Path) -> Path:
    """A host below `root`, on which `/` and `/data` are mounted."""
    mounts = f"""\
overlay / overlay rw 0 0
/dev/sda1 {root} ext4 rw,relatime 0 0
/dev/sdb1 {root}/data ext4 ro 0 0
/dev/sdc1 {root}/gone ext4 rw 0 0
tmpfs {root}/tmp tmpfs rw 0 0
/dev/sdd1 {root}x ext4 rw 0 0
"""
    for folder in ("data", "tmp"):
        (root / folder).mkdir()
    return made(root, {**FILES, "proc/self/mounts": mounts})
