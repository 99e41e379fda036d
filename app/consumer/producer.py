"""How an event gets onto the stream."""

from collections.abc import Mapping, Sequence
from typing import Any

import redis

from app.consumer.envelope import encode


def emit(client: redis.Redis, stream: str, event: Mapping[str, Any]) -> str:
    """XADD one CloudEvent and return its stream entry's id. Raises redis.RedisError.

    A retry after a lost reply may write it twice; the event's own `id` makes that harmless.
    """
    entry_id: bytes = client.xadd(stream, encode(event))  # type: ignore[arg-type,assignment]
    return entry_id.decode()


def emit_all(client: redis.Redis, stream: str, entries: Sequence[Mapping[str, str]]) -> list[str]:
    """XADD what `encode` made of several events, all or none; their entries' ids, in order.

    Raises redis.RedisError. After a ConnectionError or a TimeoutError they may be written all the
    same, even twice; the events' own ids make that, and a retry, harmless. After any other error
    none is.
    """
    pipeline = client.pipeline(transaction=True)
    for fields in entries:
        pipeline.xadd(stream, fields)  # type: ignore[arg-type] # its dict is invariant
    # What Redis refuses while it queues (OOM, READONLY, NOPERM, MISCONF) it aborts as a whole.
    replies = pipeline.execute(raise_on_error=False)
    refusals = [reply for reply in replies if isinstance(reply, Exception)]
    if refusals:
        _take_back(client, stream, [reply for reply in replies if isinstance(reply, bytes)])
        raise refusals[0]
    return [entry_id.decode() for entry_id in replies]


def _take_back(client: redis.Redis, stream: str, ids: Sequence[bytes]) -> None:
    """Delete what EXEC wrote before it was refused the rest: it does not roll back.

    All entries go to one key, so that a wrong type refuses all of them alike; a stream that runs
    out of ids does not. A consumer may have been faster; it then told of an event that the producer
    will send again, which tells of it only once.
    """
    if ids:
        client.xdel(stream, *ids)
