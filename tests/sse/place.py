"""One running Tidings, and what a test does to it: tell somebody something, and listen."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import redis
from flask import Flask

from app import bus
from app.bus import Push
from app.notifications.delivery import deliver
from app.notifications.draft import Draft
from tests.conftest import JWT_SECRET_KEY
from tests.support.processes import STREAM_PATH, WebServer
from tests.support.sse import Frame, SseStream
from tests.support.tokens import sign_token

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Place:
    """A web server, an application on its database, and a client of its Redis."""

    web: WebServer
    app: Flask
    redis: redis.Redis

    def token(self, user: str, ttl_seconds: float = 3600) -> str:
        """A token for `user`."""
        return sign_token(JWT_SECRET_KEY, user, ttl_seconds=ttl_seconds)

    def stream(
        self,
        user: str,
        last_event_id: int | str | None = None,
        query: str = "",
        ttl_seconds: float = 3600,
    ) -> SseStream:
        """A stream of `user`; close it, or use it with `with`."""
        position = None if last_event_id is None else str(last_event_id)
        return self.web.stream(self.token(user, ttl_seconds), position, query)

    def live(self, user: str) -> SseStream:
        """A stream of `user` that has begun."""
        stream = self.stream(user)
        stream.wait_for_frames(1)
        return stream

    def request(self, headers: dict[str, str], query: str = "") -> SseStream:
        """A stream, or its refusal, for exactly these headers."""
        return SseStream(f"{self.web.url}{STREAM_PATH}{query}", headers)

    def commit(self, user: str, count: int = 1, **draft: Any) -> Sequence[Push]:
        """Store notifications for `user`; what a consumer would publish next."""
        drafts = [
            Draft(
                user_id=user,
                kind="test.told",
                reason="requested",
                event_id=f"told-{next(_numbers)}",
                source="/tests",
                **{"title": "Told", **draft},
            )
            for _ in range(count)
        ]
        with self.app.app_context():
            return deliver(drafts, datetime.now(UTC)).pushes

    def tell(self, user: str, count: int = 1, **draft: Any) -> None:
        """Store notifications for `user` and publish them."""
        bus.publish(self.redis, self.commit(user, count, **draft))

    def subscribers(self, user: str) -> int:
        """How many connections to Redis listen to the channel of `user`."""
        [(_, count)] = self.redis.pubsub_numsub(bus.channel_of(user))
        return int(count)

    def listeners(self) -> list[dict[str, str]]:
        """The connections to Redis that listen to anything."""
        found: list[dict[str, str]] = self.redis.client_list(_type="pubsub")
        return found


def events(frames: Sequence[Frame]) -> list[tuple[str, str | None]]:
    """What came, in short: each frame's name and id."""
    return [(frame.event, frame.id) for frame in frames]


def news(first: int, last: int) -> list[tuple[str, str | None]]:
    """The new notifications of these seqs, as `events` shows them."""
    return [("message", str(seq)) for seq in range(first, last + 1)]
