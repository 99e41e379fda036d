"""Tidings' own processes, started for real, and stopped whatever happens."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Any, Self

import httpx

from app.config import PROJECT, Settings
from app.ops.tether import tethered
from tests.support.forked import Forked
from tests.support.sse import SseStream
from tests.support.waiting import wait_for

STREAM_PATH = "/api/v1/notifications/subscribe"


def free_port() -> int:
    """A TCP port that nobody uses now, at any address.

    None of those that systems give to outgoing connections: one could have it before a server does.
    """
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("", port))
            return port


def child_environ(settings: Mapping[str, str]) -> dict[str, str]:
    """This process's environment, with `settings` in place of any settings in it."""
    names = {name.upper() for name in Settings.model_fields}
    inherited = {k: v for k, v in os.environ.items() if k not in names and k != "FLASK_APP"}
    return {**inherited, "PYTHONUNBUFFERED": "1", "FLASK_SKIP_DOTENV": "1", **settings}


def flask(*arguments: str) -> list[str]:
    """The command line of one of the application's commands."""
    return [sys.executable, "-m", "flask", *arguments]


def run_flask(
    settings: Mapping[str, str], *arguments: str, deadline_seconds: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run one of the application's commands to its end, whatever its exit status."""
    return run_module(settings, "flask", *arguments, deadline_seconds=deadline_seconds)


def run_module(
    settings: Mapping[str, str], *command: str, deadline_seconds: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run `python -m COMMAND …` to its end, whatever its exit status."""
    with TemporaryFile() as output, TemporaryFile() as error:
        process = Forked(command, child_environ(settings), output, error)
        try:
            status = process.wait(deadline_seconds)
        finally:
            process.send_signal(signal.SIGKILL)
        said = [_text(file) for file in (output, error)]
    return subprocess.CompletedProcess(command, status, *said)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


class ChildProcess:
    """A process in its own session, whose output goes to a file; `with` starts and stops it."""

    def __init__(self, command: Sequence[str], settings: Mapping[str, str], log: Path) -> None:
        self.command = list(command)
        self.settings = dict(settings)
        self.log = log
        self._process: subprocess.Popen[bytes] | Forked | None = None

    @property
    def process(self) -> subprocess.Popen[bytes] | Forked:
        """The running process. Raises AssertionError before start()."""
        assert self._process is not None, "not started"
        return self._process

    @property
    def pid(self) -> int:
        """The process id, which is also the group's."""
        return self.process.pid

    @property
    def alive(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def output(self) -> str:
        """All that it has printed, standard error included."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def start(self) -> Self:
        """Start it, without waiting for anything."""
        with self.log.open("ab") as log:
            self._process = self._started(log)
        return self

    def _started(self, log: IO[bytes]) -> subprocess.Popen[bytes] | Forked:
        return subprocess.Popen(
            tethered(self.command),
            cwd=PROJECT,
            env=child_environ(self.settings),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def send(self, signum: signal.Signals) -> None:
        """Send a signal to the process alone, not to its children."""
        self.process.send_signal(signum)

    def wait(self, deadline_seconds: float = 60.0) -> int:
        """Wait for its end and return its exit status."""
        return self.process.wait(deadline_seconds)

    def wait_for_output(self, text: str, deadline_seconds: float = 60.0) -> None:
        """Wait until it has printed `text`. Fails at once if it ends without."""
        wait_for(lambda: text in self.output() or not self.alive, deadline_seconds, repr(text))
        assert text in self.output(), f"ended without printing {text!r}:\n{self.output()}"

    def terminate(self, deadline_seconds: float = 60.0) -> int:
        """Ask it to end, wait, and return its exit status."""
        self.send(signal.SIGTERM)
        return self.wait(deadline_seconds)

    def kill(self) -> None:
        """End it and its children as a crash would."""
        if self._process is None:
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """End it at once; what it printed appears with a test that failed.

        A test that cares how the process ends calls terminate() itself: that takes seconds.
        """
        self.kill()
        print(f"--- {self.log.name}\n{self.output()}")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


class WebServer(ChildProcess):
    """`gunicorn wsgi:app`, as it is deployed, on a free port; started when it is ready.

    With `unix_socket` it listens there, too.
    """

    def __init__(
        self,
        settings: Mapping[str, str],
        folder: Path,
        *,
        workers: int = 1,
        unix_socket: Path | None = None,
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.unix_socket = unix_socket
        command = [sys.executable, "-m", "gunicorn", "wsgi:app"]
        if unix_socket:
            command += ["-b", f"127.0.0.1:{self.port}", "-b", f"unix:{unix_socket}"]
        super().__init__(
            command,
            {**settings, "PORT": str(self.port), "WEB_CONCURRENCY": str(workers)},
            folder / f"web-{self.port}.log",
        )

    def start(self) -> Self:
        """Start it and wait for /readyz; again after a stop, on the same port."""
        super().start()
        try:
            wait_for(lambda: self.is_ready() or not self.alive, 60, f"{self.url}/readyz")
            assert self.alive, "the web server ended"
        except AssertionError as error:
            self.kill()
            raise AssertionError(f"{error}\n{self.output()}") from None
        return self

    def is_ready(self) -> bool:
        """Whether /readyz says 200."""
        try:
            # Without TLS: the machine's certificates take 20 ms to load, and this is asked all the
            # time while a worker starts.
            answer = httpx.get(f"{self.url}/readyz", timeout=5, trust_env=False, verify=False)
            return answer.status_code == 200
        except httpx.TransportError:
            return False

    def worker_pids(self) -> set[int]:
        """The process ids of its workers."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        if children.exists():
            return {int(pid) for pid in children.read_text().split()}
        command = ["pgrep", "-P", str(self.pid)]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        return {int(pid) for pid in found.stdout.split()}

    @contextmanager
    def only_worker(self, pid: int) -> Iterator[None]:
        """Have one worker take every connection: it is the kernel's choice, so the others stop."""
        others = self.worker_pids() - {pid}
        for other in others:
            os.kill(other, signal.SIGSTOP)
        try:
            yield
        finally:
            for other in others:
                os.kill(other, signal.SIGCONT)

    def http(self, token: str | None = None, **options: Any) -> httpx.Client:
        """A client for its pages and its API; close it, or use it with `with`."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(
            base_url=self.url, headers=headers, trust_env=False, verify=False, **options
        )

    def stream(
        self, token: str | None = None, last_event_id: str | None = None, query: str = ""
    ) -> SseStream:
        """Open a stream; close it, or use it with `with`."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if last_event_id is not None:
            headers["Last-Event-ID"] = last_event_id
        return SseStream(f"{self.url}{STREAM_PATH}{query}", headers)


class ForkedProcess(ChildProcess):
    """`python -m COMMAND …`, which has the application imported when it starts."""

    def _started(self, log: IO[bytes]) -> Forked:
        return Forked(self.command, child_environ(self.settings), log, log)


class ConsumerProcess(ForkedProcess):
    """`flask consumer run`."""

    def __init__(self, settings: Mapping[str, str], folder: Path, *arguments: str) -> None:
        number = len(list(folder.glob("consumer-*.log"))) + 1
        log = folder / f"consumer-{number}.log"
        log.touch()
        super().__init__(["flask", "consumer", "run", *arguments], settings, log)


def program(*names: str) -> str | None:
    """The path of the first of these programs that is installed."""
    return next((found for name in names if (found := shutil.which(name))), None)
