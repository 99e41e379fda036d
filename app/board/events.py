"""How a product tells Tidings what happened: one CloudEvents 1.0 event, one XADD."""

import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import redis

from app.board.people import person
from app.board.story import Story

SOURCE = "/board"


def story_event(
    what: str, story: Story, actor: str, mentioned: Sequence[str] = (), comment: str = ""
) -> dict[str, Any]:
    """The event `story.<what>`: `actor` did it, and `story` is as it was left."""
    data: dict[str, Any] = {
        "story": {"id": story.id, "title": story.title, "url": story.url},
        "actor": person(actor),
        "watcher_ids": list(story.watchers),
        "mentioned_ids": list(mentioned),
        "comment": comment,
    }
    if story.assignee:
        data["assignee_id"] = story.assignee
        data["assignee_name"] = person(story.assignee)["name"]
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": SOURCE,
        "type": f"story.{what}",
        "time": datetime.now(UTC).isoformat(),
        "subject": f"story/{story.id}",
        "data": data,
    }


def write(client: redis.Redis, stream: str, event: dict[str, Any]) -> None:
    """XADD `event` to the stream that Tidings consumes.

    Safe to repeat when the reply was lost: the event's id stays the same.
    """
    client.xadd(stream, {"event": json.dumps(event)})
