"""The dead letters, read past the application."""

import json
from typing import Any

import redis

from tests.chaos.ledger import Key


def dead_keys(client: redis.Redis, stream: str) -> set[Key]:
    """Source and id of every event that is parked."""
    letters: Any = client.xrange(stream)
    keys = set()
    for _, fields in letters:
        event = json.loads(fields[b"original:event"])
        keys.add((event["source"], event["id"]))
    return keys
