"""What streams ask of the database: whether they missed anything, many of them in one question.

Every stream asks when it opens, and again after a lost link; when a proxy restarts, thousands ask
at once, and hardly any of them missed a thing. So it is asked first where all their mailboxes
stand, and read in full only for who is somewhere else. One question for each stream was 40 % of
the CPU that a connect took: 490 of 1,270 µs; now it is 60.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import gevent

from app.errors import DatabaseUnavailable

log = logging.getLogger(__name__)

# Streams in one question: it takes a few milliseconds, in which SQLite holds up everybody else.
BATCH_STREAMS = 500
# Who comes while a question is on its way is in the next one; but not behind one that hangs.
PATIENCE_SECONDS = 0.25


class Changes(Protocol):
    """What leads from a position to now; see `app.notifications.changes`."""

    @property
    def seq(self) -> int: ...
    @property
    def unread(self) -> int: ...
    @property
    def unseen(self) -> int: ...
    @property
    def payloads(self) -> list[bytes]: ...
    @property
    def reset(self) -> str | None: ...


# (user id, position) -> what changed since; raises DatabaseUnavailable.
ReadChanges = Callable[[str, int | None], Changes]
# (user ids) -> what ReadChanges says of each without a position; raises DatabaseUnavailable.
# Whoever is not in it is asked about alone.
ReadStandings = Callable[[Sequence[str]], Mapping[str, Changes]]


class Lookup:
    """One stream's question, on its way."""

    __slots__ = ("_outcome", "_reading", "_wake", "dropped", "position", "user_id")

    def __init__(self, user_id: str, position: int | None, wake: Callable[[], None]) -> None:
        self.user_id = user_id
        self.position = position
        self.dropped = False
        self._wake = wake
        self._reading: gevent.Greenlet[..., None] | None = None
        self._outcome: Changes | Exception | None = None

    def ready(self) -> bool:
        """Whether there is an answer, or an error."""
        return self._outcome is not None

    def get(self) -> Changes:
        """The answer. Raises what the database raised, once it is ready."""
        if isinstance(self._outcome, Exception):
            raise self._outcome
        assert self._outcome is not None  # noqa: S101 (for the type checker)
        return self._outcome

    def drop(self) -> None:
        """Nobody waits for the answer any more."""
        self.dropped = True
        if self._reading is not None:
            self._reading.kill(block=False)

    def answer(self, outcome: Changes | Exception) -> None:
        """Have an answer, and wake who waits for it."""
        self._outcome = outcome
        if not self.dropped:
            self._wake()

    def read(self, read_changes: ReadChanges) -> None:
        """Find the answer by a question of its own."""
        # In a greenlet of its own: it may hang, and others have theirs already.
        self._reading = gevent.spawn(self._read, read_changes)

    def _read(self, read_changes: ReadChanges) -> None:
        try:
            outcome: Changes | Exception = read_changes(self.user_id, self.position)
        except Exception as error:  # noqa: BLE001  # raised by the stream, if it still waits
            outcome = error
        self.answer(outcome)


class Lookups:
    """All of one worker's. What is answered was asked of the database after `begin`."""

    def __init__(self, read_standings: ReadStandings, read_changes: ReadChanges) -> None:
        self._read_standings = read_standings
        self._read_changes = read_changes
        self._waiting: list[Lookup] = []
        self._asking: object | None = None  # the question that the next one waits for

    def begin(self, user_id: str, position: int | None, wake: Callable[[], None]) -> Lookup:
        """Ask what changed since `position`; `wake` is called when it is ready. Never waits."""
        lookup = Lookup(user_id, position, wake)
        self._waiting.append(lookup)
        if self._asking is None:
            self._ask_next()
        return lookup

    def _ask_next(self) -> None:
        # Asked in this round of the loop, after those who are about to come in it, too.
        self._asking = question = object()
        gevent.spawn(self._ask, question)

    def _ask(self, question: object) -> None:
        overdue = gevent.spawn_later(PATIENCE_SECONDS, self._go_on_after, question)
        try:
            batch = self._waiting[:BATCH_STREAMS]
            del self._waiting[:BATCH_STREAMS]
            self._answer([lookup for lookup in batch if not lookup.dropped])
        finally:
            overdue.kill(block=False)
            self._go_on_after(question)

    def _go_on_after(self, question: object) -> None:
        if self._asking is question:
            self._asking = None
            if self._waiting:
                self._ask_next()

    def _answer(self, batch: Sequence[Lookup]) -> None:
        standings: Mapping[str, Changes] = {}
        try:
            if batch:
                standings = self._read_standings(list({lookup.user_id for lookup in batch}))
        except DatabaseUnavailable as error:
            for lookup in batch:
                # Each its own: one that is raised by many collects all their tracebacks.
                lookup.answer(DatabaseUnavailable(str(error)))
            return
        except Exception:
            # A defect, perhaps with one of them alone; then the others have nothing to do with it.
            log.exception("could not read where %d mailboxes stand; each is read alone", len(batch))
        for lookup in batch:
            standing = standings.get(lookup.user_id)
            if standing is not None and lookup.position in (None, standing.seq):
                lookup.answer(standing)
            elif not lookup.dropped:
                lookup.read(self._read_changes)
