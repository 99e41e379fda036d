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
    return _event(f"story.{what}", data, subject=f"story/{story.id}")


def burst(name: str, actor: str, to: str, count: int) -> list[dict[str, Any]]:
    """`count` events that tell `to` of as many numbered things; each is a notification of its own.

    They carry the burst's name, so that a page can see whether all of it has arrived.
    """
    return [
        _event(
            "notification.requested",
            {
                "recipients": [to],
                "kind": "demo.burst",
                "title": f"{number} of {count} at once",
                # Nobody is told of what they did themselves.
                "actor": None if actor == to else person(actor),
                "data": {"burst": name, "number": number, "of": count},
            },
        )
        for number in range(1, count + 1)
    ]


def _event(kind: str, data: dict[str, Any], **more: str) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": SOURCE,
        "type": kind,
        "time": datetime.now(UTC).isoformat(),
        **more,
        "data": data,
    }


def write(client: redis.Redis, stream: str, event: dict[str, Any]) -> None:
    """XADD `event` to the stream that Tidings consumes.

    Safe to repeat when the reply was lost: the event's id stays the same.
    """
    client.xadd(stream, {"event": json.dumps(event)})
