"""Child processes: tied to the bench's life, always stopped, quoted when something goes wrong."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from app.ops.tether import tethered

START_SECONDS = 30.0
STOP_SECONDS = 10.0
LAST_LINES = 8


class StartError(RuntimeError):
    """A process did not start, or died."""


class Child:
    """One child process. What it prints goes to a file in `folder`."""

    def __init__(
        self, name: str, command: Sequence[str], cwd: Path, environ: Mapping[str, str], folder: Path
    ) -> None:
        self.name = name
        self._log = folder / f"{name}.log"
        with self._log.open("ab") as log:
            # Its own session: Ctrl-C reaches the bench alone, which then stops all in order.
            self._process = subprocess.Popen(
                tethered(command),
                cwd=cwd,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def wait_until(self, ready: Callable[[], bool], what: str) -> None:
        """Return once `ready()`. Raises StartError when the process dies or takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if self._process.poll() is not None:
                raise StartError(f"{self.name} ended before {what}:\n{self.last_words()}")
            if time.monotonic() > deadline:
                raise StartError(f"{self.name}: {what} took too long:\n{self.last_words()}")
            time.sleep(0.02)

    def wait(self) -> int:
        """Wait for its end; its exit status. Killed on any error meanwhile."""
        try:
            return self._process.wait(START_SECONDS)
        finally:
            self.kill()

    def stop(self) -> None:
        """SIGTERM; SIGKILL to its whole group if that takes too long."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """SIGKILL to its whole group."""
        if self._process.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()

    def last_words(self) -> str:
        """The last lines that it printed."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-LAST_LINES:])
