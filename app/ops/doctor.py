"""`flask doctor`: is everything there, and does an event get all the way to a stream?"""

import http.client
import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

import click
import redis
from flask import Flask, current_app
from flask.cli import with_appcontext
from sqlalchemy import text

from app.auth import Identity, issue_token
from app.auth.jwks import NotFetched, fetch
from app.auth.tickets import issue_ticket
from app.consumer.info import info
from app.consumer.producer import emit
from app.consumer.sample import sample_event
from app.consumer.stream import Names
from app.database import reading
from app.errors import DatabaseUnavailable
from app.extensions import settings, tidings
from app.ops.embedded import OLDEST_VERSION
from app.public_keys import is_fit

# Its own inbox, so that nobody is bothered.
PATIENT = "tidings-doctor"
PATIENT_LIFE = timedelta(minutes=1)

MOST_CLOCK_SKEW_SECONDS = 5.0
# Redis takes an idle consumer's waiting for nothing, and counts from its last look for what others
# left behind: one each 5 s, later on a busy machine.
MOST_CONSUMER_IDLE_MS = 20_000
ARRIVAL_SECONDS = 15.0
# Redis may throw away keys, the event stream among them, under any of the others.
SAFE_EVICTION = "noeviction"


class Unwell(Exception):
    """What is wrong, and what to do about it."""


@dataclass(frozen=True)
class Check:
    """One thing to look at; `look` says what it found, or raises Unwell."""

    name: str
    look: Callable[[], str]


@click.command("doctor")
@click.option("--url", help="Where the web process answers. Default: this machine, PORT.")
@with_appcontext
def doctor(url: str | None) -> None:
    """Check settings, database, Redis, clock, and one event all the way to a stream."""
    base = url or f"http://127.0.0.1:{settings().port}"
    checks = [
        Check("settings", _settings),
        Check("tokens", _tokens),
        Check("database", _database),
        Check("redis", _redis),
        Check("clock", _clock),
        Check("consumer", _consumer),
        Check("web", lambda: _web(base)),
        Check("an event", lambda: _event_to_stream(base)),
    ]
    results = [_report(check) for check in checks]  # each of them, also after a bad one
    if not all(results):
        raise SystemExit(1)


def _report(check: Check) -> bool:
    try:
        found = check.look()
    except Unwell as problem:
        click.secho(f"bad   {check.name:<10}{problem}", fg="red")
        return False
    except (redis.RedisError, DatabaseUnavailable, OSError, http.client.HTTPException) as error:
        click.secho(f"bad   {check.name:<10}{error}", fg="red")
        return False
    click.echo(f"good  {check.name:<10}{found}")
    return True


def _settings() -> str:
    kept = settings()
    return f"{kept.app_env}, stream {kept.event_stream}, group {kept.consumer_group}"


def _tokens() -> str:
    kept = settings()
    if not kept.jwt_jwks_url:
        by = "JWT_PUBLIC_KEY" if kept.jwt_public_key else "JWT_SECRET_KEY"
        return f"{kept.jwt_algorithm}, by {by}"
    try:
        found = fetch(kept.jwt_jwks_url)
    except NotFetched as error:
        raise Unwell(f"can't be checked, JWT_JWKS_URL does not give the keys: {error}") from None
    fit = sum(is_fit(each, kept.jwt_algorithm) for each in found)
    if not fit:
        raise Unwell(f"can't be checked: of {len(found)} keys at JWT_JWKS_URL none is for "
                     f"{kept.jwt_algorithm}; see JWT_ALGORITHM")  # fmt: skip
    return f"{kept.jwt_algorithm}, by {fit} of the {len(found)} keys at JWT_JWKS_URL"


def _database() -> str:
    # Dear to import, and of no use to any other command or worker.
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(current_app.extensions["migrate"].directory)
    with reading() as session:
        connection = session.connection()
        version = connection.dialect.server_version_info or ()
        current = MigrationContext.configure(connection).get_current_revision()
    if current != scripts.get_current_head():
        raise Unwell(f"is at migration {current}, not {scripts.get_current_head()}: "
                     "run `flask db upgrade`")  # fmt: skip
    return f"{connection.dialect.name} {'.'.join(map(str, version))}, migration {current}"


