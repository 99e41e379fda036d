"""What a user would pick instead, each as its own documentation shows it.

They are installed for the bench alone, at the versions pinned in this folder, into
`bench/.yardsticks`, which git ignores. What can't be installed is left out, and the bench says so.
"""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bench.servers import MOST_STREAMS, Dialect, Start, free_port, gunicorn

HERE = Path(__file__).resolve().parent
PINS_OF_PYTHON = HERE / "requirements.txt"
PINS_OF_NODE = HERE / "package-lock.json"
INSTALL_SECONDS = 180.0
# redis-py gives up on a silent Pub/Sub link after 5 s, and flask-sse does not ask again.
PATIENT = "?socket_timeout=86400"


class NotInstalledError(RuntimeError):
    """A yardstick can't be used; why."""


@dataclass(frozen=True, slots=True)
class Yardstick:
    """One of them: the line of a pins file that tells its version, and how to start it."""

    name: str
    install: Callable[[Path], None]
    # (folder of installed packages, environment, Redis' URL) -> how to start it.
    start: Callable[[Path, Mapping[str, str], str], Start]


def install_python(home: Path) -> None:
    """A virtual environment with the Python yardsticks. Raises NotInstalledError."""
    folder = home / "python"
    if _is_installed(folder, PINS_OF_PYTHON):
        return
    shutil.rmtree(folder, ignore_errors=True)
    _run(sys.executable, "-m", "venv", "--without-pip", str(folder))
    python = str(folder / "bin" / "python")
    quiet = ("-qq", "--disable-pip-version-check", "--no-input")
    _run(sys.executable, "-m", "pip", "--python", python, "install", *quiet, "-r", PINS_OF_PYTHON)
    _stamp(folder).write_text(_digest(PINS_OF_PYTHON))


def install_node(home: Path) -> None:
    """A folder with the Node yardstick beside its packages. Raises NotInstalledError."""
    folder = home / "node"
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise NotInstalledError("there is no Node with npm here")
    if not _is_installed(folder, PINS_OF_NODE):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in ("package.json", PINS_OF_NODE.name):
            shutil.copy(HERE / name, folder)
        _run("npm", "ci", "--prefix", str(folder), "--no-audit", "--no-fund", "--silent")
        _stamp(folder).write_text(_digest(PINS_OF_NODE))
    # Node looks for packages beside the program.
    shutil.copy(HERE / "better_sse_app.mjs", folder)


def _flask_sse(home: Path, environ: Mapping[str, str], redis_url: str) -> Start:
    port = free_port()
    options = ["-k", "gevent", "--worker-connections", str(MOST_STREAMS)]
    python = str(home / "python" / "bin" / "python")
    return Start(
        "flask-sse",
        gunicorn("flask_sse_app:app", port, *options, python=python),
        home,
        {**environ, "PYTHONPATH": str(HERE), "REDIS_URL": redis_url + PATIENT},
        port,
        # What it publishes is {"data": …}, and it encodes that anew, with sorted keys.
        Dialect(
            path="/stream",
            has_tokens=False,
            is_greeting=False,
            wrapped=(b'{"data":', b"}"),
            mark=b"data:{",
        ),
    )


def _sse_starlette(home: Path, environ: Mapping[str, str], redis_url: str) -> Start:
    port = free_port()
    python = str(home / "python" / "bin" / "python")
    quiet = ("--log-level", "warning", "--no-access-log")
    return Start(
        "sse-starlette",
        [python, "-m", "uvicorn", "sse_starlette_app:app", "--port", str(port), *quiet],
        home,
        {**environ, "PYTHONPATH": str(HERE), "REDIS_URL": redis_url},
        port,
        Dialect(path="/stream", has_tokens=False, is_greeting=False, frame_end=b"\r\n\r\n"),
        workers=0,
    )


def _better_sse(home: Path, environ: Mapping[str, str], redis_url: str) -> Start:
    port = free_port()
    socket_path = unquote(urlsplit(redis_url).path)
    return Start(
        "better-sse",
        ["node", str(home / "node" / "better_sse_app.mjs"), socket_path, str(port)],
        home,
        {**environ, "NODE_ENV": "production"},
        port,
        Dialect(path="/stream", has_tokens=False, is_greeting=False, mark=b'data:{"seq"'),
        workers=0,
    )


YARDSTICKS = (
    Yardstick("flask-sse", install_python, _flask_sse),
    Yardstick("sse-starlette", install_python, _sse_starlette),
    Yardstick("better-sse", install_node, _better_sse),
)


def _run(*command: str | Path) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalledError(str(error)) from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines() or ["it did not say why"]
        raise NotInstalledError(said[-1])


def _is_installed(folder: Path, pins: Path) -> bool:
    return _stamp(folder).exists() and _stamp(folder).read_text() == _digest(pins)


def _stamp(folder: Path) -> Path:
    return folder / "installed"


def _digest(pins: Path) -> str:
    return hashlib.sha256(pins.read_bytes()).hexdigest()
