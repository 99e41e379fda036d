"""What an operator wants to know of the stream and its consumers."""

from typing import Any

import redis

from app.consumer.dead_letters import DeadLetters
from app.consumer.stream import Names

PAGE = 1_000
# Redis before 7.0 does not know the lag; counting it means reading what waits.
MOST_COUNTED = 100_000


def info(client: redis.Redis, names: Names) -> dict[str, Any]:
    """Length, lag, pending, consumers with idle time, dead letters. Raises redis.RedisError.

    `lag` is what no consumer has had yet; None if that can't be known. `trimmed` is what a
    consumer had, and what was gone before it was processed. A stream or group that does not exist
    yet is an empty one.
    """
    trimmed: Any = client.get(names.trimmed)
    group = _group(client, names)
    return {
        "stream": names.stream,
        "group": names.group,
        "length": client.xlen(names.stream),
        "lag": _lag(client, names.stream, group),
        "pending": group["pending"] if group else 0,
        "consumers": _consumers(client, names) if group else [],
        "dead_letters": len(DeadLetters(client, names.dead_letters, names.stream)),
        "trimmed": int(trimmed or 0),
    }


def _group(client: redis.Redis, names: Names) -> dict[str, Any] | None:
    if not client.exists(names.stream):
        return None
    groups = client.xinfo_groups(names.stream)
    return next((group for group in groups if group["name"].decode() == names.group), None)


def _consumers(client: redis.Redis, names: Names) -> list[dict[str, Any]]:
    members = client.xinfo_consumers(names.stream, names.group)
    return [
        {
            "name": member["name"].decode(),
            "pending": member["pending"],
            "idle_ms": member["idle"],
        }
        for member in members
    ]


def _lag(client: redis.Redis, stream: str, group: dict[str, Any] | None) -> int | None:
    length = int(client.xlen(stream))
    if group is None:
        return length
    if group.get("lag") is not None:
        # Redis 7.0 goes on counting entries that were trimmed before anybody read them.
        return min(int(group["lag"]), length)
    after, count = group["last-delivered-id"].decode(), 0
    while count <= MOST_COUNTED:
        page: Any = client.xrange(stream, min=f"({after}", count=PAGE)
        count += len(page)
        if len(page) < PAGE:
            return count
        after = page[-1][0].decode()
    return None
