"""A notification before it has a mailbox, a seq or an id: what a handler wants to tell one person.

Pure: nothing here knows of the database, so that handlers can be written and tested as functions.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from app.identifiers import subject_key

# Why this person is told (the contract's `reason`).
Reason = Literal["assigned", "mentioned", "following", "author", "requested"]

# Who has several reasons is told the one that asks most of them. 0 is the strongest.
RANK: Final[dict[str, int]] = {
    "mentioned": 0,
    "assigned": 1,
    "requested": 2,
    "author": 3,
    "following": 4,
}

# Two lines of a toast or of a phone's lock screen; nothing shows more of a title.
MAX_TITLE_CHARS: Final = 200
# A long comment. More is the product's own page to show, one click away; and a Push stays small.
MAX_BODY_CHARS: Final = 2_000
# What browsers, proxies and mail programs all carry unharmed.
MAX_URL_CHARS: Final = 2_000
# A dotted event type. It is indexed, and stands in `?kind=` and in muted kinds.
MAX_KIND_CHARS: Final = 100
# Room for `TYPE:ID:what` with an id as long as ids get. It is indexed with the user id.
MAX_GROUP_KEY_CHARS: Final = 200


# Not frozen: to make one would take 1.8 µs instead of 0.6, and there are two for each person told.
@dataclass(slots=True, kw_only=True)
class Draft:
    """What one person is to be told. Its fields are those of the notification in the contract.

    Never change one, nor `actor`, `subject` and `data`, which the drafts of one event share.
    `source` and `event_id` name the event. With `user_id` they make a delivery idempotent.
    `grouped_title` is the title of a group that tells of so many events, this one the latest;
    without one it is the draft's own title and the number. `follows`: from now on this person
    follows the subject, as who is assigned to it or mentioned in it does.
    """

    user_id: str
    kind: str
    reason: Reason
    title: str
    body: str = ""
    url: str | None = None
    actor: dict[str, str] | None = None
    subject: dict[str, str] | None = None
    data: dict[str, Any] = field(default_factory=dict)
    group_key: str | None = None
    grouped_title: Callable[[int], str] | None = field(default=None, compare=False)
    follows: bool = False
    source: str = ""
    event_id: str = ""

    @property
    def subject_key(self) -> str | None:
        """What it is about, as `TYPE/ID`."""
        return subject_key(self.subject["type"], self.subject["id"]) if self.subject else None

    def of(self, source: str, event_id: str) -> "Draft":
        """The same, of this event. Written out: `dataclasses.replace` takes longer, for each."""
        return Draft(
            user_id=self.user_id,
            kind=self.kind,
            reason=self.reason,
            title=self.title,
            body=self.body,
            url=self.url,
            actor=self.actor,
            subject=self.subject,
            data=self.data,
            group_key=self.group_key,
            grouped_title=self.grouped_title,
            follows=self.follows,
            source=source,
            event_id=event_id,
        )


@dataclass(frozen=True, slots=True)
class ToFollowers:
    """What everybody is told who follows `subject` (`TYPE/ID`); the draft has no user id yet."""

    subject: str
    draft: Draft


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom one event is told: those it names, and who follows a subject.

    `drafts` are sorted by user id, each person once; `to_followers` has what the followers of
    each subject are told. `own` are those who are named, and did it themselves.
    """

    drafts: list[Draft]
    to_followers: dict[str, Draft] = field(default_factory=dict)
    own: list[str] = field(default_factory=list)
