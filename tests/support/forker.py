"""Starts `python -m MODULE …` without the second that it takes to import the application.

`python -m tests.support.forker`: it has imported all that commands and consumers need, and forks
whenever it is asked to, on the socket that is its standard input. Each child then is a process of
its own, with a group, an environment and an output of its own, that runs the module as Python does.
It has seen nothing but imports before: no setting was read, no connection or thread was made.

Not for gunicorn: a web worker patches the standard library before it imports anything.
"""

import ctypes
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
from typing import NamedTuple

# What commands would import one after the other, the databases' drivers last.
PRELOADED = (
    "flask.cli",
    "flask_limiter.commands",
    "flask_migrate",
    "app",
    "psycopg",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
)

# linux/prctl.h
PR_SET_PDEATHSIG = 1


class Start(NamedTuple):
    """What the new process has been given: who asked for it, standard output, standard error."""

    asker: socket.socket
    output: int
    error: int


def serve(control: socket.socket) -> Start | None:
    """Fork at each request. Returns in each child; and None in the parent, after the last one."""
    askers: dict[int, socket.socket] = {}
    woken, waker = socket.socketpair()
    waker.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
    while True:
        ready, _, _ = select.select([control, woken], [], [])
        if woken in ready:
            woken.recv(4096)
            tell_of_the_ended(askers)
        if control not in ready:
            continue
        word, descriptors, _, _ = socket.recv_fds(control, 1, 3)
        if not word:
            return None
        start = Start(socket.socket(fileno=descriptors[0]), *descriptors[1:])
        forker = os.getpid()
        if not (pid := os.fork()):
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for other in (control, woken, waker, *askers.values()):
                other.close()
            be_tied_to(forker)
            return start
        os.close(start.output)
        os.close(start.error)
        askers[pid] = start.asker


def tell_of_the_ended(askers: dict[int, socket.socket]) -> None:
    """Say to whoever asked for them how the processes have ended that have."""
    while askers:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with askers.pop(pid) as asker:
            try:
                asker.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
            except OSError:
                # It no longer wants to know.
                continue


def be_tied_to(parent: int) -> None:
    """End with the parent, as a tethered process does."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            sys.exit("the parent is gone")


def become(start: Start) -> str:
    """Be the process that was asked for, up to what it runs: the name of that module."""
    os.setsid()
    os.dup2(start.output, 1)
    os.dup2(start.error, 2)
    os.close(start.output)
    os.close(start.error)
    request = b""
    while not request.endswith(b"\n"):
        request += start.asker.recv(65536)
    start.asker.sendall(b"%d\n" % os.getpid())
    start.asker.close()
    wanted = json.loads(request)
    os.environ.clear()
    os.environ.update(wanted["environ"])
    module, *arguments = wanted["command"]
    sys.argv = [module, *arguments]
    return str(module)


def main() -> None:
    """Fork until nobody is there to ask."""
    gc.disable()
    for name in PRELOADED:
        importlib.import_module(name)
    # Children share what nobody writes to, not even the collector.
    gc.freeze()
    with socket.socket(fileno=os.dup(0)) as control:
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        start = serve(control)
    if start:
        module = become(start)
        gc.enable()
        runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
