"""What a deployment is sized by: bytes in Redis, PostgreSQL and the kernel, Redis' time."""

import sys
import time
from pathlib import Path

import psycopg

from app.bus import connect
from bench import usage
from bench.contender import contending, streams
from bench.report import Line
from bench.rows.consumer import PLAIN, drain, produce
from bench.samples import user_ids
from bench.servers import Server
from bench.stage import Stage


def measure(stage: Stage) -> list[Line]:
    """Everything once, on one worker, one consumer and PostgreSQL."""
    with stage.postgres() as database:
        with stage.tidings(database) as server:
            lines = [_worker(stage, server), *_streams(stage, server), _publish(stage, server)]
        return [*lines, *_events(stage, database)]


def _worker(stage: Stage, server: Server) -> Line:
    with streams(stage, server, user_ids("first", 10)):
        time.sleep(stage.plan.settle_seconds)
        kib = sum(usage.memory(pid).kib for pid in server.pids)
    return _line("memory of a web worker without streams", "MiB", kib / 1024)


def _streams(stage: Stage, server: Server) -> list[Line]:
    count = stage.plan.streams
    redis, kernel = _redis_bytes(stage), _kernel_bytes()
    with streams(stage, server, user_ids("idle", count)):
        time.sleep(stage.plan.settle_seconds)
        redis, kernel = _redis_bytes(stage) - redis, _kernel_bytes() - kernel
    return [
        _line("Redis for each user with an open stream", "bytes", redis / count),
        # Half of it is the load client's end.
        _line("the kernel's memory for each idle stream", "KiB", kernel / count / 2 / 1024),
    ]


def _publish(stage: Stage, server: Server) -> Line:
    with contending(stage, server) as contender:
        contender.warm_up()
        used, started = usage.cpu_seconds(stage.redis_pid), time.perf_counter()
        contender.round()
        published = contender.rates[-1] * (time.perf_counter() - started)
        micros = 1e6 * (usage.cpu_seconds(stage.redis_pid) - used) / published
    return _line("Redis' CPU for a PUBLISH with one subscriber", "µs", micros)


def _events(stage: Stage, database: str) -> list[Line]:
    before = _redis_bytes(stage)
    produce(stage, "sizes", PLAIN)
    events = stage.plan.events
    redis = (_redis_bytes(stage) - before) / events
    with psycopg.connect(database, autocommit=True) as connection:
        size, log = _postgres_bytes(connection)
        with stage.consumer(database) as child:
            drain(stage, child)
        size, log = (
            now - then for now, then in zip(_postgres_bytes(connection), (size, log), strict=True)
        )
    return [
        _line("Redis for each event in the stream", "bytes", redis),
        _line("PostgreSQL for each notification, indexes included", "bytes", size / events),
        _line("PostgreSQL's write-ahead log for each notification", "bytes", log / events),
    ]


def _redis_bytes(stage: Stage) -> int:
    with connect(stage.redis.url) as redis:
        return int(redis.info("memory")["used_memory"])


def _postgres_bytes(connection: psycopg.Connection) -> tuple[int, int]:
    """The size of the notifications' table, and how much was ever logged."""
    found = connection.execute(
        "SELECT pg_total_relation_size('notifications'),"
        " pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint"
    ).fetchone()
    return (int(found[0]), int(found[1])) if found else (0, 0)


def _kernel_bytes() -> int:
    """What the kernel holds for its own objects, of which sockets are some; 0 but on Linux."""
    if sys.platform != "linux":
        return 0
    kib = 0
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("Slab:"):
            kib += int(line.split()[1])
    return 1024 * kib


def _line(what: str, unit: str, value: float) -> Line:
    return Line(row="sizes", what=what, unit=unit, ours=value, better="less")
