"""Consumers that a test drives turn by turn, and a look at what they leave behind."""

import itertools
import json
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import redis
from sqlalchemy import select

from app import bus
from app.bus import Push
from app.consumer.consumer import Consumer, Stored
from app.consumer.handlers import audience_of
from app.consumer.stream import EventStream, Names
from app.database import reading
from app.notifications.audience import resolve
from app.notifications.delivery import deliver
from app.notifications.draft import Draft
from app.notifications.mailboxes import mailbox_of
from app.notifications.models import Notification

Json = dict[str, Any]

# The settings' defaults, spelt out: producers and operators rely on them.
STREAM, GROUP, DEAD_LETTERS = "events", "tidings", "events:dead"
NAMES = Names(STREAM, GROUP, DEAD_LETTERS)

_numbers = itertools.count(1)


def event(*recipients: str, **attributes: Any) -> Json:
    """An event that tells `recipients` (or grace), with changed attributes; its title is its id."""
    event_id = attributes.get("id", f"e-{next(_numbers)}")
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": "/tests",
        "type": "notification.requested",
        "data": {"recipients": list(recipients or ["grace"]), "title": event_id},
        **attributes,
    }


def send(client: redis.Redis, *events: Json) -> list[bytes]:
    """XADD events as a producer does; the ids of their entries."""
    return [send_fields(client, {b"event": json.dumps(event).encode()}) for event in events]


def send_fields(client: redis.Redis, fields: dict[bytes, bytes]) -> bytes:
    """XADD an entry as it is; its id."""
    entry_id: Any = client.xadd(STREAM, fields)  # type: ignore[arg-type] # its dict is invariant
    assert isinstance(entry_id, bytes)
    return entry_id


def store(drafts: Sequence[Draft]) -> Stored:
    """The application's own deliver(); it needs an application context."""
    delivery = deliver(drafts, datetime.now(UTC))
    return Stored(delivery.pushes, delivery.created)


def consumer(
    client: redis.Redis,
    name: str = "one",
    *,
    stream: EventStream | None = None,
    deliver: Callable[[Sequence[Draft]], Stored] = store,
    publish: Callable[[Iterable[Push]], None] | None = None,
    batch: int = 200,
    clock: Callable[[], float] = time.monotonic,
) -> Consumer:
    """A consumer as `flask consumer run` builds it, but for what the test replaces."""
    stream = stream or EventStream(client, NAMES, name)
    stream.ensure_group()
    publish = publish or (lambda pushes: bus.publish(client, pushes))
    return Consumer(stream, audience_of, resolve, deliver, publish, batch, clock)


def finish(worker: Consumer, most_turns: int = 100) -> None:
    """Turn after turn, until nothing is left."""
    for _ in range(most_turns):
        if not worker.turn(None).taken:
            return
    raise AssertionError(f"there is still something to do after {most_turns} turns")


def told(user_id: str) -> list[str]:
    """The ids of the events that the user was told of, in order.

    Fails unless they have the seqs 1, 2, 3… and the mailbox counts them all.
    """
    with reading() as session:
        query = select(Notification).where(Notification.user_id == user_id)
        rows = session.scalars(query.order_by(Notification.seq)).all()
        mailbox = mailbox_of(session, user_id)
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    assert (mailbox.last_seq, mailbox.unread, mailbox.unseen) == (len(rows),) * 3
    return [row.event_id for row in rows]


def pending(client: redis.Redis) -> list[bytes]:
    """The ids of the entries that a consumer has and has not acknowledged."""
    return [entry["message_id"] for entry in _pending(client)]


def _pending(client: redis.Redis) -> list[Json]:
    found: Any = client.xpending_range(STREAM, GROUP, min="-", max="+", count=10_000)
    return list(found)


def let_idle(client: redis.Redis, milliseconds: int = 60_000) -> None:
    """Make all pending entries look untouched for so long, each with the consumer that has it."""
    for entry in _pending(client):
        client.xclaim(
            STREAM,
            GROUP,
            entry["consumer"],
            min_idle_time=0,
            message_ids=[entry["message_id"]],
            idle=milliseconds,
            justid=True,
        )


def dead_letters(client: redis.Redis) -> list[dict[bytes, bytes]]:
    """The fields of every dead letter, oldest first."""
    found: Any = client.xrange(DEAD_LETTERS)
    return [fields for _, fields in found]


class Pushes:
    """What is published to users from here on; `with` ends it."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._pubsub = client.pubsub()  # type: ignore[no-untyped-call]
        self._pubsub.psubscribe(bus.channel_of("*"))
        self._pubsub.subscribe("end-of-test")
        for _ in range(2):
            assert self._pubsub.get_message(timeout=5) is not None

    def all(self) -> list[tuple[str, Json]]:
        """All until now, in order: user id and JSON."""
        # Redis keeps the order: what was published before this comes before it.
        self._client.publish("end-of-test", "")
        found = []
        while (message := self._pubsub.get_message(timeout=5))["type"] != "message":
            channel = message["channel"].decode()
            found.append((channel.removeprefix(bus.USER_CHANNEL_PREFIX), _json(message["data"])))
        return found

    def titles(self) -> list[tuple[str, int, str]]:
        """All until now, in order: user id, seq, title."""
        return [(user, push["seq"], push["title"]) for user, push in self.all()]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pubsub.close()


def _json(payload: bytes) -> Json:
    value: Json = json.loads(payload)
    return value
