"""Events for `flask emit`: enough data for each known type, so that a name and a type suffice."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

SOURCE = "/tidings/emit"

STORY = {"id": "42", "title": "Say hello", "url": "/stories/42"}


def sample_event(
    event_type: str,
    user: str,
    actor: str | None,
    data: Mapping[str, Any],
    event_id: str | None = None,
) -> dict[str, Any]:
    """A CloudEvent of `event_type` that tells `user`; `data` goes over the sample data."""
    by = {"actor": {"id": actor, "name": actor}} if actor else {}
    return {
        "specversion": "1.0",
        "id": event_id or str(uuid.uuid4()),
        "source": SOURCE,
        "type": event_type,
        "time": datetime.now(UTC).isoformat(),
        "data": {**_sample_data(event_type, user), **by, **data},
    }


def _sample_data(event_type: str, user: str) -> dict[str, Any]:
    match event_type:
        case "story.assigned":
            return {"story": STORY, "assignee_id": user}
        case "story.mentioned":
            return {"story": STORY, "mentioned_ids": [user]}
        case "story.commented":
            return {"story": STORY, "watcher_ids": [user], "comment": "Hello!"}
        case "story.completed" | "story.updated":
            return {"story": STORY, "watcher_ids": [user]}
        case "notification.requested":
            return {"recipients": [user], "title": "Hello!"}
    return {"recipients": [user]}
