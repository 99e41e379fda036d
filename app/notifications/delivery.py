"""From drafts to notifications: a whole batch in one transaction, each told exactly once."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session
from uuid_utils import uuid7

from app.bus import Push
from app.database import among, chunks, reading, wanted, writing
from app.extensions import Base
from app.notifications.draft import MAX_TITLE_CHARS, RANK, Draft
from app.notifications.following import follow_all
from app.notifications.marks import is_under, settle
from app.notifications.models import (
    GROUPED,
    RECIPIENT_AND_GROUP,
    GroupedEvent,
    Mailbox,
    NewNotification,
    Notification,
)
from app.notifications.representation import notification_payload
from app.notifications.rows import (
    Key,
    MailboxRow,
    insert_notifications,
    lock_mailbox_rows,
    save_mailbox_rows,
    told_keys,
)

# User id and group key.
Group = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a batch: what to publish, in order; how many drafts made a notification,
    joined one, or had been told before."""

    pushes: list[Push]
    created: int
    repeated: int
    grouped: int = 0


@dataclass(slots=True)
class _Batch:
    """What a transaction is about to write."""

    mailboxes: dict[str, MailboxRow]
    groups: dict[Group, Notification | NewNotification]
    now: datetime
    new: list[NewNotification] = field(default_factory=list)
    joined: list[dict[str, Any]] = field(default_factory=list)
    pushes: list[Push] = field(default_factory=list)


def deliver(drafts: Sequence[Draft], now: datetime) -> Delivery:
    """Store `drafts` in one transaction and return the Pushes to publish after it.

    A draft whose (source, event id, recipient) is stored already makes no second notification,
    but its Push is returned again: the process may have died between commit and publish, and a
    stream that has seen it drops the repeat. A draft of a group joins the group's notification if
    that is unread in the inbox. Raises DatabaseUnavailable; then nothing is stored.
    """
    if not drafts:
        return Delivery([], 0, 0)
    once: dict[Key, Draft] = {}
    for draft in drafts:
        # An event that is twice in a batch with other words was told with the first ones.
        once.setdefault((draft.event_id, draft.source, draft.user_id), draft)
    with writing() as session:
        mailboxes = lock_mailbox_rows(session, {draft.user_id for draft in once.values()})
        told = _told(session, once)
        fresh = [draft for key, draft in once.items() if key not in told]
        batch = _Batch(mailboxes, _open_groups(session, fresh, mailboxes), now)
        batch.pushes += _pushes_again(session, told.values(), mailboxes)
        for draft in fresh:
            _tell(draft, batch)
        _write(session, batch)
        follow_all(session, fresh)
    joined = len(batch.joined)
    return Delivery(batch.pushes, len(batch.new), len(drafts) - len(fresh), joined)


def _told(session: Session, keys: Collection[Key]) -> dict[Key, Notification]:
    """`stored`, but where nothing is, as nearly always, it takes a tenth of the time to know."""
    known = told_keys(session, {event_id for event_id, _, _ in keys})
    return stored(session, known.intersection(keys))


def stored(session: Session, keys: Iterable[Key]) -> dict[Key, Notification]:
    """The notifications that tell of those of `keys` that were told before."""
    keys = set(keys)
    found: dict[Key, Notification] = {}
    for chunk in chunks(sorted({event_id for event_id, _, _ in keys})):
        query = select(Notification).where(Notification.event_id.in_(chunk))
        for row in session.scalars(query):
            found[row.event_id, row.source, row.user_id] = row
        joined = (
            select(GroupedEvent, Notification)
            .join(Notification, Notification.id == GroupedEvent.notification_id)
            .where(GroupedEvent.event_id.in_(chunk))
        )
        for event, row in session.execute(joined):
            found[event.event_id, event.source, event.user_id] = row
    return {key: row for key, row in found.items() if key in keys}


def told_before(drafts: Iterable[Draft]) -> set[Key]:
    """Which of `drafts` are stored already. Raises DatabaseUnavailable."""
    with reading() as session:
        return set(stored(session, ((one.event_id, one.source, one.user_id) for one in drafts)))


