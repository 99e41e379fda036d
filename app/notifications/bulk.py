"""Many notifications changed at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, text, update
from sqlalchemy.orm import Session

from app.bus import Push
from app.database import writing
from app.notifications.inbox import Status, Wanted
from app.notifications.mailboxes import change_as_a_whole, lock_mailboxes
from app.notifications.models import IN_INBOX, UNREAD, Mailbox, Notification
from app.notifications.states import Change, change

Action = Literal["read", "unread", "archive", "unarchive"]

# So many are changed, numbered and pushed each by itself, so that every tab shows them at once.
# More are one change of the mailbox, after which a tab reads its list anew.
MOST_SINGLY = 100

_CHANGE = {
    "read": Change(read=True),
    "unread": Change(read=False),
    "archive": Change(archived=True),
    "unarchive": Change(archived=False),
}
_TO_CHANGE: dict[Action, ColumnElement[bool]] = {
    "read": Notification.read_at.is_(None),
    "unread": Notification.read_at.is_not(None),
    "archive": Notification.archived_at.is_(None),
    "unarchive": Notification.archived_at.is_not(None),
}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which ones. Without a status: those in the inbox; to unarchive, those in the archive."""

    status: Status | None = None
    kind: str | None = None
    subject: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class BulkChange:
    """How many changed, the mailbox then, and the Pushes to publish."""

    updated: int
    mailbox: Mailbox
    pushes: list[Push]


def change_many(
    user_id: str,
    action: Action,
    which: Sequence[UUID] | Filter,
    up_to: int | None,
    now: datetime,
) -> BulkChange:
    """Do `action` to those of `which` that belong to `user_id` and are not so already.

    What came to the top of the list after seq `up_to` stays as it is: the person had not seen it
    there. Ids that don't exist, or are somebody else's, are passed over. Raises
    DatabaseUnavailable; then nothing is changed.
    """
    with writing() as session:
        mailbox = lock_mailboxes(session, [user_id])[user_id]
        through = mailbox.last_seq if up_to is None else min(up_to, mailbox.last_seq)
        conditions = [*_which(user_id, action, which), Notification.surfaced_seq <= through]
        rows = _rows(session, conditions)
        if len(rows) > MOST_SINGLY:
            updated = _update(session, action, conditions, now)
            _count_anew(session, mailbox)
            pushes = []
        else:
            updated = len(rows)
            found = [change(mailbox, row, _CHANGE[action], now) for row in rows]
            pushes = [push for push in found if push]
        everything = action == "read" and which == Filter()
        if everything:
            mailbox.read_seq = max(mailbox.read_seq, through)
        if updated and (everything or not pushes):
            pushes.append(change_as_a_whole(mailbox))
    return BulkChange(updated, mailbox, pushes)


def _which(
    user_id: str, action: Action, which: Sequence[UUID] | Filter
) -> list[ColumnElement[bool]]:
    if isinstance(which, Filter):
        status = which.status or ("archived" if action == "unarchive" else "inbox")
        found = Wanted(status, which.kind, which.subject).conditions(user_id)
    else:
        found = [Notification.user_id == user_id, Notification.id.in_(which)]
    return [*found, _TO_CHANGE[action]]


def _rows(session: Session, conditions: list[ColumnElement[bool]]) -> Sequence[Notification]:
    query = select(Notification).where(*conditions).order_by(Notification.surfaced_seq)
    return session.scalars(query.limit(MOST_SINGLY + 1)).all()


def _update(
    session: Session, action: Action, conditions: list[ColumnElement[bool]], now: datetime
) -> int:
    values: dict[Action, dict[str, datetime | None]] = {
        "read": {"read_at": now},
        "unread": {"read_at": None},
        "archive": {"archived_at": now, "snoozed_until": None},
        "unarchive": {"archived_at": None},
    }
    statement = update(Notification).where(*conditions).values(values[action])
    done = session.execute(statement, execution_options={"synchronize_session": False})
    return int(done.rowcount)  # type: ignore[attr-defined]


def _count_anew(session: Session, mailbox: Mailbox) -> None:
    own = select(func.count()).where(Notification.user_id == mailbox.user_id)
    unseen = own.where(text(IN_INBOX), Notification.surfaced_seq > mailbox.seen_seq)
    mailbox.unread = session.scalar(own.where(text(UNREAD))) or 0
    mailbox.unseen = session.scalar(unseen) or 0
    # What was changed as a whole kept its seqs: without this a client would take what is unread
    # again under the watermark for read.
    lowest = select(func.min(Notification.surfaced_seq)).where(
        Notification.user_id == mailbox.user_id, text(UNREAD)
    )
    first_unread = session.scalar(lowest)
    if first_unread is not None:
        mailbox.read_seq = min(mailbox.read_seq, first_unread - 1)
