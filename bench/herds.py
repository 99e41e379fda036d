"""Several processes of streams, seen from the bench."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from app.ops.tether import tethered
from bench.crowd import CrowdError
from bench.herd import Account
from bench.servers import PROJECT, Server

# 127.0.0.1 is who else connects from.
FIRST_SOURCE = 2
STOP_SECONDS = 30.0


@dataclass
class Herds:
    """Processes that open streams; each tells an account when asked."""

    processes: list[subprocess.Popen[str]]

    def opened(self) -> list[Account]:
        """The accounts when all have opened their streams. Raises CrowdError."""
        return [self._account(process) for process in self.processes]

    def now(self) -> list[Account]:
        """The accounts now; `alive` since the last ones."""
        for process in self.processes:
            if process.stdin is not None:
                process.stdin.write("\n")
                process.stdin.flush()
        return self.opened()

    def _account(self, process: subprocess.Popen[str]) -> Account:
        line = process.stdout.readline() if process.stdout is not None else ""
        if not line:
            raise CrowdError("a process of the load client ended too early")
        return Account(**json.loads(line))


@contextmanager
def herds(
    server: Server, tokens: Sequence[str], count: int, at_once: int, last_event_id: int | None
) -> Iterator[Herds]:
    """`count` processes that open a stream for each token, each from its own address."""
    started: list[subprocess.Popen[str]] = []
    try:
        for number in range(count):
            process = subprocess.Popen(
                tethered([sys.executable, "-m", "bench.herd"]),
                cwd=PROJECT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
            started.append(process)
            order = {
                "address": server.stream_address,
                "host": server.host,
                "source": f"127.0.0.{FIRST_SOURCE + number}",
                "path": server.dialect.path,
                "tokens": tokens[number::count],
                "at_once": at_once,
                "last_event_id": last_event_id,
            }
            if process.stdin is not None:
                process.stdin.write(json.dumps(order) + "\n")
                process.stdin.flush()
        yield Herds(started)
    finally:
        for process in started:
            process.kill()
            process.wait(STOP_SECONDS)
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()
