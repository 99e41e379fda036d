"""`notification.requested`: the event that says itself who is to be told what."""

from collections.abc import Iterable
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from app.consumer.envelope import Event
from app.consumer.fields import Actor, EventData, Subject, Url
from app.consumer.registry import handles
from app.identifiers import UserId
from app.notifications.draft import (
    MAX_BODY_CHARS,
    MAX_GROUP_KEY_CHARS,
    MAX_KIND_CHARS,
    MAX_TITLE_CHARS,
    Draft,
)

# The contract's bound: one event is one transaction, and holds this many mailboxes locked.
MAX_RECIPIENTS: Final = 1_000


def _no_followers(value: object) -> object:
    named = value if isinstance(value, list) else [value]
    if any(isinstance(recipient, dict) for recipient in named):
        raise PydanticCustomError(
            "followers_of", "followers_of is not supported yet: list the user ids themselves"
        )
    return value


def _once_each(user_ids: list[str]) -> list[str]:
    return list(dict.fromkeys(user_ids))


class NotificationRequested(EventData):
    """The data of `notification.requested`."""

    recipients: Annotated[
        list[UserId],
        Field(min_length=1, max_length=MAX_RECIPIENTS),
        BeforeValidator(_no_followers),
        AfterValidator(_once_each),
    ]
    kind: Annotated[
        str, Field(min_length=1, max_length=MAX_KIND_CHARS, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")
    ] = "notification.requested"
    title: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TITLE_CHARS)
    ]
    body: Annotated[str, Field(max_length=MAX_BODY_CHARS)] = ""
    url: Url | None = None
    actor: Actor | None = None
    subject: Subject | None = None
    data: dict[str, Any] = Field(default_factory=dict)
    group_key: Annotated[str, Field(min_length=1, max_length=MAX_GROUP_KEY_CHARS)] | None = None


@handles("notification.requested", NotificationRequested)
def notification_requested(event: Event, data: NotificationRequested) -> Iterable[Draft]:
    """Tell every recipient what the event says, word for word."""
    actor = data.actor.snapshot() if data.actor else None
    subject = data.subject.snapshot() if data.subject else None
    for user_id in data.recipients:
        yield Draft(
            user_id=user_id,
            kind=data.kind,
            reason="requested",
            title=data.title,
            body=data.body,
            url=data.url,
            actor=actor,
            subject=subject,
            data=data.data,
            group_key=data.group_key,
        )
