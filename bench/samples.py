"""What the bench sends: notifications as the app encodes them, and events as producers do."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from uuid_utils.compat import uuid7

from app import bus
from app.notifications.models import Notification
from app.notifications.representation import notification_payload
from bench.wire import command

# Without its seq's digits.
PAYLOAD_BYTES = 400

KIND = "story.assigned"
ACTOR = {"id": "ada", "name": "Ada"}
SUBJECT = {"type": "story", "id": "42", "title": "Login"}
TITLE = "Ada assigned Login to you"


def user_ids(prefix: str, count: int) -> list[str]:
    """User ids of one length, apart from those with another prefix."""
    return [f"{prefix}-{number:06d}" for number in range(count)]


class Publishes:
    """PUBLISH commands: user after user in turn, each user's seqs being 1, 2, 3…

    A whole lap is encoded at once and cut: a command by itself would cost the load client more
    than Redis takes to execute it.
    """

    def __init__(
        self,
        users: Sequence[str],
        wrapped: tuple[bytes, bytes] = (b"", b""),
        payload_bytes: int = PAYLOAD_BYTES,
    ) -> None:
        """A notification of `payload_bytes` for each user, made by the app's own encoder.

        `wrapped` is what is put around it, for servers that publish something else. The users'
        ids must be of one length.
        """
        self._channels = [bus.channel_of(user).encode() for user in users]
        if len({len(channel) for channel in self._channels}) > 1:
            raise ValueError("users' ids differ in length, and so would their commands")
        tail = _tail("x" * (payload_bytes - len(_tail("")) - len(_HEAD)))
        self._before, self._after = wrapped[0] + _HEAD, tail + wrapped[1]
        self._laps: dict[int, bytes] = {}

    def __call__(self, first: int, count: int) -> bytes:
        """`count` commands, from number `first` on."""
        users, parts = len(self._channels), []
        while count > 0:
            lap, start = divmod(first, users)
            some = min(count, users - start)
            text = self._lap(lap)
            size = len(text) // users
            parts.append(text[start * size : (start + some) * size])
            first, count = first + some, count - some
        return b"".join(parts)

    def _lap(self, lap: int) -> bytes:
        if lap not in self._laps:
            payload = b"%b%d%b" % (self._before, lap + 1, self._after)
            rest = b"\r\n$%d\r\n%b\r\n" % (len(payload), payload)
            head = b"*3\r\n$7\r\nPUBLISH\r\n$%d\r\n" % len(self._channels[0])
            # Only the last one or two are needed again.
            self._laps = {
                lap - 1: self._laps.get(lap - 1, b""),
                lap: b"".join([head + channel + rest for channel in self._channels]),
            }
        return self._laps[lap]


_HEAD = b'{"seq":'


def _tail(body: str) -> bytes:
    row = Notification(
        id=uuid7(),
        user_id="anybody",
        seq=1,
        created_seq=1,
        kind=KIND,
        reason="assigned",
        title=TITLE,
        body=body,
        url="/stories/42",
        actor=ACTOR,
        subject_type=SUBJECT["type"],
        subject_id=SUBJECT["id"],
        subject_title=SUBJECT["title"],
        data={},
        count=1,
        created_at=datetime.now(UTC),
    )
    payload = notification_payload(row, 1, 1, new=True)
    return payload.removeprefix(_HEAD + b"1")


def event(event_id: str, user: str) -> bytes:
    """The CloudEvents JSON that asks for one notification of one user."""
    data = {
        "recipients": [user],
        "kind": KIND,
        "title": TITLE,
        "body": "x" * 60,
        "url": "/stories/42",
        "actor": ACTOR,
        "subject": SUBJECT,
        "data": {},
    }
    envelope = {
        "specversion": "1.0",
        "id": event_id,
        "source": "/bench",
        "type": "notification.requested",
        "time": datetime.now(UTC).isoformat(),
        "data": data,
    }
    return json.dumps(envelope, separators=(",", ":")).encode()


def comment(event_id: str, user: str) -> bytes:
    """The CloudEvents JSON of a comment on a story of the user's own, which the user follows."""
    data = {
        "story": {"id": user, "title": "Login", "url": "/stories/42"},
        "actor": ACTOR,
        "comment": "x" * 60,
    }
    envelope = {
        "specversion": "1.0",
        "id": event_id,
        "source": "/bench",
        "type": "story.commented",
        "time": datetime.now(UTC).isoformat(),
        "data": data,
    }
    return json.dumps(envelope, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Additions:
    """XADD commands: an event for user after user in turn."""

    stream: str
    users: Sequence[str]
    # Begins every event's id: what is sent twice would be told once.
    label: str
    # (event id, user) -> the event's JSON.
    make: Callable[[str, str], bytes] = event

    def __call__(self, first: int, count: int) -> bytes:
        """`count` commands, from number `first` on."""
        return b"".join([self._one(number) for number in range(first, first + count)])

    def _one(self, number: int) -> bytes:
        text = self.make(f"{self.label}-{number}", self.users[number % len(self.users)])
        return command(b"XADD", self.stream.encode(), b"*", b"event", text)
