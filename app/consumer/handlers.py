"""From an event to what each person is told: one draft for each recipient.

Importing this registers every handler: a new module of handlers is imported here.
"""

from dataclasses import replace
from typing import Final

from pydantic import ValidationError

from app.consumer import requested, stories
from app.consumer.envelope import BadEvent, Event
from app.consumer.registry import UnknownType, handles, known_types, registration
from app.notifications.draft import Draft, Reason

__all__ = ["UnknownType", "drafts_for", "handles", "known_types", "requested", "stories"]

# Who has several reasons is told the one that asks most of them. 0 is the strongest.
_RANK: Final[dict[Reason, int]] = {
    "mentioned": 0,
    "assigned": 1,
    "requested": 2,
    "author": 3,
    "following": 4,
}


def drafts_for(event: Event) -> list[Draft]:
    """What the event tells, sorted by user id; each person once, for the strongest reason.

    Nobody is told of what they did themselves. Raises UnknownType for a type without a handler,
    BadEvent for data that its handler can't take; any other exception is a bug in a handler.
    """
    taker = registration(event.type)
    try:
        data = taker.model.model_validate(event.data)
    except ValidationError as error:
        raise BadEvent.invalid(error, "data") from None
    strongest: dict[str, Draft] = {}
    for draft in taker.handler(event, data):
        if draft.actor is not None and draft.actor["id"] == draft.user_id:
            continue
        rival = strongest.get(draft.user_id)
        if rival is None or _RANK[draft.reason] < _RANK[rival.reason]:
            strongest[draft.user_id] = draft
    return [
        replace(draft, source=event.source, event_id=event.id)
        for _, draft in sorted(strongest.items())
    ]
