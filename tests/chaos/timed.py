"""A consumer that writes down when each of its transactions began and ended, and for whom.

`python -m tests.chaos.timed FILE [arguments of flask consumer run]`
"""

import sys
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from flask.cli import FlaskGroup
from sqlalchemy import event
from sqlalchemy.orm import Session

from app.consumer import cli
from app.notifications.delivery import Delivery, deliver
from app.notifications.draft import Draft
from tests.support.processes import ForkedProcess

Deliver = Callable[[Sequence[Draft], datetime], Delivery]


class Span(NamedTuple):
    """One transaction, in monotonic seconds, which all processes share; `users` are told of it."""

    began: float
    ended: float
    users: frozenset[str]


class TimedConsumer(ForkedProcess):
    """`flask consumer run` with one event in each transaction, so that there are many."""

    def __init__(self, settings: dict[str, str], folder: Path, number: int) -> None:
        log = folder / f"timed-{number}.log"
        log.touch()
        self._spans = folder / f"timed-{number}.spans"
        super().__init__(
            ["tests.chaos.timed", str(self._spans), "--batch", "1"],
            settings,
            log,
        )

    def spans(self) -> list[Span]:
        """Its transactions so far, in order."""
        if not self._spans.exists():
            return []
        whole = self._spans.read_text().rpartition("\n")[0].splitlines()
        return [
            Span(float(began), float(ended), frozenset(users))
            for began, ended, *users in map(str.split, whole)
        ]


def under_way(spans: Sequence[Span], user: str, moment: float) -> bool:
    """Whether at this moment one consumer's transaction was writing something for `user`."""
    place = bisect_right(spans, moment, key=lambda span: span.began) - 1
    return place >= 0 and moment <= spans[place].ended and user in spans[place].users


def timing(store: Deliver, path: Path) -> Deliver:
    """`store`, and a line in the file at `path` for each transaction that was committed."""
    began = ended = 0.0

    def note_begin(*_: object) -> None:
        nonlocal began
        began = time.monotonic()

    def note_commit(*_: object) -> None:
        nonlocal ended
        ended = time.monotonic()

    def run(drafts: Sequence[Draft], now: datetime) -> Delivery:
        delivery = store(drafts, now)
        users = " ".join(draft.user_id for draft in drafts)
        with path.open("a") as spans:
            spans.write(f"{began} {ended} {users}\n")
        return delivery

    # Once SQLite's lock is taken; in PostgreSQL the wait for a mailbox is part of it.
    event.listen(Session, "after_begin", note_begin)
    event.listen(Session, "after_commit", note_commit)
    return run


if __name__ == "__main__":
    # As an attribute of the module: the command looks it up there each time.
    setattr(cli, "deliver", timing(deliver, Path(sys.argv[1])))  # noqa: B010
    FlaskGroup(name="flask").main(["consumer", "run", *sys.argv[2:]])
