"""A forked process is one like any other: its settings, its output, its end are its own."""

import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import jwt
import pytest

from app.config import PROJECT
from tests.support.processes import ForkedProcess, child_environ, run_module
from tests.support.require import require
from tests.support.waiting import wait_for

# Asks for a process that would run for ever, says which one it is, and waits to be killed.
ASK = """
import sys
from tests.support.forked import Forked

with open(sys.argv[1], "wb") as log:
    print(Forked(["http.server", "0"], {}, log, log).pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def server(tmp_path: Path) -> ForkedProcess:
    """A process that runs until somebody ends it."""
    return ForkedProcess(["http.server", "0"], {}, tmp_path / "server.log")


def test_what_it_prints_and_how_it_ends_is_its_own(tmp_path: Path) -> None:
    settings = {"INSTANCE_PATH": str(tmp_path), "JWT_SECRET_KEY": secrets.token_urlsafe(48)}
    done = run_module(settings, "flask", "token", "ada")
    assert done.returncode == 0, done.stderr
    jwt.decode(done.stdout.strip(), settings["JWT_SECRET_KEY"], algorithms=["HS256"])
    done = run_module(settings, "flask", "consumer", "rum")
    assert (done.returncode, done.stdout) == (2, "")
    assert "No such command 'rum'" in done.stderr
    done = run_module({"KEEPALIVE_SECONDS": "soon"}, "wsgi")
    assert (done.returncode, done.stdout) == (3, "")
    assert "KEEPALIVE_SECONDS" in done.stderr


def test_it_leads_a_session_and_ends_by_the_signal_that_it_is_sent(server: ForkedProcess) -> None:
    with server:
        server.wait_for_output("Serving HTTP")
        assert os.getsid(server.pid) == os.getpgid(server.pid) == server.pid
        assert server.alive
        with pytest.raises(subprocess.TimeoutExpired):
            server.wait(0.01)
        assert server.terminate() == -signal.SIGTERM
        assert not server.alive


def test_it_does_not_outlive_whoever_asked_for_it(tmp_path: Path) -> None:
    require(sys.platform == "linux", "elsewhere nothing ends with its parent")
    with subprocess.Popen(
        [sys.executable, "-c", ASK, tmp_path / "log"],
        cwd=PROJECT,
        env=child_environ({}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as asker:
        assert asker.stdout
        process = Path("/proc", asker.stdout.readline().decode().strip())
        assert process.exists()
        asker.kill()
    wait_for(lambda: not process.exists(), 30, "its end")
