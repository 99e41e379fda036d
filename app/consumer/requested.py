"""`notification.requested`: the event that says itself who is to be told what."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, StringConstraints
from pydantic_core import PydanticCustomError

from app.consumer.envelope import Event
from app.consumer.fields import Actor, EventData, Subject, Url
from app.consumer.registry import handles
from app.identifiers import USER_ID_RULE, is_subject_key, is_user_id
from app.notifications.draft import (
    MAX_BODY_CHARS,
    MAX_GROUP_KEY_CHARS,
    MAX_KIND_CHARS,
    MAX_TITLE_CHARS,
    Draft,
    Reason,
    ToFollowers,
)

# The contract's bound: one event is one transaction, and holds this many mailboxes locked.
MAX_RECIPIENTS: Final = 1_000


@dataclass(frozen=True, slots=True)
class FollowersOf:
    """Recipients: whoever follows `subject` (`TYPE/ID`)."""

    subject: str


def _recipient(value: object) -> str | FollowersOf:
    if is_user_id(value):
        return value
    if isinstance(value, dict):
        subject = value.get("followers_of")
        if value.keys() == {"followers_of"} and is_subject_key(subject):
            return FollowersOf(subject)
        raise PydanticCustomError("followers_of", 'Should be {"followers_of": "TYPE/ID"}')
    raise PydanticCustomError("user_id", f"Not a user id ({USER_ID_RULE})")


def _as_list(value: object) -> object:
    return [value] if isinstance(value, dict) else value


def _once_each(recipients: list[str | FollowersOf]) -> list[str | FollowersOf]:
    return list(dict.fromkeys(recipients))


class NotificationRequested(EventData):
    """The data of `notification.requested`."""

    recipients: Annotated[
        list[Annotated[str | FollowersOf, PlainValidator(_recipient)]],
        Field(min_length=1, max_length=MAX_RECIPIENTS),
        BeforeValidator(_as_list),
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
def notification_requested(
    event: Event, data: NotificationRequested
) -> Iterable[Draft | ToFollowers]:
    """Tell every recipient what the event says, word for word."""
    actor = data.actor.snapshot() if data.actor else None
    subject = data.subject.snapshot() if data.subject else None

    def tell(user_id: str, reason: Reason) -> Draft:
        return Draft(
            user_id=user_id,
            kind=data.kind,
            reason=reason,
            title=data.title,
            body=data.body,
            url=data.url,
            actor=actor,
            subject=subject,
            data=data.data,
            group_key=data.group_key,
        )

    for recipient in data.recipients:
        if isinstance(recipient, FollowersOf):
            yield ToFollowers(recipient.subject, tell("", "following"))
        else:
            yield tell(recipient, "requested")
