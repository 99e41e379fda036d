"""Health: whether the process answers, and whether all that it needs does."""

from collections.abc import Callable, Mapping
from typing import Literal

import gevent
import redis
from flask import Blueprint, Response, copy_current_request_context, current_app, jsonify
from flask.blueprints import BlueprintSetupState
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app import bus
from app.database import reading
from app.describe import Answer, Output, describe
from app.errors import DatabaseUnavailable
from app.extensions import Tidings
from app.limits import unlimited
from app.sse.room import room

blueprint = Blueprint("health", __name__)

OK = "ok"

# Who asks does not wait for long: Kubernetes for 1 s unless told otherwise, others for some more.
REDIS_TIMEOUT_SECONDS = 1.0
PROBE_TIMEOUT_SECONDS = 1.0
# For what has no time-out of its own: a database that hangs (its statement_timeout hangs with it),
# a pool whose connections all wait for it, a name server. Enough for a database that is only busy.
CHECK_TIMEOUT_SECONDS = 2.0


@blueprint.record
def _build(state: BlueprintSetupState) -> None:
    """A client of Redis that gives up sooner than those that have work to do."""
    shared: Tidings = state.app.extensions["tidings"]
    state.app.extensions["tidings.health"] = bus.connect(
        shared.settings.redis_url,
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        socket_timeout=REDIS_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


class Health(Output):
    """It answers."""

    status: Literal["ok"]


class Checks(Output):
    """`ok` of each part, or what is wrong with it."""

    database: str
    redis: str
    listener: str


class Readiness(Output):
    """Whether all that is needed is there."""

    status: Literal["ok", "unavailable"]
    checks: Checks


@blueprint.get("/healthz")
@describe("health", Health, public=True)
@unlimited("a probe asks every few seconds, and reads nothing")
def healthz() -> Response:
    """The process answers."""
    return jsonify(status=OK)


@blueprint.get("/readyz")
@describe("health", {200: Answer(Readiness), 503: Answer(Readiness)}, public=True)
@unlimited("a probe asks every few seconds, and must not be told to wait")
def readyz() -> tuple[Response, int]:
    """200 if database, Redis and listener are all there; else 503 with the state of each.

    All are asked at once, and each has CHECK_TIMEOUT_SECONDS.
    """
    asked = {name: gevent.spawn(_asking(name)) for name in CHECKS}
    checks = {name: greenlet.get() for name, greenlet in asked.items()}
    ready = all(state == OK for state in checks.values())
    status = OK if ready else "unavailable"
    return jsonify(status=status, checks=checks), 200 if ready else 503


def _asking(name: str) -> Callable[[], str]:
    @copy_current_request_context
    def ask() -> str:
        limit = gevent.Timeout.start_new(CHECK_TIMEOUT_SECONDS)
        try:
            return CHECKS[name]()
        except (gevent.Timeout, SQLAlchemyError):  # psycopg makes an error of its own of the first
            if limit.pending:
                raise
            return f"The {name} did not answer within {CHECK_TIMEOUT_SECONDS:g} s."
        finally:
            limit.close()

    return ask


def _database() -> str:
    try:
        with reading() as session:
            session.execute(text("SELECT 1 FROM mailboxes LIMIT 1"))
    except DatabaseUnavailable as error:
        return str(error)
    return OK


def _redis() -> str:
    client: redis.Redis = current_app.extensions["tidings.health"]
    try:
        client.ping()
    except redis.RedisError as error:
        return f"Redis does not answer: {error}"
    return OK


def _listener() -> str:
    return room().listener.fault(PROBE_TIMEOUT_SECONDS) or OK


CHECKS: Mapping[str, Callable[[], str]] = {
    "database": _database,
    "redis": _redis,
    "listener": _listener,
}
