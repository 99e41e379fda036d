"""The connections that a process serves, counted from outside."""

import os
import sys
from pathlib import Path

LISTENING = "0A"


def served_connections(pid: int, port: int) -> int:
    """How many connections to `port` a process holds; 0 where /proc does not tell."""
    if sys.platform != "linux":
        return 0
    inodes = _inodes(port)
    count = 0
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            try:
                count += os.readlink(f"/proc/{pid}/fd/{name}") in inodes
            except FileNotFoundError:
                continue  # closed between the list and the look
    except FileNotFoundError:
        return 0  # the process has ended
    return count


def _inodes(port: int) -> set[str]:
    """The sockets of all processes that are connections to `port`, as /proc names them."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    found = set()
    for words in map(str.split, lines):
        local, state, inode = words[1], words[3], words[9]
        if int(local.partition(":")[2], 16) == port and state != LISTENING:
            found.add(f"socket:[{inode}]")
    return found
