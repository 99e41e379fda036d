"""Processes that write to one database at the same time, as two consumers and a web worker do."""

import json
import multiprocessing
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from threading import BrokenBarrierError
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import event

from app import create_app, database
from app.bus import Push
from app.errors import NotFound
from app.extensions import db
from app.notifications import bulk, settling
from app.notifications.delivery import deliver
from app.notifications.draft import Draft
from app.notifications.inbox import (
    Page,
    Status,
    Wanted,
    change_notification,
    list_notifications,
)
from app.notifications.mailboxes import mark_seen
from app.notifications.preferences import preferences_of, set_preferences
from app.notifications.retention import prune
from app.notifications.snoozes import wake_due
from app.notifications.states import Change
from tests.notifications.world import NOW

# A fork would share the sockets of the test's own database connections. These are forks of a server
# that has no connection, and has imported the application, which takes a second, once for all.
FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload([__name__, "psycopg"])

# Much longer than any of this takes; PostgreSQL breaks a deadlock after one second.
DEADLINE_SECONDS = 60
MEETING_SECONDS = 0.3

# (user id, seq) of everything that one writer published, in its order.
Written = list[tuple[str, int]]


class Barrier(Protocol):
    """Where writers wait for each other."""

    def wait(self, timeout: float | None = None) -> int:
        """Return when all are there; raises BrokenBarrierError after `timeout` seconds."""

    def reset(self) -> None:
        """Forget who gave up."""


Work = Callable[[Any, Barrier], Written]


def deliver_all(batches: Sequence[Sequence[Draft]], _others: Barrier) -> Written:
    """Deliver one batch after the other. Only what is new is in the answer."""
    written: Written = []
    for batch in batches:
        done = deliver(batch, NOW)
        seqs = [(push.user_id, json.loads(push.payload)["seq"]) for push in done.pushes]
        written += seqs[len(seqs) - done.created :]
    return written


def deliver_in_pieces(batches: Sequence[Sequence[Draft]], others: Barrier) -> Written:
    """As deliver_all, with a few people in each statement, as a batch to thousands has it.

    With its first mailboxes locked, each transaction waits a little for the other writer to have
    its own first ones: if those can be others, each will then wait for the other.
    """
    database.CHUNK = 2
    alone = True

    def meet(_c: object, _cursor: object, statement: str, *_: object) -> None:
        nonlocal alone
        if alone and "FOR UPDATE" in statement:
            alone = False
            try:
                others.wait(MEETING_SECONDS)
            except BrokenBarrierError:
                others.reset()

    event.listen(db.engine, "after_cursor_execute", meet)
    written: Written = []
    for batch in batches:
        alone = True
        written += deliver_all([batch], others)
    return written


def change_all(wanted: tuple[str, int], _others: Barrier) -> Written:
    """Do what a person does, at random, until that has made so many changes."""
    user, count = wanted
    chance = random.Random(count)
    written: Written = []
    while len(written) < count:
        page = list_notifications(user, Wanted(), None, 5)
        if chance.random() < 0.1:
            _, push = mark_seen(user, page.mailbox.last_seq)
        elif page.rows:
            row = chance.choice(page.rows)
            wanted_state = chance.choice(
                [Change(read=True), Change(read=False), Change(archived=True)]
            )
            push = change_notification(user, UUID(str(row.id)), wanted_state, NOW).push
        else:
            continue
        if push:
            written.append((user, json.loads(push.payload)["seq"]))
    return written


def wake_all(due: datetime, _others: Barrier) -> Written:
    """Bring back what was snoozed until `due`, until nothing is left."""
    written: Written = []
    while pushes := wake_due(due):
        written += _numbers(pushes)
    return written


def mute_again_and_again(
    wanted: tuple[str, Sequence[str], Sequence[Sequence[str]]], _others: Barrier
) -> Written:
    """Mute the same kinds 40 times; what stands is always what one of all the writers wrote."""
    user, kinds, all_of_them = wanted
    for _ in range(40):
        assert set_preferences(user, kinds, None).muted_kinds == kinds
        assert preferences_of(user).muted_kinds in all_of_them
    return []


def deliver_and_number(batches: Sequence[Sequence[Draft]], _others: Barrier) -> Written:
    """Deliver one batch after the other. All that is published is in the answer."""
    written: Written = []
    for batch in batches:
        written += _numbers(deliver(batch, NOW).pushes)
    return written


