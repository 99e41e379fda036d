"""`make run`: everything that Tidings needs, on one machine, from one terminal."""

import http.client
import os
import re
import shlex
import socket
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import unquote

from app.config import PROJECT, Settings
from app.errors import TidingsError
from app.ops.embedded import EmbeddedRedis, socket_path
from app.ops.supervisor import StopRequested, Supervisor, say

# A first start compiles every module and creates the database.
READY_SECONDS = 60.0

FIRST_EVENT = ("emit", "notification.requested", "--to", "grace", "--data", '{"title": "Hello"}')


class CannotRun(TidingsError):
    """Something outside Tidings is in the way."""


def main() -> int:
    """Run until stopped by a signal, which is exit status 0, or until something fails."""
    supervisor = Supervisor(PROJECT, {**os.environ, "PYTHONUNBUFFERED": "1"})
    with supervisor.heeding_signals():
        try:
            serve(supervisor, Settings.load())
        except StopRequested:
            say("Stopped.")
            return 0
        except TidingsError as error:
            say(f"make run: {error}")
            return 1
    return 0


def serve(supervisor: Supervisor, settings: Settings) -> None:
    """Start one after the other, say where, and wait. Always ends with an exception."""
    require_free_port(settings.port)
    say("Starting Redis, the database, the web process and the consumer.")
    # An exit stack ends in the opposite order: the web process and the consumer still have Redis
    # when they hand back their work.
    with ExitStack() as running:
        redis = start_redis(supervisor, settings, running)
        running.enter_context(supervisor)
        supervisor.run("migrate", flask("db", "upgrade"))
        supervisor.start("web", [sys.executable, "-m", "gunicorn", "wsgi:app"])
        supervisor.start("consumer", flask("consumer", "run"))
        wait_until_ready(supervisor, settings.port)
        announce(settings, redis)
        try:
            supervisor.wait()
        finally:
            say("Stopping the web process and the consumer, then Redis.")


def require_free_port(port: int) -> None:
    """Raise CannotRun if another process listens on the port."""
    with socket.socket() as probe:
        # As gunicorn does, so that connections of an earlier run that are still closing don't
        # count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError as error:
            raise CannotRun(
                f"port {port} can't be used ({error.strerror}). "
                f"Choose another one: PORT={port + 1} make run"
            ) from None


def start_redis(
    supervisor: Supervisor, settings: Settings, running: ExitStack
) -> EmbeddedRedis | None:
    """Start the embedded Redis server, unless the settings name another one."""
    embedded = socket_path(settings.instance_path)
    if unquote(settings.redis_url) != f"unix://{embedded}":
        return None
    redis = running.enter_context(EmbeddedRedis(settings.instance_path))
    if redis.process:
        supervisor.watch("redis", redis.process)
    return redis


def flask(*arguments: str) -> list[str]:
    """The command line of one of the application's commands."""
    return [sys.executable, "-m", "flask", "--app", "wsgi", *arguments]


def wait_until_ready(supervisor: Supervisor, port: int) -> None:
    """Wait for /readyz. Raises CannotRun, with what is not ready, after READY_SECONDS."""
    deadline = time.monotonic() + READY_SECONDS
    while problem := not_ready(port):
        if time.monotonic() > deadline:
            raise CannotRun(f"not ready after {READY_SECONDS:.0f} s: {problem}")
        supervisor.wait(0.1)


def not_ready(port: int) -> str:
    """What /readyz says is wrong; empty when all is well."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        return "" if response.status == 200 else response.read().decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        return str(error)
    finally:
        connection.close()


def announce(settings: Settings, redis: EmbeddedRedis | None) -> None:
    """Say what runs where, and what to do first."""
    url = f"http://localhost:{settings.port}/"
    started = "embedded" if redis and redis.process else "already running"
    where = f"{started}, {redis.socket}" if redis else _without_password(settings.redis_url)
    say("")
    say("Tidings is running. Ctrl-C stops all of it.")
    say("")
    say(f"  Redis      {where}")
    say(f"  Database   {_without_password(settings.database_url)}")
    say(f"  Web        {url}  (worker processes: {settings.web_concurrency})")
    say(f"  Consumer   reads the stream `{settings.event_stream}`")
    say("")
    if settings.app_env == "development":
        say(f"Open the demo:  {url}")
    say("Send a first event, from another terminal in this folder:")
    say(f"  {shlex.join([_flask_program(), *FIRST_EVENT])}")
    say("")


def _flask_program() -> str:
    program = Path(sys.executable).with_name("flask")
    return os.path.relpath(program) if program.is_relative_to(PROJECT) else str(program)


def _without_password(url: str) -> str:
    return re.sub(r":[^:@/]*@", ":…@", url)


if __name__ == "__main__":
    sys.exit(main())
