"""`make run` starts everything, and whatever ends it leaves nothing behind."""

import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.config import PROJECT
from app.ops.embedded import socket_path
from tests.conftest import JWT_SECRET_KEY, TokenFor
from tests.support.processes import STREAM_PATH, ChildProcess, child_environ, free_port
from tests.support.require import require
from tests.support.sse import SseStream
from tests.support.waiting import wait_for

# Every test starts and stops four programs.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(autouse=True)
def _processes_can_be_seen() -> None:
    require(Path("/proc/self/environ").exists(), "looks for processes in /proc")


# Without a supervisor, nobody kills a web worker that takes gunicorn's `graceful_timeout` to end.
END_SECONDS = 40

RUNNING = "Tidings is running."


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """What a person gives at first: nothing, but for a folder and a port that tests can share."""
    return {
        "INSTANCE_PATH": str(tmp_path / "instance"),
        "PORT": str(free_port()),
        "JWT_SECRET_KEY": JWT_SECRET_KEY,
    }


@pytest.fixture
def make_run(settings: dict[str, str], tmp_path: Path) -> Iterator[Callable[[], ChildProcess]]:
    """Starts what `make run` starts."""
    started: list[ChildProcess] = []

    def start() -> ChildProcess:
        log = tmp_path / f"run-{len(started)}.log"
        started.append(ChildProcess([sys.executable, "-m", "app.ops.run"], settings, log))
        return started[-1].start()

    yield start
    for process in started:
        if process.alive:
            process.terminate()
        process.stop()
    for pid in processes_of(settings):
        os.kill(pid, signal.SIGKILL)


def processes_of(settings: dict[str, str]) -> dict[int, str]:
    """Every process that inherited the settings, whoever its parent is: id and command line."""
    inherited = f"INSTANCE_PATH={settings['INSTANCE_PATH']}\0".encode()
    # Redis writes its title over its environment; the title names the socket.
    title = str(socket_path(Path(settings["INSTANCE_PATH"])))
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if inherited in (folder / "environ").read_bytes() or title in command:
                found[int(folder.name)] = command
        except OSError:
            # It ended in the meantime, or belongs to somebody else.
            continue
    return found


def assert_nothing_is_left(settings: dict[str, str]) -> None:
    wait_for(lambda: not processes_of(settings), END_SECONDS, f"end of {processes_of(settings)}")
    assert not socket_path(Path(settings["INSTANCE_PATH"])).exists()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(settings["PORT"]))) != 0


def test_the_first_event_arrives_and_ctrl_c_ends_all_also_the_second_time_and_for_the_impatient(
    make_run: Callable[[], ChildProcess], settings: dict[str, str], token_for: TokenFor
) -> None:
    url = f"http://localhost:{settings['PORT']}"
    # More signals do not disturb the stop.
    for more in ((), (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)):
        run = make_run()
        run.wait_for_output("emit notification.requested")
        assert RUNNING in run.output()
        assert f"{url}/" in run.output()
        [first_event] = [line for line in run.output().splitlines() if " emit " in line]
        headers = {"Authorization": f"Bearer {token_for('grace')}"}
        with SseStream(f"{url}{STREAM_PATH}", headers) as stream:
            stream.wait_for_event(lambda frame: frame.event == "connected")
            subprocess.run(
                shlex.split(first_event), cwd=PROJECT, env=child_environ(settings), check=True
            )
            stream.wait_for_event(lambda frame: '"Hello"' in frame.data)
            for signum in (signal.SIGINT, *more):
                run.send(signum)
            if more:
                run.wait_for_output("Stopping")
                run.send(signal.SIGINT)
            stream.wait_for_event(lambda frame: frame.event == "draining")
            assert run.wait(END_SECONDS) == 0
        assert_nothing_is_left(settings)
        assert run.output().rstrip().endswith("Stopped.")
        assert "Traceback" not in run.output()


@pytest.mark.parametrize("moment", ["migrate", "web"])
def test_ctrl_c_during_the_start_leaves_nothing(
    make_run: Callable[[], ChildProcess], settings: dict[str, str], moment: str
) -> None:
    command = {"migrate": "flask --app wsgi db upgrade", "web": "gunicorn wsgi:app"}[moment]
    run = make_run()
    wait_for(lambda: any(command in c for c in processes_of(settings).values()), 30, command)
    run.send(signal.SIGINT)
    assert run.wait(END_SECONDS) == 0
    assert_nothing_is_left(settings)
    assert RUNNING not in run.output()


@pytest.mark.parametrize(
    ("name", "command"),
    [("web", "gunicorn wsgi:app"), ("consumer", "consumer run"), ("redis", "redis-server")],
)
def test_when_one_process_dies_the_rest_stops_and_it_is_named(
    make_run: Callable[[], ChildProcess], settings: dict[str, str], name: str, command: str
) -> None:
    run = make_run()
    run.wait_for_output(RUNNING)
    # The oldest of them is gunicorn's master.
    victim = min(pid for pid, line in processes_of(settings).items() if command in line)
    os.kill(victim, signal.SIGKILL)
    assert run.wait(END_SECONDS) == 1
    assert f"make run: {name} was ended by SIGKILL." in run.output()
    wait_for(lambda: not processes_of(settings), END_SECONDS, "the end of all")


def test_a_killed_supervisor_takes_all_with_it(
    make_run: Callable[[], ChildProcess], settings: dict[str, str]
) -> None:
    run = make_run()
    run.wait_for_output(RUNNING)
    run.send(signal.SIGKILL)
    run.wait()
    assert_nothing_is_left(settings)


def test_a_port_in_use_is_one_line_that_says_what_to_do(
    make_run: Callable[[], ChildProcess], settings: dict[str, str]
) -> None:
    with socket.create_server(("127.0.0.1", int(settings["PORT"]))):
        run = make_run()
        assert run.wait(END_SECONDS) == 1
    [line] = run.output().splitlines()
    assert settings["PORT"] in line
    assert "PORT=" in line
    assert not socket_path(Path(settings["INSTANCE_PATH"])).exists()


def test_a_wrong_setting_is_one_line(
    make_run: Callable[[], ChildProcess], settings: dict[str, str]
) -> None:
    settings["KEEPALIVE_SECONDS"] = "soon"
    run = make_run()
    assert run.wait(END_SECONDS) == 1
    [line] = run.output().splitlines()
    assert "KEEPALIVE_SECONDS" in line
