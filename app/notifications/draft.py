"""A notification before it has a mailbox, a seq or an id: what a handler wants to tell one person.

Pure: nothing here knows of the database, so that handlers can be written and tested as functions.
"""

from dataclasses import dataclass, field
from typing import Any, Final, Literal

# Why this person is told (the contract's `reason`).
Reason = Literal["assigned", "mentioned", "following", "author", "requested"]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What one person is to be told. Its fields are those of the notification in the contract.

    `actor`, `subject` and `data` are shared between the drafts of one event: never change them.
    `source` and `event_id` name the event. With `user_id` they make a delivery idempotent.
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
    source: str = ""
    event_id: str = ""
