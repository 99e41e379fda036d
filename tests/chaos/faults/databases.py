"""A database whose sessions die, that is away, that somebody else has locked."""

import os
import signal
import time
from contextlib import closing
from typing import LiteralString

import httpx
import psycopg
from psycopg import sql

from tests.chaos.expectations import background_request, expect_heartbeat
from tests.chaos.faults.fault import NO_SWEEP, fault
from tests.chaos.world import World
from tests.support.waiting import wait_for

TERMINATE = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = %s AND pid <> pg_backend_pid()
"""
HEARTBEAT = {"KEEPALIVE_SECONDS": "1"}
MOST_ANSWER_SECONDS = 1.0


class Postgres:
    """The server of a world's database, through a database that stays up."""

    def __init__(self, world: World) -> None:
        self.url = world.store.url
        with psycopg.connect(self.url) as connection:
            self.name = connection.info.dbname
        self.maintenance_url = self.url.replace(f"/{self.name}?", "/postgres?")

    def run(self, statement: LiteralString) -> None:
        """Run a statement that takes the database's name as {}."""
        with psycopg.connect(self.maintenance_url, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(sql.Identifier(self.name)))

    def terminate_sessions(self) -> None:
        """End every session of the database."""
        with psycopg.connect(self.maintenance_url, autocommit=True) as connection:
            connection.execute(TERMINATE, (self.name,))

    def crash(self) -> None:
        """SIGKILL the process of a session: PostgreSQL then ends all of them, and recovers."""
        with closing(psycopg.connect(self.maintenance_url)) as connection:
            os.kill(connection.info.backend_pid, signal.SIGKILL)

    def answers(self) -> bool:
        """Whether it takes connections."""
        try:
            psycopg.connect(self.url).close()
        except psycopg.OperationalError:
            return False
        return True


@fault("sessions-terminated", databases=("postgresql",), settings=NO_SWEEP)
def sessions_terminated(world: World) -> None:
    """Every PostgreSQL session is terminated, five times a second."""
    world.start()
    postgres = Postgres(world)
    world.load()
    while world.producer.running:
        world.pause(0.2)
        postgres.terminate_sessions()
    world.healed()


@fault("database-down", databases=("postgresql",), settings={**NO_SWEEP, **HEARTBEAT})
def database_down(world: World) -> None:
    """PostgreSQL refuses everybody for a while; streams stay open and keep their heartbeat."""
    world.start()
    postgres = Postgres(world)
    world.load()
    world.pause(0.4)
    postgres.run("ALTER DATABASE {} ALLOW_CONNECTIONS false")
    try:
        postgres.terminate_sessions()
        expect_heartbeat(world, max(world.scale.stopped_seconds, 3.0))
    finally:
        postgres.run("ALTER DATABASE {} ALLOW_CONNECTIONS true")
    world.healed()


@fault("database-crashed", databases=("postgresql",), settings=NO_SWEEP)
def database_crashed(world: World) -> None:
    """kill -9 of a PostgreSQL session's process: the server drops everybody and recovers."""
    postgres = Postgres(world)
    # The tests' server runs without; then a crash takes back commits, and this kit says so.
    postgres.run("ALTER DATABASE {} SET synchronous_commit = on")
    world.start()
    world.load()
    for _ in range(world.scale.times):
        world.pause(0.4)
        wait_for(postgres.answers, 30, "PostgreSQL")
        postgres.crash()
    wait_for(postgres.answers, 30, "PostgreSQL")
    world.healed()


@fault("sqlite-locked", databases=("sqlite",), settings={**NO_SWEEP, **HEARTBEAT})
def sqlite_locked(world: World) -> None:
    """Another process holds SQLite's write lock; the worker's other greenlets go on."""
    world.start()
    world.load()
    world.pause(0.4)
    with closing(world.store.connect_sqlite()) as connection:
        connection.execute("BEGIN IMMEDIATE")
        # A request that has to wait for the lock must hold up nobody else.
        with background_request(world, "PUT", "/api/v1/mailbox/seen", {"up_to": 0}):
            expect_heartbeat(world, 3.0 if world.scale.short else 12.0)
            began = time.monotonic()
            httpx.get(f"{world.web.url}/healthz", trust_env=False)
            if (seconds := time.monotonic() - began) > MOST_ANSWER_SECONDS:
                world.complain(f"/healthz took {seconds:.1f} s while SQLite was locked")
            connection.execute("ROLLBACK")
    world.healed()
