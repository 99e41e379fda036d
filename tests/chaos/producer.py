"""A producer as it should be: it repeats an event, under the same id, until Redis has it."""

import json
import random
import threading
import time
from collections.abc import Sequence
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.chaos.ledger import Entry, Ledger

SOURCE = "chaos/producer"
AGAIN_SECONDS = 0.05
# Of all events so many are written twice although Redis acknowledged the first.
REPEATED = 0.05
MOST_RECIPIENTS = 4


def event_json(entry: Entry, padding: int = 0) -> str:
    """The event's text; its recipients find its id in the notification's data."""
    data: dict[str, Any] = {
        "recipients": list(entry.recipients),
        "title": f"Event {entry.id}",
        "data": {"event": entry.id, "source": entry.source, "padding": "x" * padding},
    }
    if entry.poison:
        del data["title"]
    return json.dumps(
        {
            "specversion": "1.0",
            "id": entry.id,
            "source": entry.source,
            "type": "notification.requested",
            "data": data,
        }
    )


class Producer:
    """Writes `count` events for some of `users` over `seconds`, in a thread of its own."""

    def __init__(
        self,
        redis_url: str,
        stream: str,
        ledger: Ledger,
        users: Sequence[str],
        rng: random.Random,
        *,
        repeated: float = REPEATED,
        name: str = "load",
    ) -> None:
        self.ledger = ledger
        self._redis = redis.Redis.from_url(
            redis_url, socket_timeout=1.0, retry=Retry(NoBackoff(), 0)
        )
        self._stream = stream
        self._users = users
        self._rng = rng
        self._repeated = repeated
        self._name = name
        self._number = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, count: int, seconds: float) -> None:
        """Begin to produce."""
        self._thread = threading.Thread(target=self._run, args=(count, seconds), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop at once; an event that Redis has not acknowledged stays without."""
        self._stop.set()
        self.join()

    def join(self) -> None:
        """Wait until everything is written."""
        if self._thread is not None:
            self._thread.join()

    @property
    def running(self) -> bool:
        """Whether it has more to write."""
        return self._thread is not None and self._thread.is_alive()

    def _run(self, count: int, seconds: float) -> None:
        start = time.monotonic()
        for number in range(count):
            self._stop.wait(max(0.0, start + seconds * number / count - time.monotonic()))
            if self._stop.is_set():
                return
            entry = self.intend()
            self.write(entry)
            if self._rng.random() < self._repeated:
                self.write(entry)

    def intend(self, recipients: Sequence[str] = (), *, poison: bool = False) -> Entry:
        """The next event, for these recipients or for some."""
        count = min(len(self._users), self._rng.randint(1, MOST_RECIPIENTS))
        chosen = tuple(recipients or self._rng.sample(self._users, count))
        self._number += 1
        return self.ledger.intend(SOURCE, f"{self._name}-{self._number}", chosen, poison=poison)

    def write(self, entry: Entry, *, padding: int = 0, **options: Any) -> str | None:
        """XADD it until Redis acknowledges, and return the stream entry's id; None if stopped."""
        text = event_json(entry, padding)
        while not self._stop.is_set():
            sent_at = time.monotonic()
            try:
                reply: Any = self._redis.xadd(self._stream, {"event": text}, **options)
            except redis.RedisError:
                self._stop.wait(AGAIN_SECONDS)
                continue
            stream_id: str = reply.decode()
            self.ledger.acked(entry, stream_id, sent_at)
            return stream_id
        return None

    def write_many(self, entries: Sequence[Entry], padding: int = 0) -> None:
        """XADD many in one round trip. Raises redis.RedisError."""
        pipeline = self._redis.pipeline(transaction=False)
        for entry in entries:
            pipeline.xadd(self._stream, {"event": event_json(entry, padding)})
        sent_at = time.monotonic()
        for entry, stream_id in zip(entries, pipeline.execute(), strict=True):
            self.ledger.acked(entry, stream_id.decode(), sent_at)
