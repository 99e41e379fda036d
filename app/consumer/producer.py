"""How an event gets onto the stream."""

from collections.abc import Mapping
from typing import Any

import redis

from app.consumer.envelope import encode


def emit(client: redis.Redis, stream: str, event: Mapping[str, Any]) -> str:
    """XADD one CloudEvent and return its stream entry's id. Raises redis.RedisError.

    A retry after a lost reply may write it twice; the event's own `id` makes that harmless.
    """
    entry_id: bytes = client.xadd(stream, encode(event))  # type: ignore[arg-type,assignment]
    return entry_id.decode()
