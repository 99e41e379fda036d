"""The frames of a stream, as an EventSource sees them. `frame` makes these; here it is said what.

`id` is the last one that was sent, which a browser keeps for the frames without one.
"""

from typing import Annotated, Literal

from pydantic import Field, Json, RootModel

from app.describe import Output
from app.notifications.answers import CountedNotification, Counts
from app.notifications.changes import ResetReason
from app.validation import Input, Omittable

# A seq, at most 2^63 - 1; an empty one is none.
POSITION = "^[0-9]{0,19}$"

Id = Annotated[str, Field(pattern="^[0-9]{1,19}$", description="A seq.")]
RetryMs = Annotated[int, Field(ge=0, description="Milliseconds until the client comes back.")]


EXAMPLE = """\
Frames, until it ends, with `ping` between them. For example:

    retry: 2000
    event: connected
    id: 41
    data: {"seq":41,"unread":2,"unseen":0,"expires_at":1767225600}

    id: 42
    data: {"seq":42,"id":"019b…","kind":"story.assigned", … ,"unread":3,"unseen":1}

    event: ping
    data: {}
"""


class StreamQuery(Input):
    """The query string of the stream; a ticket is a way to say who one is."""

    last_event_id: Annotated[
        Omittable[Annotated[str, Field(pattern=POSITION)]],
        Field(description="As the header, for a page's first stream; the header goes first."),
    ] = None


class Opening(Counts):
    """Where the stream starts: at the client's own position, or at the mailbox's."""

    expires_at: Annotated[int, Field(description="When the token ends, in Unix time.")]


class MailboxChange(Counts):
    """A change of many: rows that can't be derived from it are to be fetched anew."""

    read_through: Annotated[int, Field(ge=0, description="All up to this seq was marked read.")]
    seen_through: Annotated[int, Field(ge=0, description="All up to this seq was seen.")]


class Reset(Counts):
    """What changed can't be told: fetch the list anew."""

    reason: ResetReason


class Draining(Output):
    """The server goes away, or has no room."""

    retry_ms: RetryMs


class Expired(Output):
    """The right to this stream ended."""

    reason: str


class Nothing(Output):
    """Nothing to say."""


class ConnectedFrame(Output):
    """The first."""

    event: Literal["connected"]
    id: Id
    retry: RetryMs
    data: Json[Opening]


class NotificationFrame(Output):
    """A new notification: without a name, so that `onmessage` gets it.

    What other services publish to the user comes so too, as they wrote it and without an id.
    """

    event: Literal["message"]
    id: Id
    data: Json[CountedNotification]


class UpdatedFrame(Output):
    """A notification that changed, as it is now."""

    event: Literal["updated"]
    id: Id
    data: Json[CountedNotification]


class MailboxFrame(Output):
    """The mailbox changed as a whole."""

    event: Literal["mailbox"]
    id: Id
    data: Json[MailboxChange]


class ResetFrame(Output):
    """The client is too far behind, or its position is none of this mailbox's."""

    event: Literal["reset"]
    id: Id
    data: Json[Reset]


class DrainingFrame(Output):
    """The last: come back later."""

    event: Literal["draining"]
    id: Omittable[Id] = None
    retry: RetryMs
    data: Json[Draining]


class ExpiredFrame(Output):
    """The last: come back with another token."""

    event: Literal["expired"]
    id: Omittable[Id] = None
    data: Json[Expired]


class PingFrame(Output):
    """A sign of life: without one for a minute, the connection is dead."""

    event: Literal["ping"]
    id: Omittable[Id] = None
    data: Json[Nothing]


class Frame(
    RootModel[
        Annotated[
            ConnectedFrame
            | NotificationFrame
            | UpdatedFrame
            | MailboxFrame
            | ResetFrame
            | DrainingFrame
            | ExpiredFrame
            | PingFrame,
            Field(discriminator="event"),
        ]
    ]
):
    """One event of the stream."""
