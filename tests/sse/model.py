"""A model of what surrounds the stream room: mailboxes, a lossy Pub/Sub, browsers that check."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from app import bus
from app.errors import DatabaseUnavailable
from app.sse.hub import Hub
from app.sse.lookups import Changes, Lookups
from tests.sse.parts import Answer, Reading, Written, opened, written
from tests.support.sse import Frame

T = TypeVar("T")

# Small, so that a few steps are enough to get too far behind.
REPLAY_LIMIT = 5


@dataclass(frozen=True)
class State:
    """A mailbox as it was at one seq: the latest change of each notification, and the counts."""

    rows: dict[str, int] = field(default_factory=dict)
    unread: int = 0


class Mailbox:
    """One user's notifications, by the rules of `app.notifications`, with its whole history."""

    def __init__(self, user: str) -> None:
        self.user = user
        self.channel = bus.channel_of(user).encode()
        self.created: dict[str, int] = {}
        self.states = [State()]

    @property
    def seq(self) -> int:
        return len(self.states) - 1

    @property
    def now(self) -> State:
        return self.states[-1]

    def create(self) -> bytes:
        """Commit a new notification; its Push."""
        name = f"{self.user}-{len(self.created)}"
        self.created[name] = self.seq + 1
        self.states.append(State({**self.now.rows, name: self.seq + 1}, self.now.unread + 1))
        return self.push_of(name)

    def change(self, number: int) -> bytes:
        """Commit a change of an older notification; its Push."""
        name = self.name(number)
        self.states.append(State({**self.now.rows, name: self.seq + 1}, self.now.unread ^ 1))
        return self.push_of(name)

    def change_all(self) -> bytes:
        """Commit a mailbox-wide change; its Push."""
        self.states.append(State(self.now.rows, unread=0))
        return bus.encode_mailbox({"seq": self.seq, "unread": 0, "user": self.user})

    def name(self, number: int) -> str:
        """One of the notifications there are."""
        return list(self.created)[number % len(self.created)]

    def push_of(self, name: str) -> bytes:
        """The Push that tells of a notification as it is now: as its consumer would repeat it."""
        seq = self.now.rows[name]
        return self._payload(name, new=seq == self.created[name])

    def _payload(self, name: str, *, new: bool) -> bytes:
        encode = bus.encode_created if new else bus.encode_updated
        value = {"kind": "k", "user": self.user, "unread": self.now.unread}
        return encode({"seq": self.now.rows[name], "id": name, **value})

    def changes_since(self, after: int | None) -> Answer:
        """What `app.notifications.changes.changes_since` says now."""
        here = Answer(self.seq, self.now.unread)
        if after is None or after == self.seq:
            return here
        rows = sorted((seq, name) for name, seq in self.now.rows.items() if seq > after)
        if after > self.seq or len(rows) > REPLAY_LIMIT:
            here.reset = "from-the-future" if after > self.seq else "too-far-behind"
            return here
        here.payloads = [self._payload(name, new=self.created[name] > after) for _, name in rows]
        if not rows or rows[-1][0] < self.seq:
            wide = {"seq": self.seq, "unread": self.now.unread, "user": self.user}
            here.payloads.append(bus.encode_mailbox(wide))
        return here


class PubSub:
    """Redis and the listener: forgets what nobody has subscribed to, and loses what it is told to.

    With `eager`, a subscription is confirmed as it is asked for.
    """

    def __init__(self) -> None:
        self.eager = False
        self.wanted: set[bytes] = set()
        self.confirmed: set[bytes] = set()
        self.flying: list[tuple[bytes, bytes]] = []

    def want(self, channel: bytes) -> None:
        self.wanted.add(channel)
        if self.eager:
            self.confirmed.add(channel)

    def unwant(self, channel: bytes) -> None:
        self.wanted.discard(channel)
        self.confirmed.discard(channel)

    def has(self, channel: bytes) -> bool:
        return channel in self.confirmed

    def publish(self, channel: bytes, payload: bytes) -> None:
        if channel in self.confirmed:
            self.flying.append((channel, payload))

    def lose_link(self) -> None:
        self.confirmed.clear()
        self.flying.clear()