def _pushes_again(
    session: Session, rows: Iterable[Notification], mailboxes: dict[str, MailboxRow]
) -> Iterable[Push]:
    # Pushes of one mailbox in the order of its seqs: a stream takes only the next one as it is.
    once = {row.id: row for row in rows}.values()
    for row in sorted(once, key=lambda row: row.seq):
        mailbox = mailboxes[row.user_id]
        if mailbox.marked_seq:
            settle(session.get_one(Mailbox, row.user_id), row)
        yield _push(row, mailbox)


def _open_groups(
    session: Session, drafts: Sequence[Draft], mailboxes: dict[str, MailboxRow]
) -> dict[Group, Notification | NewNotification]:
    """The notifications that drafts of a group can join."""
    asked = {(f"{draft.user_id} {draft.group_key}",) for draft in drafts if draft.group_key}
    found: dict[Group, Notification | NewNotification] = {}
    if not asked:
        return found
    query = (
        select(Notification)
        .where(text(among(session, RECIPIENT_AND_GROUP)), text(GROUPED))
        # Marked unread again, an older one can be open beside a newer one, which comes last here.
        .order_by(Notification.surfaced_seq)
    )
    for row in session.scalars(query, wanted(session, asked)):
        marked = mailboxes[row.user_id].marked_seq
        if not (marked and is_under(session.get_one(Mailbox, row.user_id), row)):
            found[row.user_id, row.group_key or ""] = row
    return found


def _tell(draft: Draft, batch: _Batch) -> None:
    mailbox = batch.mailboxes[draft.user_id]
    row = batch.groups.get((draft.user_id, draft.group_key)) if draft.group_key else None
    if row is None:
        row = _create(draft, mailbox, batch.now)
        batch.new.append(row)
        if draft.group_key:
            batch.groups[draft.user_id, draft.group_key] = row
    else:
        _join(row, draft, mailbox, batch.now)
        batch.joined.append(
            {
                "event_id": draft.event_id,
                "source": draft.source,
                "user_id": draft.user_id,
                "notification_id": UUID(row.id) if isinstance(row.id, str) else row.id,
            }
        )
    batch.pushes.append(_push(row, mailbox))


def _write(session: Session, batch: _Batch) -> None:
    if batch.new:
        insert_notifications(session, batch.new, batch.now)
    if batch.joined:
        session.execute(insert(Base.metadata.tables["grouped_events"]), batch.joined)
    if batch.new or batch.joined:
        save_mailbox_rows(session, batch.mailboxes.values())


def _create(draft: Draft, mailbox: MailboxRow, now: datetime) -> NewNotification:
    mailbox.last_seq += 1
    mailbox.unread += 1
    mailbox.unseen += 1
    subject = draft.subject or {}
    return NewNotification(
        id=str(uuid7()),
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


def _join(
    row: Notification | NewNotification, draft: Draft, mailbox: MailboxRow, now: datetime
) -> None:
    """The group's notification tells of the latest event and of how many; it moves to the top.

    The reason stays the strongest one: news of a comment does not hide that one was mentioned.
    """
    mailbox.last_seq += 1
    mailbox.unseen += row.surfaced_seq <= mailbox.seen_seq
    subject = draft.subject or {}
    row.seq = row.surfaced_seq = mailbox.last_seq
    row.count += 1
    row.kind = draft.kind
    if RANK[draft.reason] < RANK[row.reason]:
        row.reason = draft.reason
    row.title = _grouped_title(draft, row.count)
    row.body = draft.body
    row.url = draft.url
    row.actor = draft.actor
    row.subject_type = subject.get("type")
    row.subject_id = subject.get("id")
    row.subject_title = subject.get("title")
    row.data = draft.data
    row.created_at = now


def _grouped_title(draft: Draft, count: int) -> str:
    if draft.grouped_title:
        return draft.grouped_title(count)[:MAX_TITLE_CHARS]
    number = f" ({count:,})"
    return draft.title[: MAX_TITLE_CHARS - len(number)] + number


def _push(row: Notification | NewNotification, mailbox: MailboxRow) -> Push:
    new = row.seq == row.created_seq
    payload = notification_payload(row, mailbox.unread, mailbox.unseen, new=new)
    return Push(row.user_id, payload)
