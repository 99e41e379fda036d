"""What changed in a mailbox after a position: the replay of a stream."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import bindparam, select, true

from app.database import among, chunks, reading, sql, wanted
from app.notifications.marks import shown_read_at
from app.notifications.models import Mailbox, Notification
from app.notifications.representation import (
    ShownMailbox,
    ShownNotification,
    mailbox_payload,
    notification_payload,
)
from app.rounds import next_round

# Columns, and not rows of the models: each change of a replay takes 20 µs of CPU instead of 36.
_MAILBOX = [getattr(Mailbox, name) for name in ShownMailbox._fields]
_NOTIFICATION = [getattr(Notification, name) for name in ShownNotification._fields]
# Found before the join: PostgreSQL would sort all that somebody lacks (100,000 rows took 0.1 s).
_CHANGED = (
    select(*_NOTIFICATION, Notification.created_seq)
    .where(
        Notification.user_id == bindparam("user_id"),
        Notification.seq > bindparam("after"),
    )
    .order_by(Notification.seq)
    .limit(bindparam("most"))
    .subquery()
)
# One statement sees one state: with two, a change committed between them could hide a notification
# that was created before and moved on since. Built once: every stream that opens asks this, and
# building it takes a third of the time.
MAILBOX_AND_CHANGES = (
    select(
        Mailbox.wide_seq,
        Mailbox.pruned_seq,
        _CHANGED.c.created_seq,
        *_MAILBOX,
        *[
            shown_read_at(_CHANGED.c) if name == "read_at" else _CHANGED.c[name]
            for name in ShownNotification._fields
        ],
    )
    .outerjoin_from(Mailbox, _CHANGED, true())
    .where(Mailbox.user_id == bindparam("user_id"))
)
# Others' frames and requests have their turn after so many: to read and encode one takes 20 µs, so
# that a replay of 450 held them up for 10 ms.
ROWS_IN_A_ROW = 25
_BEFORE_NOTIFICATION = 3 + len(_MAILBOX)

ResetReason = Literal["too-far-behind", "from-the-future", "pruned"]


@dataclass(frozen=True, slots=True)
class Changes:
    """The mailbox at one moment, and what leads there from a position.

    `payloads` are encoded as Pushes are, in seq order, and the last one has `seq`. With a
    `reset` reason there are none: continuity can't be shown, and the client has to refetch.
    """

    seq: int
    unread: int
    unseen: int
    payloads: list[bytes] = field(default_factory=list)
    reset: ResetReason | None = None


def changes_since(user_id: str, after: int | None, limit: int) -> Changes:
    """What changed in the mailbox of `user_id` after seq `after`; None: only where it stands.

    Each changed notification comes once, as it is now: as a new one if it was created after
    that position, else as an updated one. At most `limit` of them. Raises DatabaseUnavailable.
    """
    if after is None:
        return standings([user_id])[user_id]
    asked = {"user_id": user_id, "after": after, "most": limit + 1}
    with reading() as session:
        found: list[Sequence[Any]] = []
        for some in session.execute(MAILBOX_AND_CHANGES, asked).partitions(ROWS_IN_A_ROW):
            found += some
            _pause_after(len(found))
    if not found:
        return Changes(0, 0, 0, reset="from-the-future" if after else None)
    return _changes(found, after, limit)


def standings(user_ids: Sequence[str]) -> dict[str, Changes]:
    """Where the mailbox of each of `user_ids` stands, by one query for each thousand.

    For each what changes_since() says without a position. Raises DatabaseUnavailable.
    """
    found = {user_id: Changes(0, 0, 0) for user_id in user_ids}
    with reading() as session:
        columns, these = "user_id, last_seq, unread, unseen", among(session, "user_id")
        query = sql(f"SELECT {columns} FROM mailboxes WHERE {these}")  # noqa: S608 - ours
        for chunk in chunks(user_ids):
            values = wanted(session, [(user_id,) for user_id in chunk])
            for user_id, seq, unread, unseen in session.execute(query, values):
                found[user_id] = Changes(seq, unread, unseen)
    return found


def _changes(found: Sequence[Sequence[Any]], after: int, limit: int) -> Changes:
    """Of rows of MAILBOX_AND_CHANGES, of which there is one if nothing changed."""
    wide_seq, pruned_seq = found[0][:2]
    mailbox = ShownMailbox(*found[0][3:_BEFORE_NOTIFICATION])
    here = Changes(mailbox.last_seq, mailbox.unread, mailbox.unseen)
    if after == mailbox.last_seq:
        return here
    if after > mailbox.last_seq:
        return _reset(here, "from-the-future")
    if after < pruned_seq:
        return _reset(here, "pruned")
    if len(found) > limit:
        return _reset(here, "too-far-behind")
    payloads: dict[int, bytes] = {}
    for count, row in enumerate(found, 1):
        _pause_after(count)
        created_seq, shown = row[2], ShownNotification(*row[_BEFORE_NOTIFICATION:])
        if created_seq is not None:
            new = created_seq > after
            payloads[shown.seq] = notification_payload(shown, here.unread, here.unseen, new=new)
    # The latest change of the mailbox as a whole; and where the latest change was of a notification
    # that is gone, something has to take the client to its seq.
    for seq in (wide_seq, mailbox.last_seq):
        if seq > after and seq not in payloads:
            payloads[seq] = mailbox_payload(mailbox, seq)
    # A join promises no order.
    in_order = [payloads[seq] for seq in sorted(payloads)]
    return Changes(here.seq, here.unread, here.unseen, in_order)


def _pause_after(count: int) -> None:
    if count % ROWS_IN_A_ROW == 0:
        next_round()


def _reset(here: Changes, reason: ResetReason) -> Changes:
    return Changes(here.seq, here.unread, here.unseen, reset=reason)
