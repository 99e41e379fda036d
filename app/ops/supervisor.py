"""Runs a few processes side by side until one ends or somebody stops them."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from app.errors import TidingsError
from app.ops.notices import Notices
from app.ops.tether import tethered

# Longer than the web process takes to send its streams away.
STOP_SECONDS = 30.0

# After a process and all its kin are gone, reading the rest of what they wrote takes no time.
LAST_WORDS_SECONDS = 2.0

# Somebody presses Ctrl-C, a process manager sends SIGTERM, a terminal that is closed sends SIGHUP.
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class ChildEnded(TidingsError):
    """A process ended that should have run on."""


class StopRequested(TidingsError):
    """A signal asked for the end."""


@dataclass(frozen=True)
class Ended:
    """The process `name` has ended, by a signal if its status is negative."""

    name: str
    status: int

    def __str__(self) -> str:
        if self.status < 0:
            return f"{self.name} was ended by {signal.Signals(-self.status).name}"
        return f"{self.name} ended with status {self.status}"


@dataclass
class Child:
    """One process and the thread that passes on its output."""

    name: str
    process: subprocess.Popen[bytes]
    output: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.output = threading.Thread(target=self._pass_on, daemon=True)
        self.output.start()

    def _pass_on(self) -> None:
        for line in self.process.stdout or ():
            say(f"{self.name:<8} | {line.decode(errors='replace').rstrip()}")

    def finish(self, deadline: float) -> None:
        """Wait for the end until `deadline` (monotonic seconds), then kill what is left."""
        try:
            self.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            say(f"{self.name} did not stop in {STOP_SECONDS:.0f} s: killed.")
        self._kill_group()
        self.process.wait()
        self.output.join(LAST_WORDS_SECONDS)

    def _kill_group(self) -> None:
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            # Nothing is left of it. macOS says so with the second.
            return


class Supervisor:
    """Starts processes, passes on what they print under their names, and stops them together.

    It waits for one thing only: notices, of processes that ended and of signals to stop.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._folder = folder
        self._environ = environ
        self._children: list[Child] = []
        self._happened: Notices[Ended | Literal["stop"]] = Notices()

    @contextmanager
    def heeding_signals(self) -> Iterator[None]:
        """Within, a stop signal makes the wait under way, or the next, raise StopRequested.

        Signals after the first find nobody waiting, so they can't disturb the stop. At the end
        they are ignored, because the process ends too: a late one shall not change how.
        """
        self._happened.put_on(STOP_SIGNALS, "stop")
        try:
            yield
        finally:
            for signum in STOP_SIGNALS:
                signal.signal(signum, signal.SIG_IGN)

    def start(self, name: str, command: Sequence[str]) -> None:
        """Start a process. From now on its end ends the others."""
        self.watch(name, self._start(name, command).process)

    def watch(self, name: str, process: subprocess.Popen[bytes]) -> None:
        """Let the end of a process count that is started and stopped by others."""

        def wait() -> None:
            self._happened.put(Ended(name, process.wait()))

        threading.Thread(target=wait, daemon=True).start()

    def run(self, name: str, command: Sequence[str]) -> None:
        """Run a process to its end. Raises ChildEnded if it fails, or when another one ends."""
        process = self._start(name, command).process
        self.watch(name, process)
        ended = self._next(None)
        if ended != Ended(name, 0):
            raise ChildEnded(f"{ended}.")

    def wait(self, seconds: float | None = None) -> None:
        """Wait while all goes well, for `seconds` at most.

        Raises ChildEnded when a process ended, StopRequested when a signal asked for the end.
        """
        if ended := self._next(seconds):
            raise ChildEnded(f"{ended}.")

    def stop(self) -> None:
        """Ask every process to end, all at once, and kill what has not ended in time."""
        for child in self._children:
            child.process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for child in self._children:
            child.finish(deadline)
        self._children.clear()

    def _start(self, name: str, command: Sequence[str]) -> Child:
        process = subprocess.Popen(
            tethered(command),
            cwd=self._folder,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Ctrl-C in a terminal goes to the foreground's process group. The order of the end is
            # the supervisor's to choose, so its children are not in that group.
            start_new_session=True,
        )
        child = Child(name, process)
        self._children.append(child)
        return child

    def _next(self, seconds: float | None) -> Ended | None:
        happened = self._happened.get(seconds)
        if happened == "stop":
            raise StopRequested
        return happened

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def say(text: str) -> None:
    """Print a line, whole, from any thread; a terminal that is gone must not stop the stopping."""
    try:
        os.write(sys.stdout.fileno(), f"{text}\n".encode())
    except OSError:
        return
