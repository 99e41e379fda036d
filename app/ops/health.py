"""Health: whether the process answers, and whether all that it needs does."""

import redis
from flask import Blueprint, Response, jsonify
from sqlalchemy import text

from app.errors import DatabaseUnavailable
from app.extensions import tidings
from app.limits import unlimited
from app.notifications.database import reading
from app.sse.room import room

blueprint = Blueprint("health", __name__)

OK = "ok"


@blueprint.get("/healthz")
@unlimited("a probe asks every few seconds, and reads nothing")
def healthz() -> Response:
    """The process answers."""
    return jsonify(status=OK)


@blueprint.get("/readyz")
@unlimited("a probe asks every few seconds, and must not be told to wait")
def readyz() -> tuple[Response, int]:
    """200 if database, Redis and listener are all there; else 503 with the state of each."""
    checks = {"database": _database(), "redis": _redis(), "listener": _listener()}
    ready = all(state == OK for state in checks.values())
    status = OK if ready else "unavailable"
    return jsonify(status=status, checks=checks), 200 if ready else 503


def _database() -> str:
    try:
        with reading() as session:
            session.execute(text("SELECT 1 FROM mailboxes LIMIT 1"))
    except DatabaseUnavailable as error:
        return str(error)
    return OK


def _redis() -> str:
    try:
        tidings().redis.ping()
    except redis.RedisError as error:
        return f"Redis does not answer: {error}"
    return OK


def _listener() -> str:
    listener = room().listener
    return OK if listener.state == "listening" else f"{listener.state}: {listener.last_error}"
