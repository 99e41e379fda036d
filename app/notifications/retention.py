"""Retention: old notifications are deleted in small transactions; nobody is stopped meanwhile."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from app.bus import Push
from app.database import writing
from app.notifications.mailboxes import lock_mailboxes
from app.notifications.models import Mailbox, Notification
from app.notifications.representation import mailbox_payload
from app.notifications.states import counted

# Short enough that nobody notices the locks on some hundred mailboxes.
BATCH = 500


def prune(before: datetime, publish: Callable[[Sequence[Push]], None]) -> Iterator[int]:
    """Delete notifications created before `before`; yields how many after each transaction.

    A mailbox keeps its seq. A stream that asks for changes from before the pruned part gets
    `reset`. Where the counts change, that is a change of the mailbox, and is published.
    Raises DatabaseUnavailable; what was deleted until then stays deleted.
    """
    while True:
        count, pushes = _prune_batch(before)
        if count == 0:
            return
        publish(pushes)
        yield count


def _first_id_at(moment: datetime) -> UUID:
    """The smallest UUIDv7 (RFC 9562, section 5.7) of that millisecond: ids are in time order.

    So the primary key serves as the index by age.
    """
    milliseconds = int(moment.timestamp() * 1000)
    return UUID(int=(milliseconds << 80) | (0x7 << 76) | (0x2 << 62))


def _prune_batch(before: datetime) -> tuple[int, list[Push]]:
    with writing() as session:
        old = select(Notification.user_id).where(*_is_old(before))
        users = set(session.scalars(old.order_by(Notification.id).limit(BATCH)))
        mailboxes = lock_mailboxes(session, users)
        rows = _old_rows(session, before, users)
        pushes = []
        for user_id, mailbox in mailboxes.items():
            own = [row for row in rows if row.user_id == user_id]
            if _forget(mailbox, own):
                pushes.append(Push(user_id, mailbox_payload(mailbox)))
        session.execute(delete(Notification).where(Notification.id.in_([row.id for row in rows])))
    return len(rows), pushes


def _is_old(before: datetime) -> list[ColumnElement[bool]]:
    """What is deleted: not what has told of something newer since, nor what is to come back."""
    return [
        Notification.id < _first_id_at(before),
        Notification.created_at < before,
        Notification.snoozed_until.is_(None),
    ]


def _old_rows(session: Session, before: datetime, users: set[str]) -> Sequence[Notification]:
    # Read after the lock: as they are now, and nobody changes them before they are gone.
    query = select(Notification).where(*_is_old(before), Notification.user_id.in_(users))
    return session.scalars(query.order_by(Notification.id).limit(BATCH)).all()


def _forget(mailbox: Mailbox, rows: Sequence[Notification]) -> bool:
    """Take deleted rows out of the mailbox's counts; whether that is a change to be told."""
    counts = [counted(mailbox, row) for row in rows]
    unread, unseen = sum(each for each, _ in counts), sum(each for _, each in counts)
    pruned_before = mailbox.pruned_seq
    mailbox.pruned_seq = max([mailbox.pruned_seq, *(row.seq for row in rows)])
    mailbox.unread -= unread
    mailbox.unseen -= unseen
    # The two seqs are the version of every list (its ETag): where rows go, one of them rises.
    changed = unread > 0 or unseen > 0 or (bool(rows) and mailbox.pruned_seq == pruned_before)
    if changed:
        mailbox.last_seq += 1
        mailbox.wide_seq = mailbox.last_seq
    return changed
