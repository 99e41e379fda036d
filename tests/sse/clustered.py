"""Streams on every worker of a Tidings, and revocations as the API makes them."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import jwt
from flask import Flask

from app.auth.revocation import Revocation
from app.auth.revocations import revoke
from app.sse.presence import STREAMS_PREFIX, Presence
from tests.sse.place import Place
from tests.support.sse import SseStream
from tests.support.waiting import wait_for

MOST_TRIES = 400
# At the same time: of streams that come one by one, one worker may take very many.
AT_ONCE = 8


def claims_of(token: str) -> dict[str, Any]:
    """What a token says."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def revoke_token(app: Flask, token: str) -> None:
    """Take this token's right, as a logout does."""
    claims = claims_of(token)
    _revoke(app, Revocation(claims["sub"], claims["jti"], int(time.time()), claims["exp"]))


def revoke_user(app: Flask, user: str) -> None:
    """Take the right of each token that this user has by now."""
    now = int(time.time())
    _revoke(app, Revocation(user, None, now, now + 86_400))


def _revoke(app: Flask, revocation: Revocation) -> None:
    with app.app_context():
        revoke(revocation)


def opens(place: Place, token: str) -> int:
    """The status of a new stream; it is closed at once."""
    with place.web.stream(token) as stream:
        return stream.status


def presence(place: Place, *users: str) -> dict[str, int]:
    """How many streams each of these has, by what is in Redis."""
    return Presence(place.redis).streams_of(users)


def wait_for_presence(place: Place, expected: dict[str, int]) -> None:
    """Wait until these users have so many streams."""
    wait_for(
        lambda: presence(place, *expected) == expected,
        40,
        f"{expected}, which is {presence(place, *expected)}",
    )


@dataclass(frozen=True)
class Everywhere:
    """Streams of one user with one token, on each worker at least one."""

    token: str
    streams: list[SseStream]


@contextmanager
def everywhere(place: Place, user: str, workers: int = 2) -> Iterator[Everywhere]:
    """Open streams of `user` until each worker has one."""
    token = place.token(user)
    with ExitStack() as stack, ThreadPoolExecutor(AT_ONCE) as pool:
        streams: list[SseStream] = []
        before = place.redis.hgetall(STREAMS_PREFIX + user)
        while _grown(before, place.redis.hgetall(STREAMS_PREFIX + user)) < workers:
            assert len(streams) < MOST_TRIES, "a worker that takes no stream"
            opened = list(pool.map(place.web.stream, [token] * AT_ONCE))
            for stream in opened:
                stack.enter_context(stream).wait_for_frames(1, 30)
            streams += opened
        yield Everywhere(token, streams)


def _grown(before: dict[Any, Any], now: dict[Any, Any]) -> int:
    """How many workers have more streams than before."""
    return sum(int(number) > int(before.get(worker, 0)) for worker, number in now.items())
