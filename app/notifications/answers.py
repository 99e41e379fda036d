"""What the API of the inbox answers. `representation` makes these; here they are described."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from app.describe import Output
from app.notifications.draft import (
    MAX_BODY_CHARS,
    MAX_KIND_CHARS,
    MAX_TITLE_CHARS,
    MAX_URL_CHARS,
    Reason,
)

Number = Annotated[int, Field(ge=0)]
Seq = Annotated[int, Field(ge=0, description="The mailbox's version.")]
Unread = Annotated[int, Field(ge=0, description="In the inbox and not read.")]
Unseen = Annotated[int, Field(ge=0, description="In the inbox and not seen: the badge.")]


class Counts(Output):
    """The state of a mailbox."""

    seq: Seq
    unread: Unread
    unseen: Unseen


class Actor(Output):
    """Who did it, as they were called then."""

    id: str
    name: str


class Subject(Output):
    """What it was done to, as it was called then."""

    type: str
    id: str
    title: str


class Notification(Output):
    """What a person is told."""

    seq: Annotated[int, Field(ge=1, description="The number of its latest change.")]
    id: UUID
    kind: Annotated[str, Field(max_length=MAX_KIND_CHARS)]
    reason: Annotated[Reason, Field(description="Why this person is told.")]
    title: Annotated[str, Field(max_length=MAX_TITLE_CHARS, description="Plain text.")]
    body: Annotated[str, Field(max_length=MAX_BODY_CHARS, description="Plain text.")]
    url: Annotated[
        Annotated[str, Field(max_length=MAX_URL_CHARS)] | None,
        Field(description="http, https, or a path."),
    ]
    actor: Actor | None
    subject: Subject | None
    data: Annotated[dict[str, Any], Field(description="What the producer added.")]
    count: Annotated[int, Field(ge=1, description="How many events it tells of.")]
    created_at: datetime
    read_at: datetime | None
    archived_at: datetime | None
    snoozed_until: datetime | None


class CountedNotification(Notification):
    """A notification after a change, with the mailbox's counts then."""

    unread: Unread
    unseen: Unseen


class NotificationPage(Output):
    """A piece of the list, newest first, and the mailbox as it was before that was read."""

    items: list[Notification]
    next_cursor: Annotated[str | None, Field(description="For the next page; null at the end.")]
    seq: Annotated[Number, Field(description="Open a stream here: it continues without a gap.")]
    unread: Unread
    unseen: Unseen


class BulkResult(Counts):
    """How many were changed, and the mailbox then."""

    updated: Number


class Preferences(Output):
    """What makes no notification."""

    muted_kinds: list[str]
    muted_subjects: Annotated[list[str], Field(description="Each as `TYPE/ID`.")]


class Attitude(Output):
    """Where one stands to a subject."""

    following: bool
    muted: bool
