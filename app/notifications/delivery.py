"""From drafts to notifications: a whole batch in one transaction, each told exactly once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from app.bus import Push
from app.extensions import Base
from app.notifications.database import chunks, writing
from app.notifications.draft import Draft
from app.notifications.mailboxes import lock_mailboxes
from app.notifications.models import Mailbox, NewNotification, Notification
from app.notifications.representation import notification_payload

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a batch: what to publish, in order, and how much of it was new."""

    pushes: list[Push]
    created: int
    repeated: int


def deliver(drafts: Sequence[Draft], now: datetime) -> Delivery:
    """Store `drafts` in one transaction and return the Pushes to publish after it.

    A draft whose (source, event id, recipient) is stored already makes no second notification,
    but its Push is returned again: the process may have died between commit and publish, and a
    stream that has seen it drops the repeat. Raises DatabaseUnavailable; then nothing is stored.
    """
    if not drafts:
        return Delivery([], 0, 0)
    wanted = {(draft.event_id, draft.source, draft.user_id): draft for draft in drafts}
    with writing() as session:
        mailboxes = lock_mailboxes(session, {draft.user_id for draft in wanted.values()})
        stored = _stored(session, wanted)
        pushes = [_push(row, mailboxes[row.user_id]) for row in stored.values()]
        new: list[NewNotification] = []
        for key, draft in wanted.items():
            if key not in stored:
                mailbox = mailboxes[draft.user_id]
                new.append(_create(draft, mailbox, now))
                pushes.append(_push(new[-1], mailbox))
        _insert(session, new)
    return Delivery(pushes, created=len(new), repeated=len(drafts) - len(new))


def _insert(session: Session, new: Sequence[NewNotification]) -> None:
    if new:
        # As plain rows: the unit of work would take three times as long for them as the database.
        session.execute(insert(Base.metadata.tables["notifications"]), [vars(row) for row in new])


def _stored(session: Session, wanted: Iterable[Key]) -> dict[Key, Notification]:
    keys = set(wanted)
    found: dict[Key, Notification] = {}
    for chunk in chunks(sorted({event_id for event_id, _, _ in keys})):
        query = select(Notification).where(Notification.event_id.in_(chunk))
        for row in session.scalars(query):
            key = (row.event_id, row.source, row.user_id)
            if key in keys:
                found[key] = row
    # Pushes of one mailbox in the order of its seqs: a stream takes only the next one as it is.
    return dict(sorted(found.items(), key=lambda item: item[1].seq))


def _create(draft: Draft, mailbox: Mailbox, now: datetime) -> NewNotification:
    mailbox.last_seq += 1
    mailbox.unread += 1
    mailbox.unseen += 1
    subject = draft.subject or {}
    return NewNotification(
        id=uuid7(),
        user_id=draft.user_id,
        seq=mailbox.last_seq,
        created_seq=mailbox.last_seq,
        surfaced_seq=mailbox.last_seq,
        source=draft.source,
        event_id=draft.event_id,
        kind=draft.kind,
        reason=draft.reason,
        title=draft.title,
        body=draft.body,
        url=draft.url,
        actor=draft.actor,
        subject_type=subject.get("type"),
        subject_id=subject.get("id"),
        subject_title=subject.get("title"),
        data=draft.data,
        group_key=draft.group_key,
        count=1,
        created_at=now,
    )


def _push(row: Notification | NewNotification, mailbox: Mailbox) -> Push:
    new = row.seq == row.created_seq
    payload = notification_payload(row, mailbox.unread, mailbox.unseen, new=new)
    return Push(row.user_id, payload)
