"""What the owner of a mailbox does with it: list, look at one, change one or many."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import bindparam, select, text
from sqlalchemy.orm import Session

from app.bus import Push
from app.database import reading, writing
from app.errors import NotFound
from app.notifications import marks
from app.notifications.mailboxes import lock_mailbox, mailbox_of
from app.notifications.marks import Conditions
from app.notifications.models import ARCHIVED, IN_INBOX, SNOOZED, Mailbox, Notification
from app.notifications.states import Change, change

Status = Literal["inbox", "unread", "archived", "snoozed"]

# Built once: to build it is a quarter of what it takes.
BY_ID = select(Notification).where(Notification.id == bindparam("id"))

_STATUS = {"inbox": IN_INBOX, "archived": ARCHIVED, "snoozed": SNOOZED}


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

    def pieces(self, mailbox: Mailbox) -> list[Conditions]:
        """What the queries for them say: one after the other, the top of the list first.

        Each condition is a partial index's own one, or in an index's key.
        """
        about = self._about(mailbox.user_id)
        if self.status == "unread":
            return [[*about, *piece] for piece in marks.unread(mailbox)]
        return [[*about, text(_STATUS[self.status])]]

    def _about(self, user_id: str) -> Conditions:
        found: Conditions = [Notification.user_id == user_id]
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
    query = select(Notification).order_by(Notification.surfaced_seq.desc())
    if cursor is not None:
        query = query.where(Notification.surfaced_seq < cursor)
    rows: list[Notification] = []
    with reading(one_moment=True) as session:
        mailbox = mailbox_of(session, user_id)
        for piece in wanted.pieces(mailbox):
            left = limit + 1 - len(rows)
            rows += session.scalars(query.where(*piece).limit(left)) if left else []
    more = len(rows) > limit
    shown = [marks.show(mailbox, row) for row in rows[:limit]]
    return Page(mailbox, shown, rows[limit - 1].surfaced_seq if more else None)


def get_notification(user_id: str, notification_id: UUID) -> Notification:
    """One notification of `user_id`. Raises NotFound, for other people's ids too."""
    with reading(one_moment=True) as session:
        row = _owned(session, user_id, notification_id)
        return marks.show(mailbox_of(session, user_id), row)


def _owned(session: Session, user_id: str, notification_id: UUID) -> Notification:
    row = session.scalar(BY_ID, {"id": notification_id})
    if row is None or row.user_id != user_id:
        raise _not_there()
    return row


def _not_there() -> NotFound:
    return NotFound("There is no such notification.")


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
        mailbox = lock_mailbox(session, user_id)
        if mailbox is None:
            raise _not_there()  # who has no mailbox has no notification
        row = _owned(session, user_id, notification_id)  # as it is now that nobody can change it
        push = change(mailbox, row, wanted, now)
    return Changed(row, mailbox, push)
