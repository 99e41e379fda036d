"""A notification and a mailbox as JSON shows them: in the REST API, on Pub/Sub, in a stream."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from app import bus
from app.notifications.models import Mailbox, NewNotification, Notification


class ShownNotification(NamedTuple):
    """The columns that are shown of a notification; sooner made than a row of the model."""

    seq: int
    id: UUID
    kind: str
    reason: str
    title: str
    body: str
    url: str | None
    actor: dict[str, Any] | None
    subject_type: str | None
    subject_id: str | None
    subject_title: str | None
    data: dict[str, Any]
    count: int  # type: ignore[assignment]  # tuples have a method of that name, which nobody calls
    created_at: datetime
    read_at: datetime | None
    archived_at: datetime | None
    snoozed_until: datetime | None


class ShownMailbox(NamedTuple):
    """The columns that are shown of a mailbox."""

    last_seq: int
    unread: int
    unseen: int
    seen_seq: int
    read_seq: int


AnyNotification = Notification | NewNotification | ShownNotification


# All notifications of a batch were created in the same moment, and most columns have none.
@lru_cache(maxsize=64)
def rfc3339(moment: datetime | None) -> str | None:
    """A time as RFC 3339 in UTC, with microseconds."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def notification_json(row: AnyNotification) -> dict[str, Any]:
    """The notification as the contract shows it, `seq` first."""
    subject = None
    if row.subject_type is not None:
        subject = {"type": row.subject_type, "id": row.subject_id, "title": row.subject_title}
    return {
        "seq": row.seq,
        "id": str(row.id),
        "kind": row.kind,
        "reason": row.reason,
        "title": row.title,
        "body": row.body,
        "url": row.url,
        "actor": row.actor,
        "subject": subject,
        "data": row.data,
        "count": row.count,
        "created_at": rfc3339(row.created_at),
        "read_at": rfc3339(row.read_at),
        "archived_at": rfc3339(row.archived_at),
        "snoozed_until": rfc3339(row.snoozed_until),
    }


def counts_json(mailbox: Mailbox | ShownMailbox) -> dict[str, Any]:
    """The mailbox's version and counts."""
    return {"seq": mailbox.last_seq, "unread": mailbox.unread, "unseen": mailbox.unseen}


def notification_payload(row: AnyNotification, unread: int, unseen: int, *, new: bool) -> bytes:
    """A notification as a Push, with the mailbox's counts after the change."""
    value = {**notification_json(row), "unread": unread, "unseen": unseen}
    return bus.encode_created(value) if new else bus.encode_updated(value)


def mailbox_payload(mailbox: Mailbox | ShownMailbox, seq: int | None = None) -> bytes:
    """A mailbox-wide change as a Push: the latest, or that of `seq` with what is so now."""
    return bus.encode_mailbox(
        {
            **counts_json(mailbox),
            "seq": mailbox.last_seq if seq is None else seq,
            "read_through": mailbox.read_seq,
            "seen_through": mailbox.seen_seq,
        }
    )
