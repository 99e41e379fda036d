"""Events a second through one consumer process into a database, in full batches.

All events stand in the Redis Stream before the consumer starts. The clock runs from its first read
until everything is read and acknowledged, so that starting Python is not in the figure.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from redis import Redis
from sqlalchemy import func, insert, select

from app.bus import connect
from app.extensions import Base, db
from app.notifications.models import Notification
from bench import usage
from bench.contender import pipe
from bench.processes import Child, StartError
from bench.report import Goal, Line, spread
from bench.samples import Additions, comment, event, user_ids
from bench.stage import Stage

POLL_SECONDS = 0.005
DRAIN_SECONDS = 120.0


class LostEventsError(RuntimeError):
    """The database's notifications do not tell of each event once."""


@dataclass(frozen=True, slots=True)
class Sort:
    """What kind of events go through, under which name."""

    what: str
    # (event id, user) -> the event's JSON.
    make: Callable[[str, str], bytes]
    # Without a number of its own, the plan's.
    rounds: int | None = None


PLAIN = Sort("events", event)
# Each goes to who follows the story, joins what is unread of it, and is checked against mutes.
COMMENTS = Sort("comments (groups, follows, mutes)", comment, 1)


def into_sqlite(stage: Stage) -> list[Line]:
    """Into SQLite."""
    with stage.sqlite() as database:
        return _measure(stage, "consumer-sqlite", "SQLite", database, PLAIN, 15_000)


def into_postgres(stage: Stage) -> list[Line]:
    """Into PostgreSQL, which runs on the load's core."""
    with stage.postgres() as database:
        return _measure(stage, "consumer-postgres", "PostgreSQL", database, PLAIN, 10_000)


def comments_into_sqlite(stage: Stage) -> list[Line]:
    """Comments into SQLite, with groups, follows and mutes at work."""
    with stage.sqlite() as database:
        _follow_and_mute(stage, database)
        return _measure(stage, "comments-sqlite", "SQLite", database, COMMENTS, None)


def comments_into_postgres(stage: Stage) -> list[Line]:
    """The same into PostgreSQL."""
    with stage.postgres() as database:
        _follow_and_mute(stage, database)
        return _measure(stage, "comments-postgres", "PostgreSQL", database, COMMENTS, None)


def _measure(
    stage: Stage, row: str, name: str, database_url: str, sort: Sort, least: float | None
) -> list[Line]:
    plan = stage.plan
    rounds = sort.rounds or plan.event_rounds
    rates, micros = [], []
    for number in range(rounds):
        produce(stage, f"{name}-{number}", sort)
        with stage.consumer(database_url) as child:
            wall, cpu = drain(stage, child)
        rates.append(plan.events / wall)
        micros.append(1e6 * cpu / plan.events)
        stage.say(f"round {number + 1} of {rounds}: {rates[-1]:,.0f}/s")
    stage.say(spread(rates))
    _check(stage, database_url, plan.events * rounds)
    return [
        Line(
            row=row,
            what=f"{sort.what} through the consumer, {name}",
            unit="1/s",
            ours=statistics.median(rates),
            goal=Goal(at_least=least) if least else None,
            details={"rates": rates, "recipients": plan.recipients},
        ),
        Line(
            row=row,
            what=f"consumer CPU for each of the {sort.what}, {name}",
            unit="µs",
            ours=statistics.median(micros),
            better="less",
        ),
    ]


def _follow_and_mute(stage: Stage, database_url: str) -> None:
    """Everybody follows a story of their own, and has muted a kind and a subject of no event."""
    users = user_ids("recipient", stage.plan.recipients)
    tables = Base.metadata.tables
    follows = [{"subject": f"story/{user}", "user_id": user} for user in users]
    mutes = [
        {"user_id": user, "what": what, "value": value}
        for user in users
        for what, value in (("kind", "story.updated"), ("subject", "story/1"))
    ]
    with stage.app(database_url), db.engine.begin() as connection:
        connection.execute(insert(tables["follows"]), follows)
        connection.execute(insert(tables["mutes"]), mutes)


def produce(stage: Stage, label: str, sort: Sort) -> None:
    """Write the plan's events to the stream; `label` begins their ids."""
    users = user_ids("recipient", stage.plan.recipients)
    add = Additions(stage.event_stream, users, label, sort.make)
    with pipe(stage) as connection, connect(stage.redis.url) as redis:
        before = redis.xlen(stage.event_stream)
        for start in range(0, stage.plan.events, 500):
            stop = min(start + 500, stage.plan.events)
            connection.send(add(start, stop - start))
        while redis.xlen(stage.event_stream) < before + stage.plan.events:
            time.sleep(POLL_SECONDS)


def drain(stage: Stage, child: Child) -> tuple[float, float]:
    """Seconds, and the consumer's CPU seconds, from its first read until all is acknowledged."""
    with connect(stage.redis.url) as redis:
        last = redis.xinfo_stream(stage.event_stream)["last-generated-id"]
        before = _progress(redis, stage)
        child.wait_until(lambda: _progress(redis, stage) != before, "reading")
        used, started = usage.cpu_seconds(child.pid), time.perf_counter()
        while _progress(redis, stage) != (last, 0):
            if time.perf_counter() - started > DRAIN_SECONDS or not child.is_alive():
                raise StartError(f"the consumer stopped half-way:\n{child.last_words()}")
            time.sleep(POLL_SECONDS)
        return time.perf_counter() - started, usage.cpu_seconds(child.pid) - used


def _progress(redis: Redis, stage: Stage) -> tuple[bytes, int] | None:
    """The last entry that the group has read, and how many it has not acknowledged yet.

    Redis 6.2 states no lag: nothing is left when that entry is the stream's last one.
    """
    for group in redis.xinfo_groups(stage.event_stream):
        if group["name"] == stage.consumer_group.encode():
            return group["last-delivered-id"], group["pending"]
    return None


def _check(stage: Stage, database_url: str, expected: int) -> None:
    with stage.app(database_url):
        stored = db.session.scalar(select(func.sum(Notification.count)))
    if stored != expected:
        raise LostEventsError(f"notifications tell of {stored} events; {expected} were sent")
