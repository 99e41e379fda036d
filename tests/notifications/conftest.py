"""Fixtures of this room's tests."""

from collections.abc import Callable, Iterator

import pytest
import redis
from flask import Flask

from app.bus import channel_of
from tests.conftest import TokenFor
from tests.notifications.world import Caller, World
from tests.support.waiting import wait_for

END = b"the test's own last word"

Heard = Callable[[], list[bytes]]


@pytest.fixture
def world(app: Flask, token_for: TokenFor) -> World:
    """One Tidings."""
    return World(app, token_for)


@pytest.fixture
def grace(world: World) -> Caller:
    """Grace, on the API."""
    return world.caller("grace")


@pytest.fixture
def heard(redis_client: redis.Redis) -> Iterator[Heard]:
    """Everything that was published for Grace since the last call, or since the test began."""
    channel = channel_of("grace")
    with redis_client.pubsub() as pubsub:  # type: ignore[no-untyped-call]
        pubsub.subscribe(channel)
        wait_for(lambda: pubsub.get_message(timeout=1), what="the subscription")

        def hear() -> list[bytes]:
            redis_client.publish(channel, END)
            payloads: list[bytes] = []
            while True:
                message = wait_for(lambda: pubsub.get_message(timeout=1), what="a message")
                if message["data"] == END:
                    return payloads
                payloads.append(message["data"])

        yield hear