def _redis() -> str:
    facts = tidings().redis.info()
    version = tuple(int(part) for part in facts["redis_version"].split(".")[:2])
    if version < OLDEST_VERSION:
        wanted = ".".join(map(str, OLDEST_VERSION))
        raise Unwell(f"is {facts['redis_version']}: Tidings needs {wanted} or later")
    policy = facts.get("maxmemory_policy", SAFE_EVICTION)
    if facts.get("maxmemory") and policy != SAFE_EVICTION:
        raise Unwell(
            f"may throw away events when its memory is full (maxmemory-policy {policy}): "
            f"set it to {SAFE_EVICTION}"
        )
    durable = (
        "on" if facts.get("aof_enabled") else "off: its crash loses what came since its last save"
    )
    return f"{facts['redis_version']}, append-only file {durable}"


def _clock() -> str:
    seconds, microseconds = tidings().redis.time()
    skews = {"Redis": seconds + microseconds / 1e6 - time.time()}
    if not settings().is_sqlite:
        with reading() as session:
            there = session.scalar(text("SELECT extract(epoch FROM clock_timestamp())"))
        skews["the database"] = float(there) - time.time()
    for name, skew in skews.items():
        if abs(skew) > MOST_CLOCK_SKEW_SECONDS:
            raise Unwell(f"differs from that of {name} by {skew:.1f} s: let both follow NTP")
    return "the same, to " + ", ".join(f"{abs(skew):.1f} s ({n})" for n, skew in skews.items())


def _consumer() -> str:
    kept = settings()
    names = Names(kept.event_stream, kept.consumer_group, kept.dead_letter_stream)
    facts = info(tidings().redis, names)
    at_work = [c for c in facts["consumers"] if c["idle_ms"] < MOST_CONSUMER_IDLE_MS]
    if not at_work:
        raise Unwell("none is running: start one with `flask consumer run`")
    return (
        f"{len(at_work)} at work, {facts['lag']} events waiting, "
        f"{facts['dead_letters']} dead letters"
    )


def _web(base: str) -> str:
    with _get(f"{base}/readyz") as response:
        state = json.loads(response.read())
    if response.status != http.client.OK:
        raise Unwell(f"{base} is not ready: {state}")
    return f"{base} is ready"


def _event_to_stream(base: str) -> str:
    """Open a stream, write an event, and wait for it there."""
    query, headers = _admission()
    event_id = str(uuid.uuid4())
    event = sample_event(
        "notification.requested", [PATIENT], None, {"data": {"check": event_id}}, event_id
    )
    url = f"{base}/api/v1/notifications/subscribe{query}"
    with _get(url, headers) as response:
        if response.status != http.client.OK:
            raise Unwell(f"the stream answered {response.status}: {response.read(500)!r}")
        _wait_for_line(response, "event: connected")
        began = time.monotonic()
        emit(tidings().redis, settings().event_stream, event)
        _wait_for_line(response, event_id)
    return f"reached a stream in {(time.monotonic() - began) * 1000:.0f} ms"


def _admission() -> tuple[str, dict[str, str]]:
    """What opens a stream: a query, and headers."""
    if settings().jwt_secret_key:
        token = issue_token(PATIENT, ttl=PATIENT_LIFE)
        return "", {"Authorization": f"Bearer {token}"}
    # Tokens are the issuer's to make; a ticket opens a stream as well.
    now = int(time.time())
    end = now + int(PATIENT_LIFE.total_seconds())
    patient = Identity(PATIENT, frozenset(), now, end, str(uuid.uuid4()))
    return f"?ticket={issue_ticket(tidings().redis, patient)}", {}


def _wait_for_line(response: http.client.HTTPResponse, wanted: str) -> None:
    deadline = time.monotonic() + ARRIVAL_SECONDS
    while time.monotonic() < deadline:
        line = response.readline()
        if wanted.encode() in line:
            return
        if not line:
            raise Unwell("the stream ended: see the log of the web process")
    raise Unwell("did not arrive: see the logs of the consumer and the web process")


@contextmanager
def _get(url: str, headers: dict[str, str] | None = None) -> Iterator[http.client.HTTPResponse]:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    with closing(kind(parts.netloc, timeout=ARRIVAL_SECONDS)) as connection:
        try:
            target = f"{parts.path}?{parts.query}" if parts.query else parts.path
            connection.request("GET", target, headers=headers or {})
            yield connection.getresponse()
        except ConnectionRefusedError:
            raise Unwell(f"nobody answers at {parts.netloc}: start the web process, "
                         "or name it with --url") from None  # fmt: skip


def init_app(app: Flask) -> None:
    """Add the command to `app`."""
    app.cli.add_command(doctor)
