"""One core for the server, another for everything that loads it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cores:
    """The cores that this run uses; None where nothing is pinned."""

    server: int | None
    load: int | None

    def describe(self) -> str:
        """For people: who runs where."""
        if self.server is None:
            return "not pinned: server and load client share whatever cores there are"
        return f"server on core {self.server}; load client, Redis and PostgreSQL on {self.load}"


def choose() -> Cores:
    """The last core for the server, and for the load one that is not its hyper-thread twin.

    The system's first core is left to the load: interrupts tend to be served there.
    """
    if sys.platform != "linux":
        return Cores(None, None)
    allowed = sorted(os.sched_getaffinity(0))
    server = allowed[-1]
    others = [core for core in allowed if core not in _twins(server)]
    return Cores(server, others[0]) if others else Cores(None, None)


@contextmanager
def unpinned() -> Iterator[None]:
    """Processes started inside, and this one, may use every core of the machine."""
    if sys.platform != "linux":
        yield
        return
    before = os.sched_getaffinity(0)
    # The kernel leaves out those that this process may never use.
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def pinned(core: int | None) -> Iterator[None]:
    """Processes started inside inherit the core; this process has its own cores back after."""
    if core is None or sys.platform != "linux":
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _twins(core: int) -> set[int]:
    """The hardware threads of one core, as in "0,4" or "0-1"."""
    path = Path(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list")
    if not path.exists():
        return {core}
    twins = {core}
    for part in path.read_text().strip().split(","):
        first, _, last = part.partition("-")
        twins.update(range(int(first), int(last or first) + 1))
    return twins
