"""Dead letters: events that could not be processed, with the reason, in a stream of their own."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import redis

from app.consumer.entry import Entry, Fields

# Beside these two, a dead letter keeps the fields of its entry as they came, under this prefix.
REASON = b"reason"
ENTRY = b"entry"
ORIGINAL = b"original:"

PAGE = 500


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A parked event: `id` names the dead letter, `entry` the stream entry that it was."""

    id: str
    entry: str
    reason: str
    fields: Fields

    @property
    def parked_at(self) -> datetime:
        """When it was parked, by Redis' clock."""
        return datetime.fromtimestamp(int(self.id.partition("-")[0]) / 1000, UTC)


def fields_of(entry: Entry, reason: str) -> dict[bytes, bytes]:
    """The fields of the dead letter that `entry` becomes."""
    original = {ORIGINAL + name: value for name, value in entry.fields.items()}
    return {REASON: reason.encode(), ENTRY: entry.id, **original}


class DeadLetters:
    """All methods raise redis.RedisError."""

    def __init__(self, client: redis.Redis, dead_letter_stream: str, event_stream: str) -> None:
        self._redis = client
        self._stream = dead_letter_stream
        self._event_stream = event_stream

    def __len__(self) -> int:
        return int(self._redis.xlen(self._stream))

    def __iter__(self) -> Iterator[DeadLetter]:
        """Every dead letter, oldest first."""
        after = "-"
        while page := self._range(after, "+"):
            yield from page
            after = "(" + page[-1].id

    def find(self, ids: Iterable[str]) -> list[DeadLetter]:
        """Those of `ids` that exist."""
        return [letter for wanted in ids for letter in self._range(wanted, wanted)]

    def _range(self, first: str, last: str) -> list[DeadLetter]:
        items: Any = self._redis.xrange(self._stream, min=first, max=last, count=PAGE)
        return [_dead_letter(letter_id, fields) for letter_id, fields in items]

    def retry(self, letter: DeadLetter) -> str:
        """Put a parked event back on the event stream; the id of its new entry.

        Written anew and deleted in one step: never lost, never there twice.
        """
        pipeline = self._redis.pipeline(transaction=True)
        # Trimmed before it was parked, it has no fields; XADD needs one.
        fields: Any = letter.fields or {b"event": b""}
        pipeline.xadd(self._event_stream, fields)
        pipeline.xdel(self._stream, letter.id)
        entry_id: bytes = pipeline.execute()[0]
        return entry_id.decode()

    def drop(self, ids: Iterable[str]) -> int:
        """Delete those of `ids` that exist; how many did."""
        wanted = list(ids)
        return int(self._redis.xdel(self._stream, *wanted)) if wanted else 0


def _dead_letter(letter_id: bytes, fields: dict[bytes, bytes]) -> DeadLetter:
    return DeadLetter(
        letter_id.decode(),
        fields.get(ENTRY, b"").decode(),
        fields.get(REASON, b"").decode(errors="replace"),
        {
            name.removeprefix(ORIGINAL): value
            for name, value in fields.items()
            if name.startswith(ORIGINAL)
        },
    )
