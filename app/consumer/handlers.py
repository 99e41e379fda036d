"""From an event to whom it tells what.

Importing this registers every handler: a new module of handlers is imported here.
"""

from pydantic import ValidationError

from app.consumer import requested, stories
from app.consumer.envelope import BadEvent, Event
from app.consumer.registry import UnknownType, handles, known_types, registration
from app.notifications.draft import RANK, Audience, Draft, ToFollowers

__all__ = ["UnknownType", "audience_of", "handles", "known_types", "requested", "stories"]


def audience_of(event: Event) -> Audience:
    """Whom the event tells; each person once, for the strongest reason.

    Nobody is told of what they did themselves. Raises UnknownType for a type without a handler,
    BadEvent for data that its handler can't take; any other exception is a bug in a handler.
    """
    taker = registration(event.type)
    try:
        data = taker.model.model_validate(event.data)
    except ValidationError as error:
        raise BadEvent.invalid(error, "data") from None
    audience = Audience([])
    strongest: dict[str, Draft] = {}
    for told in taker.handler(event, data):
        draft = told.draft if isinstance(told, ToFollowers) else told
        actor_id = draft.actor["id"] if draft.actor else None
        if isinstance(told, ToFollowers):
            audience.to_followers[told.subject] = draft.of(event.source, event.id)
        elif actor_id == draft.user_id:
            audience.own.append(draft.user_id)
        elif _is_stronger(draft, strongest.get(draft.user_id)):
            strongest[draft.user_id] = draft
    for _, draft in sorted(strongest.items()):
        audience.drafts.append(draft.of(event.source, event.id))
    return audience


def _is_stronger(draft: Draft, rival: Draft | None) -> bool:
    return rival is None or RANK[draft.reason] < RANK[rival.reason]
