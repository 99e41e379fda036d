"""What a process has used: CPU time and memory. From /proc on Linux, elsewhere from `ps`."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

LINUX = sys.platform == "linux"


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory in KiB; `pss` divides shared pages among the processes that share them."""

    rss: int
    pss: int | None

    @property
    def kib(self) -> int:
        """The better of both figures that there is."""
        return self.rss if self.pss is None else self.pss


def children_of(pid: int) -> list[int]:
    """The process ids of a process's children."""
    if LINUX:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    else:
        listed = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout
    return [int(child) for child in listed.split()]


def cpu_seconds(pid: int) -> float:
    """User and system CPU time so far, in seconds; in steps of 10 ms."""
    if LINUX:
        return sum(cpu_parts(pid))
    minutes, _, seconds = _ps("time", pid).rpartition(":")
    return float(seconds) + 60 * int(minutes.rpartition(":")[2])


def cpu_parts(pid: int) -> tuple[float, float]:
    """The same in user's code and in the system's; on Linux alone."""
    # The name, in parentheses, may hold spaces: count from behind it.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = os.sysconf("SC_CLK_TCK")
    return int(fields[11]) / ticks, int(fields[12]) / ticks


def memory(pid: int) -> Memory:
    """Resident memory now."""
    if not LINUX:
        return Memory(int(_ps("rss", pid)), None)
    sizes = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, _, value = line.partition(":")
        sizes[name] = value
    return Memory(int(sizes["Rss"].split()[0]), int(sizes["Pss"].split()[0]))


def _ps(column: str, pid: int) -> str:
    found = subprocess.run(
        ["ps", "-o", f"{column}=", "-p", str(pid)], capture_output=True, text=True, check=True
    )
    return found.stdout.strip()
