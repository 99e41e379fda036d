"""The stories, in one Redis hash that all workers share."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.retry import Retry

from app.board.events import write
from app.board.story import FIRST_STORIES, Story
from app.errors import NotFound, ServiceUnavailable

STORIES_KEY = "board:stories"
# Somebody waits at a page: rather say soon that Redis is away than be late.
TIMEOUT_SECONDS = 2.0

Event = dict[str, Any]
Act = Callable[[Story], tuple[Story, Event | None]]


def connect(url: str) -> redis.Redis:
    """The board's own client: it is a product of its own. Opens no connection yet."""
    return redis.Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), retries=1),
    )


class StoryStore:
    """Keeps the stories; seeds them at first use. Raises ServiceUnavailable without Redis."""

    def __init__(self, client: redis.Redis, stream: str) -> None:
        self._redis = client
        self._stream = stream

    def all(self) -> list[Story]:
        """Every story, oldest first."""
        with _redis_at_hand():
            self._seed()
            rows = self._redis.hvals(STORIES_KEY)
        return sorted(map(Story.model_validate_json, rows), key=lambda story: int(story.id))

    def change(self, story_id: str, act: Act) -> Story:
        """Let `act` change one story; store it and write its event, both or neither.

        `act` answers with the changed story and the event that tells of it, or with no event if
        there was nothing to change. It is called again if somebody else was faster. Raises
        NotFound.
        """

        changed: list[Story] = []

        def turn(pipe: Pipeline) -> None:
            row = pipe.hget(STORIES_KEY, story_id)
            if not isinstance(row, str):
                raise NotFound("There is no such story.")
            story, event = act(Story.model_validate_json(row))
            changed.append(story)
            pipe.multi()
            if event is not None:
                pipe.hset(STORIES_KEY, story_id, story.model_dump_json())
                write(pipe, self._stream, event)

        with _redis_at_hand():
            self._seed()
            # WATCH: if somebody else changes the board in between, the turn is run again.
            self._redis.transaction(turn, STORIES_KEY)
        return changed[-1]

    def tell(self, events: Sequence[Event]) -> None:
        """Write events that change no story: all of them or none, in this order."""
        with _redis_at_hand(), self._redis.pipeline(transaction=True) as pipe:
            for event in events:
                write(pipe, self._stream, event)
            pipe.execute()

    def _seed(self) -> None:
        if self._redis.exists(STORIES_KEY):
            return
        for story in FIRST_STORIES:
            # Another worker may be doing the same: the first one's story stays.
            self._redis.hsetnx(STORIES_KEY, story.id, story.model_dump_json())


@contextmanager
def _redis_at_hand() -> Iterator[None]:
    try:
        yield
    except (redis.ConnectionError, redis.TimeoutError) as error:
        raise ServiceUnavailable("The board's Redis does not answer; try again.") from error
