"""Ties a child process to its parent's life, so that a killed parent leaves nothing behind.

On Linux the kernel sends SIGTERM to a tethered child as soon as its parent is gone, even after
SIGKILL, when the parent could not stop its children itself. Elsewhere a command is left as it is.

The tether is a program that turns into the command, and not a `preexec_fn`: that would run Python
between fork and exec, which is unsafe in a process with threads.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

# linux/prctl.h
PR_SET_PDEATHSIG = 1


def tethered(command: Sequence[str]) -> list[str]:
    """The command line that runs `command`, under the same process id, tied to this process.

    Start it from a thread that lives as long as the process: Linux counts the end of the thread
    that started a child as the end of its parent.
    """
    if sys.platform != "linux":
        return list(command)
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def main(parent: int, command: list[str]) -> None:
    """Ask for SIGTERM at the end of process `parent`, then become `command`."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    # The parent may have ended before the request was made.
    if os.getppid() == parent:
        os.execvp(command[0], command)  # noqa: S606 - this is what it is for


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
