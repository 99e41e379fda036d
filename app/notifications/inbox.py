"""What the owner of a mailbox does with it: list, look at one, change one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.bus import Push
from app.errors import NotFound
from app.notifications.database import reading, writing
from app.notifications.mailboxes import lock_mailboxes, mailbox_of
from app.notifications.models import Mailbox, Notification
from app.notifications.representation import notification_payload

Status = Literal["inbox", "unread", "archived"]


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
    """Which notifications a list shows; `subject` is (type, id)."""

    status: Status = "inbox"
    kind: str | None = None
    subject: tuple[str, str] | None = None


def list_notifications(user_id: str, wanted: Wanted, cursor: int | None, limit: int) -> Page:
    """`limit` notifications of `user_id` below `cursor`, which is where the last page ended."""
    query = _filtered(user_id, wanted).order_by(Notification.surfaced_seq.desc())
    if cursor is not None:
        query = query.where(Notification.surfaced_seq < cursor)
    with reading() as session:
        mailbox = mailbox_of(session, user_id)
        rows = session.scalars(query.limit(limit + 1)).all()
    more = len(rows) > limit
    return Page(mailbox, rows[:limit], rows[limit - 1].surfaced_seq if more else None)


def _filtered(user_id: str, wanted: Wanted) -> Select[Notification]:
    query = select(Notification).where(Notification.user_id == user_id)
    if wanted.status == "archived":
        query = query.where(Notification.archived_at.is_not(None))
    else:
        query = query.where(Notification.archived_at.is_(None))
    if wanted.status == "unread":
        query = query.where(Notification.read_at.is_(None))
    if wanted.kind is not None:
        query = query.where(Notification.kind == wanted.kind)
    if wanted.subject is not None:
        subject_type, subject_id = wanted.subject
        query = query.where(
            Notification.subject_type == subject_type, Notification.subject_id == subject_id
        )
    return query


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
    user_id: str,
    notification_id: UUID,
    now: datetime,
    *,
    read: bool | None = None,
    archived: bool | None = None,
) -> Changed:
    """Mark one notification read or unread, archived or not; None leaves it as it is.

    A change takes the mailbox's next seq; asking for what is so already changes nothing.
    Raises NotFound, DatabaseUnavailable.
    """
    with writing() as session:
        _owned(session, user_id, notification_id)
        mailbox = lock_mailboxes(session, [user_id])[user_id]
        row = _owned(session, user_id, notification_id)  # as it is now that nobody can change it
        before = (row.read_at, row.archived_at)
        counted = _counts_as_unread(row)
        if read is not None:
            row.read_at = (row.read_at or now) if read else None
        if archived is not None:
            row.archived_at = (row.archived_at or now) if archived else None
        if (row.read_at, row.archived_at) == before:
            return Changed(row, mailbox, None)
        mailbox.last_seq += 1
        mailbox.unread += _counts_as_unread(row) - counted
        row.seq = mailbox.last_seq
    payload = notification_payload(row, mailbox.unread, mailbox.unseen, new=False)
    return Changed(row, mailbox, Push(user_id, payload))


def _counts_as_unread(row: Notification) -> bool:
    return row.read_at is None and row.archived_at is None
