"""A consumer that kills itself, as `kill -9` would, at one point of its work on a batch.

`python -m tests.support.dying_consumer POINT BATCH`: it takes BATCH entries a turn, and dies in
its second turn. That no batch is like the first is the point: there is something to lose behind.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import ParamSpec, TypeVar

from sqlalchemy import event

from app import bus, create_app
from app.bus import Push
from app.consumer.consumer import Stored
from app.consumer.entry import Entry
from app.consumer.stream import EventStream
from app.extensions import db, tidings
from app.notifications.draft import Draft
from tests.support.consuming import NAMES, consumer, finish, store

P = ParamSpec("P")
R = TypeVar("R")

NAME = "dying"
POINTS = (
    "after read",
    "before commit",
    "after commit",
    "between publish and acknowledgement",
    "after acknowledgement",
)


class Fuse:
    """Kills this process when `point` is reached for the second time."""

    def __init__(self, point: str) -> None:
        self._point = point
        self._left = 2

    def at(self, point: str) -> None:
        """Say that `point` is reached."""
        self._left -= point == self._point
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)

    def after(self, point: str, function: Callable[P, R]) -> Callable[P, R]:
        """`function`, at whose end `point` is reached."""

        def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
            result = function(*args, **kwargs)
            self.at(point)
            return result

        return wrapped


class DyingStream(EventStream):
    """The stream, with a fuse where entries are read and where they are acknowledged."""

    fuse: Fuse

    def new(self, count: int, block_ms: int | None) -> list[Entry]:
        """New entries, then the point `after read`."""
        return self.fuse.after("after read", super().new)(count, block_ms)

    def acknowledge(self, ids: Iterable[bytes]) -> None:
        """Acknowledge, then the point `after acknowledgement`."""
        self.fuse.after("after acknowledgement", super().acknowledge)(ids)


def main(point: str, batch: int) -> None:
    """Consume until death."""
    fuse = Fuse(point)
    with create_app().app_context():
        client = tidings().redis
        # Called when all rows are inserted, and before the database is told to commit.
        event.listen(db.engine, "commit", lambda _connection: fuse.at("before commit"))
        stream = DyingStream(client, NAMES, NAME)
        stream.fuse = fuse
        deliver: Callable[[Sequence[Draft]], Stored] = fuse.after("after commit", store)
        publish: Callable[[Iterable[Push]], None] = fuse.after(
            "between publish and acknowledgement", lambda pushes: bus.publish(client, pushes)
        )
        finish(consumer(client, stream=stream, deliver=deliver, publish=publish, batch=batch))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
