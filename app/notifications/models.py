"""The tables: a mailbox for each recipient, and what is in it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    Uuid,
    literal_column,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Base, db

if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model


# What a partial index covers. A query uses it if it says the same.
IN_INBOX = "archived_at IS NULL AND snoozed_until IS NULL"
# Of these, what is under its mailbox's mark (`marks`) is read all the same.
UNREAD = f"read_at IS NULL AND {IN_INBOX}"
ARCHIVED = "archived_at IS NOT NULL"
SNOOZED = "snoozed_until IS NOT NULL"
GROUPED = f"group_key IS NOT NULL AND {UNREAD}"
MARKED = "marked_seq > 0"
# The recipient and the group in one value, so that a batch asks for many at once. No user id has a
# space.
RECIPIENT_AND_GROUP = "(user_id || ' ' || group_key)"


def _partial(name: str, *columns: Any, where: str) -> Index:
    return Index(name, *columns, postgresql_where=text(where), sqlite_where=text(where))


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC, on SQLite too, which stores no zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Mailbox(Model):
    """One recipient: the version number of everything that the recipient can see, and the counts.

    A lock on this row orders all changes of one mailbox, so that commit order is seq order.
    """

    __tablename__ = "mailboxes"
    # Nearly always empty: who settles looks there every second.
    __table_args__ = (_partial("ix_mailboxes_marked", "user_id", where=MARKED),)

    user_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    last_seq: Mapped[int] = mapped_column(BigInteger, default=0)
    """The number of the latest change; the next one takes the next number."""
    unread: Mapped[int] = mapped_column(default=0)
    """Notifications of the inbox (neither archived nor snoozed) that are not read."""
    unseen: Mapped[int] = mapped_column(default=0)
    """Notifications of the inbox that surfaced above `seen_seq`: the badge."""
    seen_seq: Mapped[int] = mapped_column(BigInteger, default=0)
    """The watermark under which the person has seen the list."""
    read_seq: Mapped[int] = mapped_column(BigInteger, default=0)
    """The watermark up to which the person last marked everything read."""
    wide_seq: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    """The seq of the latest change that was of the mailbox as a whole, and of no notification."""
    pruned_seq: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    """The latest seq that a deleted notification had: what came before can't be replayed."""
    marked_seq: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    """The mark (`marks`): what of the inbox did not change since is read. 0: there is none."""
    marked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When what is under the mark was read."""


@dataclass(kw_only=True)
class NewNotification:
    """A row of `notifications` on its way in; `vars()` of it are the columns' values."""

    id: str
    user_id: str
    seq: int
    created_seq: int
    surfaced_seq: int
    source: str
    event_id: str
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
    group_key: str | None
    count: int
    created_at: datetime
    read_at: datetime | None = None
    archived_at: datetime | None = None
    snoozed_until: datetime | None = None


class Notification(Model):
    """What a recipient is told.

    It is in the inbox, or archived, or snoozed: never both of the last two.
    """

    __tablename__ = "notifications"
    __table_args__ = (
        # An event reaches a recipient once, however often it is delivered. The event's id comes
        # first because it is what a batch is looked up by.
        UniqueConstraint("event_id", "source", "user_id", name="uq_notifications_event"),
        Index("ix_notifications_changes", "user_id", "seq"),
        # The lists. One that covered every state would make a page of a full mailbox pass over all
        # that is archived.
        _partial("ix_notifications_inbox", "user_id", "surfaced_seq", where=IN_INBOX),
        _partial("ix_notifications_unread", "user_id", "surfaced_seq", where=UNREAD),
        _partial("ix_notifications_archived", "user_id", "surfaced_seq", where=ARCHIVED),
        _partial("ix_notifications_snoozed", "user_id", "surfaced_seq", where=SNOOZED),
        _partial("ix_notifications_kind", "user_id", "kind", "surfaced_seq", where=IN_INBOX),
        _partial("ix_notifications_kept_kind", "user_id", "kind", "surfaced_seq", where=ARCHIVED),
        _partial(
            "ix_notifications_subject",
            "user_id",
            "subject_type",
            "subject_id",
            "surfaced_seq",
            where="subject_id IS NOT NULL",
        ),
        _partial("ix_notifications_due", "snoozed_until", where=SNOOZED),
        _partial("ix_notifications_group", literal_column(RECIPIENT_AND_GROUP), where=GROUPED),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    """UUIDv7: made in the order of creation, so that the index grows at its end."""
    user_id: Mapped[str] = mapped_column(ForeignKey("mailboxes.user_id"))
    seq: Mapped[int] = mapped_column(BigInteger)
    """The mailbox's number of this notification's latest change."""
    created_seq: Mapped[int] = mapped_column(BigInteger)
    surfaced_seq: Mapped[int] = mapped_column(BigInteger)
    """The number of the change that last put it at the top of the list."""
    source: Mapped[str] = mapped_column(String(256))
    event_id: Mapped[str] = mapped_column(String(256))
    kind: Mapped[str] = mapped_column(String(100))
    reason: Mapped[str] = mapped_column(String(20))
    title: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    url: Mapped[str | None] = mapped_column(Text)
    actor: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    subject_type: Mapped[str | None] = mapped_column(String(100))
    subject_id: Mapped[str | None] = mapped_column(String(200))
    subject_title: Mapped[str | None] = mapped_column(Text)
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    group_key: Mapped[str | None] = mapped_column(String(200))
    count: Mapped[int] = mapped_column(default=1)
    """How many events it tells of."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    read_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    archived_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    snoozed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


class GroupedEvent(Model):
    """An event that a recipient was told of within the notification of an earlier one."""

    __tablename__ = "grouped_events"

    event_id: Mapped[str] = mapped_column(String(256), primary_key=True)
    source: Mapped[str] = mapped_column(String(256), primary_key=True)
    user_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    notification_id: Mapped[UUID] = mapped_column(
        ForeignKey("notifications.id", ondelete="CASCADE"), index=True
    )


class Follow(Model):
    """Who follows a subject (`TYPE/ID`) is told of its events."""

    __tablename__ = "follows"

    # The subject comes first: an event asks who follows it.
    subject: Mapped[str] = mapped_column(String(301), primary_key=True)
    user_id: Mapped[str] = mapped_column(String(128), primary_key=True)


class Mute(Model):
    """What makes no notification for `user_id`: a kind, or a subject (`TYPE/ID`)."""

    __tablename__ = "mutes"

    user_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    what: Mapped[str] = mapped_column(String(7), primary_key=True)
    """`kind` or `subject`."""
    value: Mapped[str] = mapped_column(String(301), primary_key=True)
