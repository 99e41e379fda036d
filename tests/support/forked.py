"""Processes that are forked from one that has imported the application already."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from typing import IO

from app.config import PROJECT

_one_at_a_time = threading.Lock()


class Forked:
    """`python -m COMMAND …` in the project's folder; has of a Popen what tests need.

    It leads a session of its own, and has no standard input.
    """

    def __init__(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        stdout: IO[bytes],
        stderr: IO[bytes],
    ) -> None:
        self.args = list(command)
        self.returncode: int | None = None
        self._said = b""
        self._asked, theirs = socket.socketpair()
        with theirs, _one_at_a_time:
            given = [theirs.fileno(), stdout.fileno(), stderr.fileno()]
            socket.send_fds(_forker().control, [b"+"], given)
        request = {"command": self.args, "environ": dict(environ)}
        self._asked.sendall(json.dumps(request).encode() + b"\n")
        line = self._line(None)
        assert line, "the process that forks others has ended"
        self.pid = int(line)

    def poll(self) -> int | None:
        """Its exit status, negative after a signal; None while it runs."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, for `timeout` seconds at most; raises TimeoutExpired after them."""
        status = self._ended(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return status

    def send_signal(self, signum: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, signum)

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None and (line := self._line(timeout)) is not None:
            assert line, "the process that forks others has ended"
            self.returncode = int(line)
            self._asked.close()
        return self.returncode

    def _line(self, timeout: float | None) -> bytes | None:
        """The next line that was said of it; empty if none will be, None if none is in time."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while b"\n" not in self._said:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            self._asked.settimeout(left)
            try:
                more = self._asked.recv(64)
            except (TimeoutError, BlockingIOError):
                return None
            if not more:
                return b""
            self._said += more
        line, _, self._said = self._said.partition(b"\n")
        return line


class _Forker:
    """The process that forks; it ends when this one does, and nobody has its socket any more."""

    def __init__(self) -> None:
        self.control, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.forker"],
                cwd=PROJECT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                stdin=theirs.fileno(),
                start_new_session=True,
            )


@cache
def _forker() -> _Forker:
    return _Forker()
