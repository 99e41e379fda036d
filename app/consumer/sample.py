"""Events for `flask emit`: enough data for each known type, so that a name and a type suffice."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

SOURCE = "/tidings/emit"

STORY = {"id": "42", "title": "Say hello", "url": "/stories/42"}


def sample_event(
    event_type: str,
    users: Sequence[str],
    actor: str | None,
    data: Mapping[str, Any],
    event_id: str | None = None,
) -> dict[str, Any]:
    """A CloudEvent of `event_type` that tells `users`; `data` goes over the sample data."""
    by = {"actor": {"id": actor, "name": actor}} if actor else {}
    return {
        "specversion": "1.0",
        "id": event_id or str(uuid.uuid4()),
        "source": SOURCE,
        "type": event_type,
        "time": datetime.now(UTC).isoformat(),
        "data": {**_sample_data(event_type, list(users)), **by, **data},
    }


def _sample_data(event_type: str, users: list[str]) -> dict[str, Any]:
    match event_type:
        case "story.assigned":
            return {"story": STORY, "assignee_id": users[0], "watcher_ids": users[1:]}
        case "story.mentioned":
            return {"story": STORY, "mentioned_ids": users}
        case "story.commented":
            return {"story": STORY, "watcher_ids": users, "comment": "Hello!"}
        case "story.completed" | "story.updated":
            return {"story": STORY, "watcher_ids": users}
        case "notification.requested":
            return {"recipients": users, "title": "Hello!"}
    return {"recipients": users}
