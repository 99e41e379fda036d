"""All marked read without writing to all: the mark of a mailbox.

To write to each of 100,000 notifications takes seconds. Where many are unread, "all up to X were
read, now" is written once, in the mailbox: `marked_seq` and `marked_at`. It goes into the rows
afterwards, some hundred at a time (`settling`), and is then taken away. The rules:

1. Under the mark is what is in the inbox, has no `read_at` of its own, and was last changed at or
   below it: `seq <= marked_seq`. It is read, since `marked_at`. A `marked_seq` of 0 is no mark.
2. Whatever changes one notification first gives it the `read_at` that the mark says (`settle`),
   then the next seq, which is above the mark. So is the seq of what is new, grouped or woken.
3. What surfaced at or below a new mark and was changed since, so that its seq is above, is written
   to when the mark is set. It is found by the index of changes.
4. A change of many as a whole leaves their seqs alone. What takes them out of the inbox writes
   their `read_at` with it (`kept`). What makes them unread, or brings them back, ends the mark
   first (`end`): nothing may come to be under a mark that was not when it was set.
5. There is one mark at a time. While it is there, marking all read again writes to each of what is
   unread by then, as for few. So each row's `read_at` is exactly the time at which it was read.
6. Settling, like rule 2's first half, changes nothing that anybody can see: it takes no seq and
   pushes nothing. Where nothing is under the mark any more, the mark goes.

All changes are made under the mailbox's lock. Who only reads must read the mailbox and the rows in
one moment (`reading(one_moment=True)`, or one statement): a mark says nothing of later rows.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, TextClause, and_, case, func, not_, or_, select, text, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from app.notifications.models import UNREAD, Mailbox, Notification

Condition = ColumnElement[bool] | TextClause
Conditions = list[Condition]


def is_under(mailbox: Mailbox, row: Notification) -> bool:
    """Whether `row` is read by the mark alone."""
    in_inbox = row.archived_at is None and row.snoozed_until is None
    return in_inbox and row.read_at is None and row.seq <= mailbox.marked_seq


def settle(mailbox: Mailbox, row: Notification) -> None:
    """Have `row` say by itself what the mark says of it, from this transaction on."""
    if is_under(mailbox, row):
        row.read_at = mailbox.marked_at


def show(mailbox: Mailbox, row: Notification) -> Notification:
    """`row` as it is to be shown; nothing is written."""
    if is_under(mailbox, row):
        set_committed_value(row, "read_at", mailbox.marked_at)
    return row


def shown_read_at(row: Any) -> ColumnElement[datetime | None]:
    """`read_at` of the columns of `row` as it is to be shown, in a query that joins the mailbox."""
    return case((_under(Mailbox, row), Mailbox.marked_at), else_=row.read_at)


def unread(mailbox: Mailbox) -> list[Conditions]:
    """What is unread in the inbox: pieces that follow each other, that on top of the list first.

    Each has its index. That of unread notifications has what is under the mark in it as well,
    which nobody may pass over; what changed since the mark is found by the index of changes.
    """
    if not mailbox.marked_seq:
        return [[text(UNREAD)]]
    return [[text(UNREAD), Notification.surfaced_seq > mailbox.marked_seq], _changed_since(mailbox)]


def _changed_since(mailbox: Mailbox) -> Conditions:
    states = (Notification.read_at, Notification.archived_at, Notification.snoozed_until)
    return [
        Notification.seq > mailbox.marked_seq,
        Notification.surfaced_seq <= mailbox.marked_seq,
        # UNREAD, said so that no planner takes the index of unread notifications for it.
        func.coalesce(*states).is_(None),
    ]


def is_read(mailbox: Mailbox) -> ColumnElement[bool]:
    """A query's condition: read, wherever it is."""
    own = Notification.read_at.is_not(None)
    return or_(own, _under(mailbox)) if mailbox.marked_seq else own


def is_unread(mailbox: Mailbox) -> ColumnElement[bool]:
    """A query's condition: unread, wherever it is."""
    none = Notification.read_at.is_(None)
    return and_(none, not_(_under(mailbox))) if mailbox.marked_seq else none


def kept(mailbox: Mailbox) -> dict[str, ColumnElement[datetime | None]]:
    """What a change of many as a whole sets besides, if it takes them out of the inbox."""
    if not mailbox.marked_seq:
        return {}
    return {"read_at": case((_under(mailbox), mailbox.marked_at), else_=Notification.read_at)}


def _under(mailbox: Mailbox | type[Mailbox], row: Any = Notification) -> ColumnElement[bool]:
    return and_(
        row.read_at.is_(None),
        row.archived_at.is_(None),
        row.snoozed_until.is_(None),
        row.seq <= mailbox.marked_seq,
    )


def set_mark(session: Session, mailbox: Mailbox, through: int, now: datetime) -> None:
    """Mark read all that surfaced up to `through`; there is no mark yet."""
    mailbox.marked_seq, mailbox.marked_at = through, now
    changed = [Notification.user_id == mailbox.user_id, *_changed_since(mailbox)]
    _write(session, changed, now)


def end(session: Session, mailbox: Mailbox) -> None:
    """Write to all that is under the mark, and take it away: as slow as it was to do without."""
    if mailbox.marked_seq:
        under = [Notification.user_id == mailbox.user_id, _under(mailbox)]
        _write(session, under, mailbox.marked_at)
        take_away(mailbox)


def take_away(mailbox: Mailbox) -> None:
    """Have what is under the mark be unread; where nothing is, that changes nothing."""
    mailbox.marked_seq, mailbox.marked_at = 0, None


def settle_some(session: Session, mailbox: Mailbox, most: int) -> int:
    """Write to up to `most` of what is under the mark; to how many. After the last, it goes."""
    # By rule 1, as the index of unread notifications can answer it.
    under = (
        select(Notification.id)
        .where(
            Notification.user_id == mailbox.user_id,
            text(UNREAD),
            Notification.surfaced_seq <= mailbox.marked_seq,
            Notification.seq <= mailbox.marked_seq,
        )
        .order_by(Notification.surfaced_seq)
        .limit(most)
    )
    count = _write(session, [Notification.id.in_(under)], mailbox.marked_at)
    if count < most:
        take_away(mailbox)
    return count


def _write(session: Session, which: Sequence[Condition], read_at: datetime | None) -> int:
    statement = update(Notification).where(*which).values(read_at=read_at)
    done = session.execute(statement, execution_options={"synchronize_session": False})
    return int(done.rowcount)  # type: ignore[attr-defined]
