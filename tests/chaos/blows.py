"""What signals and clocks can do to the processes of a world."""

import os
import signal
from typing import Any

from tests.chaos.sockets import served_connections
from tests.chaos.world import GROUP, STREAM, World
from tests.support.waiting import wait_for


def kill_redis(world: World) -> None:
    """SIGKILL Redis."""
    process = world.redis_server.process
    assert process is not None
    process.kill()
    process.wait()


def signal_redis(world: World, signum: signal.Signals) -> None:
    """Send Redis a signal."""
    process = world.redis_server.process
    assert process is not None
    process.send_signal(signum)


def kill_worker(world: World) -> None:
    """SIGKILL the web worker with the most streams; gunicorn starts another.

    The others have to be there, or it would be their start that is measured.
    """
    wait_for(lambda: _listening(world) >= world.scale.web_workers, 30, "all web workers")
    busiest = max(world.web_workers(), key=lambda pid: served_connections(pid, world.web.port))
    os.kill(busiest, signal.SIGKILL)


def age_pending(world: World) -> None:
    """Make what dead consumers left look as old as it has to be to be taken over."""
    alive = {f"{os.uname().nodename}-{one.pid}" for one in world.consumers if one.alive}
    pending: Any = world.redis.xpending_range(STREAM, GROUP, "-", "+", 10_000)
    for entry in pending:
        name = entry["consumer"].decode()
        if name not in alive:
            world.redis.xclaim(
                STREAM, GROUP, name, 0, [entry["message_id"]], idle=3_600_000, justid=True
            )


def _listening(world: World) -> int:
    """How many web workers have their Pub/Sub connection: their start is over."""
    return len(world.redis.client_list(_type="pubsub"))
