"""Many notifications changed at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from app.bus import Push
from app.database import writing
from app.notifications import marks
from app.notifications.inbox import Status, Wanted
from app.notifications.mailboxes import change_as_a_whole, lock_mailboxes, surfaced_above
from app.notifications.marks import Conditions
from app.notifications.models import Mailbox, Notification
from app.notifications.states import Change, change

Action = Literal["read", "unread", "archive", "unarchive"]

# So many are changed, numbered and pushed each by itself, so that every tab shows them at once.
# More are one change of the mailbox, after which a tab reads its list anew.
MOST_SINGLY = 100
# So many unread ones are all marked read by writing to each. Above, the mailbox gets a mark.
MOST_WRITTEN = 500

_CHANGE = {
    "read": Change(read=True),
    "unread": Change(read=False),
    "archive": Change(archived=True),
    "unarchive": Change(archived=False),
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
        job = _Job(action, which, through)
        rows = _first(session, job.pieces(mailbox))
        if len(rows) > MOST_SINGLY:
            updated = _change_as_a_whole(session, mailbox, job, now)
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


@dataclass(frozen=True, slots=True)
class _Job:
    """What is to be done to which of those that surfaced up to `through`."""

    action: Action
    which: Sequence[UUID] | Filter
    through: int

    def pieces(self, mailbox: Mailbox) -> list[Conditions]:
        """What queries for those say that are not so yet: the top of the list first."""
        more: Conditions = [Notification.surfaced_seq <= self.through, self._to_change(mailbox)]
        return [[*piece, *more] for piece in self._meant(mailbox)]

    def _meant(self, mailbox: Mailbox) -> list[Conditions]:
        if isinstance(self.which, Filter):
            status = self._status(self.which)
            if self.action == "read" and status == "inbox":
                status = "unread"  # the same ones, and they have an index
            return Wanted(status, self.which.kind, self.which.subject).pieces(mailbox)
        return [[Notification.user_id == mailbox.user_id, Notification.id.in_(self.which)]]

    def _status(self, which: Filter) -> Status:
        return which.status or ("archived" if self.action == "unarchive" else "inbox")

    def _to_change(self, mailbox: Mailbox) -> ColumnElement[bool]:
        match self.action:
            case "read":
                return marks.is_unread(mailbox)
            case "unread":
                return marks.is_read(mailbox)
            case "archive":
                return Notification.archived_at.is_(None)
            case "unarchive":
                return Notification.archived_at.is_not(None)

    @property
    def is_of_all(self) -> bool:
        """Whether it marks read or unread all that the inbox has, as far as `through`."""
        return (
            self.action in ("read", "unread")
            and isinstance(self.which, Filter)
            and self._status(self.which) in ("inbox", "unread")
            and (self.which.kind, self.which.subject) == (None, None)
        )


def _first(session: Session, pieces: list[Conditions]) -> list[Notification]:
    """The lowest of the list, up to one more than are changed singly."""
    query = select(Notification).order_by(Notification.surfaced_seq)
    rows: list[Notification] = []
    for piece in reversed(pieces):
        left = MOST_SINGLY + 1 - len(rows)
        rows += session.scalars(query.where(*piece).limit(left)) if left else []
    return rows


def _change_as_a_whole(session: Session, mailbox: Mailbox, job: _Job, now: datetime) -> int:
    """Do it without numbering each; to how many."""
    unread, written = mailbox.unread, 0
    if job.action == "read" and job.is_of_all and unread > MOST_WRITTEN and not mailbox.marked_seq:
        marks.set_mark(session, mailbox, job.through, now)
    else:
        if job.action in ("unread", "unarchive"):
            _end_mark(session, mailbox, job)
        written = _write(session, mailbox, job, now)
    _count_anew(session, mailbox, job.action)
    # A mark set or taken away changes more than was written to; then each of them was counted.
    return abs(mailbox.unread - unread) if job.is_of_all else written


def _end_mark(session: Session, mailbox: Mailbox, job: _Job) -> None:
    """What keeps its seq and becomes unread would be under the mark."""
    if job.is_of_all and job.through >= mailbox.marked_seq:
        marks.take_away(mailbox)  # all that is under it is to be unread
    else:
        marks.end(session, mailbox)


def _write(session: Session, mailbox: Mailbox, job: _Job, now: datetime) -> int:
    values: dict[Action, dict[str, Any]] = {
        "read": {"read_at": now},
        "unread": {"read_at": None},
        "archive": {"archived_at": now, "snoozed_until": None, **marks.kept(mailbox)},
        "unarchive": {"archived_at": None},
    }
    written = 0
    for piece in job.pieces(mailbox):
        statement = update(Notification).where(*piece).values(values[job.action])
        done = session.execute(statement, execution_options={"synchronize_session": False})
        written += done.rowcount  # type: ignore[attr-defined]
    return written


def _count_anew(session: Session, mailbox: Mailbox, action: Action) -> None:
    lowest = func.min(Notification.surfaced_seq)
    pieces = Wanted("unread").pieces(mailbox)
    found = [session.execute(select(func.count(), lowest).where(*each)).one() for each in pieces]
    mailbox.unread = sum(count for count, _ in found)
    if action in ("archive", "unarchive"):
        mailbox.unseen = surfaced_above(session, mailbox.user_id, mailbox.seen_seq)
    # What was changed as a whole kept its seqs: without this a client would take what is unread
    # again under the watermark for read.
    unread_seqs = [seq for _, seq in found if seq is not None]
    if unread_seqs:
        mailbox.read_seq = min(mailbox.read_seq, min(unread_seqs) - 1)