def live_with_it(wanted: tuple[Sequence[str], int, int], _others: Barrier) -> Written:
    """Do, so many times, anything that people do with their inboxes; more than three at once are a
    change of the mailbox as a whole, or get it a mark. Snoozes end in a few hundredths of a second.
    """
    people, seed, count = wanted
    bulk.MOST_SINGLY = bulk.MOST_WRITTEN = 3
    chance = random.Random(seed)
    written: Written = []
    for _ in range(count):
        user = chance.choice(people)
        status: Status = chance.choice(["inbox", "inbox", "archived", "snoozed"])
        page = list_notifications(user, Wanted(status), None, 10)
        if chance.random() < 0.15:
            _, push = mark_seen(user, page.mailbox.last_seq - chance.randint(0, 3))
            written += _numbers([push] if push else [])
        elif chance.random() < 0.4:
            written += _numbers(_change_some(user, page, chance))
        elif page.rows:
            try:
                one = chance.choice(page.rows).id
                push = change_notification(user, one, _any_change(chance), NOW).push
            except NotFound:  # it was pruned meanwhile
                continue
            written += _numbers([push] if push else [])
    return written


def _change_some(user: str, page: Page, chance: random.Random) -> Sequence[Push]:
    actions: list[bulk.Action] = ["read", "unread", "archive", "unarchive"]
    some = [row.id for row in page.rows[:6]]
    ways: list[Sequence[UUID] | bulk.Filter] = [
        bulk.Filter(),
        bulk.Filter("unread"),
        bulk.Filter("snoozed"),
        bulk.Filter(kind="k"),
        some,
    ]
    up_to = chance.choice([None, page.mailbox.last_seq])
    action, which = chance.choice(actions), chance.choice(ways)
    return bulk.change_many(user, action, which, up_to, NOW).pushes


def _any_change(chance: random.Random) -> Change:
    soon = datetime.now(UTC) + timedelta(seconds=chance.uniform(0, 0.05))
    return chance.choice(
        [
            Change(read=True),
            Change(read=False),
            Change(archived=True),
            Change(archived=False),
            Change(snoozed_until=soon),
            Change(snoozed_until=None),
        ]
    )


def wake_and_prune(rounds: int, _others: Barrier) -> Written:
    """Bring back what is due, again and again, and now and then delete what is there."""
    written: Written = []
    pruned: list[Push] = []
    for number in range(rounds):
        written += _numbers(wake_due(datetime.now(UTC)))
        if number % 20 == 19:
            for _ in prune(datetime.now(UTC) - timedelta(seconds=0.2), pruned.extend):
                pass
    return written + _numbers(pruned)


def settle_again_and_again(given: tuple[int, int], _others: Barrier) -> Written:
    """Settle what is marked, so many times in batches of so many, each time one batch."""
    rounds, settling.BATCH = given
    for _ in range(rounds):
        settling.settle_for(0)
    return []


def _numbers(pushes: Iterable[Push]) -> Written:
    return [(push.user_id, json.loads(push.payload)["seq"]) for push in pushes]


def _work(
    environment: Mapping[str, str], work: Work, given: Any, start: Barrier, answer: Connection
) -> None:
    app = create_app(environment)
    with app.app_context(), answer:
        start.wait(DEADLINE_SECONDS)
        answer.send(work(given, start))


class Writers:
    """Runs each piece of work in a process of its own, all at once."""

    def __init__(self, environment: Mapping[str, str], *pieces: tuple[Work, Any]) -> None:
        # Kept here: its semaphores go with it, perhaps before a process has opened them.
        self._start = FORKED.Barrier(len(pieces))
        self._processes: list[BaseProcess] = []
        self._answers: list[Connection] = []
        for work, given in pieces:
            answer, theirs = FORKED.Pipe(duplex=False)
            process = FORKED.Process(
                target=_work, args=(environment, work, given, self._start, theirs)
            )
            process.start()
            theirs.close()  # so that a process that dies ends the pipe
            self._processes.append(process)
            self._answers.append(answer)

    def running(self) -> bool:
        """Whether any of them is still at work."""
        return any(process.is_alive() for process in self._processes)

    def answers(self) -> list[Written]:
        """What each wrote. Fails if one raised, whose traceback is on standard error."""
        written: list[Written] = []
        for number, answer in enumerate(self._answers):
            assert answer.poll(DEADLINE_SECONDS), f"writer {number} is stuck"
            try:
                written.append(answer.recv())
            except EOFError:
                raise AssertionError(f"writer {number} failed") from None
        return written

    def __enter__(self) -> "Writers":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.join(5)
            process.kill()
            process.join()
