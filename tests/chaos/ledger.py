"""The ledger: every event that Redis has acknowledged, and who is to be told of it."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

Key = tuple[str, str]


@dataclass(slots=True)
class Entry:
    """One event. `acked_at` is None while Redis never said that it has it (it may have).

    Redis has had it since some moment between `sent_at` and `acked_at`, in monotonic seconds.
    `entries` are the ids of its stream entries: more than one if it was written repeatedly.
    """

    source: str
    id: str
    recipients: tuple[str, ...]
    poison: bool = False
    sent_at: float | None = None
    acked_at: float | None = None
    entries: list[str] = field(default_factory=list)

    @property
    def key(self) -> Key:
        """What makes it the same event wherever it turns up."""
        return (self.source, self.id)


class Ledger:
    """Written by producers, in any thread; read by the checker."""

    def __init__(self) -> None:
        self._entries: dict[Key, Entry] = {}
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Entry]:
        with self._lock:
            return iter(list(self._entries.values()))

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Key) -> Entry | None:
        """The entry of one event."""
        return self._entries.get(key)

    def intend(
        self, source: str, event_id: str, recipients: tuple[str, ...], *, poison: bool = False
    ) -> Entry:
        """Note an event that is about to be written."""
        entry = Entry(source, event_id, recipients, poison)
        with self._lock:
            self._entries[entry.key] = entry
        return entry

    def acked(self, entry: Entry, stream_id: str, sent_at: float) -> None:
        """Note that it was written as `stream_id`, by a command that was sent at `sent_at`."""
        with self._lock:
            entry.entries.append(stream_id)
            if entry.acked_at is None:
                entry.sent_at, entry.acked_at = sent_at, time.monotonic()

    def acked_entries(self) -> list[Entry]:
        """All events that Redis has acknowledged."""
        return [entry for entry in self if entry.acked_at is not None]