class Server:
    """The database's part for the room, in whose reads something may happen."""

    def __init__(self, mailboxes: dict[str, Mailbox]) -> None:
        self.mailboxes = mailboxes
        self.away = 0
        # What happens in the middle of the next reads: before the database is looked at, after it.
        self.plans: list[tuple[Callable[[], None], Callable[[], None]]] = []
        self.lookups = Lookups(self.read_standings, self.read_changes)

    def read_standings(self, users: Sequence[str]) -> dict[str, Changes]:
        if self.away:
            self.away -= 1
            raise DatabaseUnavailable("away")
        return self._in_the_middle(
            lambda: {user: self.mailboxes[user].changes_since(None) for user in users}
        )

    def read_changes(self, user_id: str, after: int | None) -> Answer:
        if self.away:
            self.away -= 1
            raise DatabaseUnavailable("away")
        return self._in_the_middle(lambda: self.mailboxes[user_id].changes_since(after))

    def last_seqs(self, users: Sequence[str]) -> dict[str, int]:
        return self._in_the_middle(lambda: {user: self.mailboxes[user].seq for user in users})

    def _in_the_middle(self, look: Callable[[], T]) -> T:
        before, after = self.plans.pop(0) if self.plans else (lambda: None, lambda: None)
        before()
        seen = look()
        after()
        return seen


class Browser:
    """A tab that believes what it is told, and checks each frame against the mailbox's history."""

    def __init__(
        self,
        mailbox: Mailbox,
        position: int | None,
        hostile: bool = False,
        outlet: bool = False,
    ) -> None:
        self.mailbox = mailbox
        self.outlet = outlet
        self.position = position
        self.hostile = hostile  # its position is made up
        self.state = State({}, 0)
        if position is not None and position <= mailbox.seq:
            # It comes from the list, which it read at that seq.
            self.state = mailbox.states[position]
        self.reading: Reading | Written | None = None
        self.frames = 0
        self.idle = False

    def connect(self, hub: Hub, server: Server) -> None:
        """Open a stream from where the last one ended."""
        user = self.mailbox.user
        open_stream = written if self.outlet else opened
        self.reading = open_stream(hub, server.lookups, self.position, user_id=user)
        self.frames = 0

    def disconnect(self) -> None:
        """Close the tab's connection, wherever its stream is."""
        if self.reading is not None:
            self.reading.close()
            self.reading = None

    def step(self) -> None:
        """Take one chunk; `idle` says whether there was nothing in it, or nothing but a ping."""
        assert self.reading is not None
        try:
            frames = self.reading.next()
        except StopIteration:
            self.reading, frames = None, []
        if isinstance(self.reading, Written):
            self.idle = self.reading.idle and not frames
        else:
            self.idle = [frame.event for frame in frames] == ["ping"]
        for frame in frames:
            self._take(frame)
            self.frames += 1

    def _take(self, frame: Frame) -> None:
        if frame.event in ("ping", "draining"):
            assert frame.id is None, "it has no place in the order"
            return
        data = frame.json()
        assert frame.id == str(data["seq"])
        assert (frame.event == "connected") == (self.frames == 0), "the first, and it alone"
        match frame.event:
            case "connected":
                self._connected(data)
            case "reset":
                assert self.hostile or data["seq"] > (self.position or 0)
                assert data["reason"] in ("too-far-behind", "from-the-future")
                self._refetch(data)
            case _:
                self._changed(frame.event, data)
        self.position = data["seq"]

    def _connected(self, data: dict[str, Any]) -> None:
        assert self.position in (None, data["seq"]), "a stream goes on from the client's position"
        if self.position is None:
            self._refetch(data)

    def _refetch(self, data: dict[str, Any]) -> None:
        self.hostile = False
        # The list as it may be at worst: not newer than what the server said.
        self.state = self.mailbox.states[data["seq"]]
        assert data["unread"] == self.state.unread

    def _changed(self, event: str, data: dict[str, Any]) -> None:
        seq, rows = data["seq"], dict(self.state.rows)
        assert self.position is not None
        assert seq > self.position, f"{seq} after {self.position}"
        assert data["user"] == self.mailbox.user, "somebody else's"
        if event != "mailbox":
            name = data["id"]
            assert self.mailbox.states[seq].rows[name] == seq, "it did not change there"
            assert (name in rows) == (event == "updated"), f"{name} comes as {event}"
            rows[name] = seq
        self.state = State(rows, data["unread"])

    def take_less(self, room: int | None) -> None:
        """Have its socket take so many bytes at most of the next frame that is written directly."""
        if isinstance(self.reading, Written):
            self.reading.socket.takes = room

    def assert_it_knows_all(self) -> None:
        """It has been told all that there is, and its place is the mailbox's."""
        assert self.position == self.mailbox.seq
        assert self.state == self.mailbox.now
