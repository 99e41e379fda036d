"""A Redis that dies, with and without its file, stops, or loses what it was told to keep."""

import signal
import time

from tests.chaos.blows import kill_redis, signal_redis
from tests.chaos.faults.consumers import continue_consumers, stop_consumers
from tests.chaos.faults.fault import NO_SWEEP, fault
from tests.chaos.ledger import Entry
from tests.chaos.world import GROUP, STREAM, World

# appendfsync everysec: what a crash of the machine may lose, and twice that with a slow disk.
EVERYSEC_SECONDS = 2.0
# What consumers that keep up have not read yet when somebody deletes it.
UNREAD_SECONDS = 1.0


@fault("redis-killed", short=("postgresql",))
def redis_killed(world: World) -> None:
    """kill -9 of Redis, again and again, with its append-only file (appendfsync always)."""
    world.start()
    world.load()
    for _ in range(world.scale.times):
        world.pause_between_blows()
        kill_redis(world)
        world.pause(0.4)
        world.redis_server.start()
    world.healed()


@fault("redis-killed-everysec", short=("sqlite",), redis_options=("--appendfsync", "everysec"))
def redis_killed_everysec(world: World) -> None:
    """The same with appendfsync everysec: a machine's crash may lose the last second."""
    _kill_with_backlog(world, EVERYSEC_SECONDS)


@fault("redis-killed-no-file", short=("sqlite",), redis_options=(), append_only=False)
def redis_killed_without_file(world: World) -> None:
    """kill -9 of a Redis that keeps no file: what no consumer has read is gone."""
    _kill_with_backlog(world, UNREAD_SECONDS)


def _kill_with_backlog(world: World, may_lose_seconds: float) -> None:
    world.start()
    world.load()
    world.pause(0.5)
    stop_consumers(world)
    stopped_at = time.monotonic()
    world.pause(0.3)
    kill_redis(world)
    killed_at = time.monotonic()
    world.may_lose = lambda entry: _was_there(entry, stopped_at - may_lose_seconds, killed_at)
    continue_consumers(world)
    world.pause(0.3)
    world.redis_server.start()
    world.healed()


def _was_there(entry: Entry, since: float, until: float) -> bool:
    """Whether Redis may have taken it between these moments."""
    if entry.sent_at is None or entry.acked_at is None:
        return False
    return entry.sent_at <= until and entry.acked_at >= since


@fault("redis-stopped", short=("sqlite",), settings=NO_SWEEP)
def redis_stopped(world: World) -> None:
    """SIGSTOP of Redis: it takes connections and answers nobody."""
    world.start()
    world.load()
    world.pause(0.5)
    signal_redis(world, signal.SIGSTOP)
    world.endure(max(world.scale.stopped_seconds, 5.0))
    signal_redis(world, signal.SIGCONT)
    world.healed()


@fault("stream-wiped", short=("postgresql",))
def stream_wiped(world: World) -> None:
    """XGROUP DESTROY, DEL of the stream and FLUSHALL in the middle: only what is unread is gone."""
    world.start()
    world.load()
    wiped_at: list[float] = []

    world.may_lose = lambda entry: any(
        _was_there(entry, wiped - UNREAD_SECONDS, wiped) for wiped in wiped_at
    )
    world.pause(0.4)
    world.redis.xgroup_destroy(STREAM, GROUP)
    world.pause(0.5)
    world.redis.delete(STREAM)
    wiped_at.append(time.monotonic())
    world.pause(0.5)
    world.redis.flushall()
    wiped_at.append(time.monotonic())
    world.healed()


@fault("group-destroyed", short=("sqlite",), settings=NO_SWEEP)
def group_destroyed(world: World) -> None:
    """XGROUP DESTROY, again and again: every entry is still there, so nothing may be lost."""
    world.start()
    world.load()
    for _ in range(world.scale.times):
        world.pause_between_blows()
        world.redis.xgroup_destroy(STREAM, GROUP)
    world.healed()
