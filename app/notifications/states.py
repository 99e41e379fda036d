"""The states of a notification, and what a change of one does to the mailbox's counts.

A notification is in the inbox, or archived, or snoozed; apart from that it is read or unread. All
of it is changed under the mailbox's lock.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from app.bus import Push
from app.notifications.marks import is_under, settle
from app.notifications.models import Mailbox, Notification
from app.notifications.representation import notification_payload


class _Unchanged(Enum):
    UNCHANGED = "unchanged"


UNCHANGED: Final = _Unchanged.UNCHANGED


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be so; what is left out stays as it is. `snoozed_until` None ends a snooze.

    Archiving ends a snooze, and a snooze takes out of the archive.
    """

    read: bool | None = None
    archived: bool | None = None
    snoozed_until: datetime | _Unchanged | None = UNCHANGED


def change(mailbox: Mailbox, row: Notification, wanted: Change, now: datetime) -> Push | None:
    """Change `row`, whose mailbox is locked; None if all that is wanted is so already."""
    settle(mailbox, row)
    before, counts = _state(row), counted(mailbox, row)
    _apply(row, wanted, now)
    if _state(row) == before:
        return None
    return _moved_on(mailbox, row, counts)


def wake(mailbox: Mailbox, row: Notification) -> Push:
    """Bring a snoozed notification back: unread, and at the top of the list."""
    counts = counted(mailbox, row)
    row.snoozed_until = row.read_at = None
    row.surfaced_seq = mailbox.last_seq + 1
    return _moved_on(mailbox, row, counts)


def _moved_on(mailbox: Mailbox, row: Notification, counts: tuple[bool, bool]) -> Push:
    """Give the change of `row` its seq, and the mailbox its counts; `counts` are from before."""
    mailbox.last_seq += 1
    row.seq = mailbox.last_seq
    unread, unseen = counted(mailbox, row)
    mailbox.unread += unread - counts[0]
    mailbox.unseen += unseen - counts[1]
    payload = notification_payload(row, mailbox.unread, mailbox.unseen, new=False)
    return Push(row.user_id, payload)


def _apply(row: Notification, wanted: Change, now: datetime) -> None:
    if wanted.read is not None:
        row.read_at = (row.read_at or now) if wanted.read else None
    if wanted.archived is not None:
        row.archived_at = (row.archived_at or now) if wanted.archived else None
        if wanted.archived:
            row.snoozed_until = None
    if wanted.snoozed_until is not UNCHANGED:
        row.snoozed_until = wanted.snoozed_until
        if wanted.snoozed_until:
            row.archived_at = None


def _state(row: Notification) -> tuple[datetime | None, datetime | None, datetime | None]:
    return row.read_at, row.archived_at, row.snoozed_until


def counted(mailbox: Mailbox, row: Notification) -> tuple[bool, bool]:
    """Whether `row` counts as unread, and as unseen."""
    in_inbox = row.archived_at is None and row.snoozed_until is None
    is_unread = in_inbox and row.read_at is None and not is_under(mailbox, row)
    return is_unread, in_inbox and row.surfaced_seq > mailbox.seen_seq
