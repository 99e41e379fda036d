"""What the owner of a mailbox does with it: list, look at one, change one or many."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import ColumnElement, select, text
from sqlalchemy.orm import Session

from app.bus import Push
from app.database import reading, writing
from app.errors import NotFound
from app.notifications.mailboxes import lock_mailboxes, mailbox_of
from app.notifications.models import ARCHIVED, IN_INBOX, SNOOZED, UNREAD, Mailbox, Notification
from app.notifications.states import Change, change

Status = Literal["inbox", "unread", "archived", "snoozed"]

_STATUS = {"inbox": IN_INBOX, "unread": UNREAD, "archived": ARCHIVED, "snoozed": SNOOZED}


@dataclass(frozen=True, slots=True)
class Page:
    """A piece of the list, newest first. The mailbox was read before the rows.

    So a stream opened from `mailbox.last_seq` on misses nothing that the page lacks.
    """

    mailbox: Mailbox
    rows: Sequence[Notification]
    next_cursor: int | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which notifications are meant; `subject` is (type, id)."""

    status: Status = "inbox"
    kind: str | None = None
    subject: tuple[str, str] | None = None

    def conditions(self, user_id: str) -> list[ColumnElement[bool]]:
        """What a query for them says. Each is a partial index's own condition, or in its key."""
        found: list[ColumnElement[bool]] = [Notification.user_id == user_id]
        found.append(text(_STATUS[self.status]))  # type: ignore[arg-type]
        if self.kind is not None:
            found.append(Notification.kind == self.kind)
        if self.subject is not None:
            subject_type, subject_id = self.subject
            found += [
                Notification.subject_type == subject_type,
                Notification.subject_id == subject_id,
            ]
        return found


def list_notifications(user_id: str, wanted: Wanted, cursor: int | None, limit: int) -> Page:
    """`limit` notifications of `user_id` below `cursor`, which is where the last page ended.

    What moves up meanwhile (grouped, back from a snooze) is above the cursor then: a pager sees
    it at the top or in a stream, and none twice.
    """
    query = select(Notification).where(*wanted.conditions(user_id))
    query = query.order_by(Notification.surfaced_seq.desc())
    if cursor is not None:
        query = query.where(Notification.surfaced_seq < cursor)
    with reading() as session:
        mailbox = mailbox_of(session, user_id)
        rows = session.scalars(query.limit(limit + 1)).all()
    more = len(rows) > limit
    return Page(mailbox, rows[:limit], rows[limit - 1].surfaced_seq if more else None)


def get_notification(user_id: str, notification_id: UUID) -> Notification:
    """One notification of `user_id`. Raises NotFound, for other people's ids too."""
    with reading() as session:
        return _owned(session, user_id, notification_id)


def _owned(session: Session, user_id: str, notification_id: UUID) -> Notification:
    row = session.get(Notification, notification_id, populate_existing=True)
    if row is None or row.user_id != user_id:
        raise NotFound("There is no such notification.")
    return row


@dataclass(frozen=True, slots=True)
class Changed:
    """A notification after a change, its mailbox, and the Push to publish, if it did change."""

    row: Notification
    mailbox: Mailbox
    push: Push | None


def change_notification(
    user_id: str, notification_id: UUID, wanted: Change, now: datetime
) -> Changed:
    """Change the state of one notification.

    A change takes the mailbox's next seq; asking for what is so already changes nothing.
    Raises NotFound, DatabaseUnavailable.
    """
    with writing() as session:
        _owned(session, user_id, notification_id)
        mailbox = lock_mailboxes(session, [user_id])[user_id]
        row = _owned(session, user_id, notification_id)  # as it is now that nobody can change it
        push = change(mailbox, row, wanted, now)
    return Changed(row, mailbox, push)
