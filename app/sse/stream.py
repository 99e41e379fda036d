"""The life of one stream, as a generator of chunks, each made of whole frames."""

import random
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

from app.errors import DatabaseUnavailable
from app.sse import frame
from app.sse.client import Client
from app.sse.hub import Hub
from app.sse.lookups import Changes, Lookups

# A stream opens without its subscription after this; the confirmation makes it read again. The same
# holds for the count of its user's streams on other machines.
OPENING_WAIT_SECONDS = 2.0
# EventSource's own pause before it reconnects after a cut; browsers' default is 3 to 5 s.
RETRY_MS = 2_000
# At a limit or in a drain, clients come back at a random moment within this.
COME_BACK_WITHIN_MS = 5_000
# A read that takes longer is not waited for in silence: a router wants a byte, a browser a ping.
SILENCE_SECONDS = 5.0
FIRST_BACKOFF_SECONDS = 0.25
MOST_BACKOFF_SECONDS = 5.0


# Seconds until the stream ends, because its token or its time does; negative after that.
SecondsLeft = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Terms:
    """How a stream is kept: times in seconds, `expires_at` in Unix time."""

    keepalive_seconds: float
    max_seconds: float
    expires_at: int


def stream(client: Client, hub: Hub, lookups: Lookups, terms: Terms) -> Iterator[bytes]:
    """Every frame for `client`, until its token or its time ends, or the server drains.

    Nothing is held before the first chunk is asked for: a HEAD request never does. Whatever ends
    the stream, the client leaves the hub.
    """
    if not hub.join(client):
        yield no_room()
        return
    try:
        left = _seconds_left(terms)
        yield from _opening(client, lookups, terms, left)
        yield from _living(client, lookups, terms, left)
    finally:
        hub.leave(client)
        client.close()


def no_room() -> bytes:
    """The only frame of a stream that is one too many."""
    # Not at once: it would be refused again.
    return frame.draining(random.randint(COME_BACK_WITHIN_MS // 5, COME_BACK_WITHIN_MS))  # noqa: S311


def _seconds_left(terms: Terms) -> SecondsLeft:
    ends_at = time.monotonic() + terms.max_seconds * random.uniform(0.9, 1)  # noqa: S311
    return lambda: min(terms.expires_at - time.time(), ends_at - time.monotonic())


def _opening(client: Client, lookups: Lookups, terms: Terms, left: SecondsLeft) -> Iterator[bytes]:
    """`connected`, and what the client lacks."""
    deadline = time.monotonic() + OPENING_WAIT_SECONDS
    while not (_is_ready(client) or client.ending) and client.wait(deadline - time.monotonic()):
        client.pause()
    client.admitted = True  # whoever counts can't be waited for any longer
    # A stream starts at the client's own position. Told a later one, it would skip what lies
    # between if the link broke in mid-replay.
    position = client.position
    changes = yield from _read(client, lookups, left, alive=frame.retry(RETRY_MS))
    if changes is None:
        return
    seq = changes.seq if position is None else position
    yield frame.json_frame(
        "connected",
        {
            "seq": seq,
            "unread": changes.unread,
            "unseen": changes.unseen,
            "expires_at": terms.expires_at,
        },
        seq=seq,
        retry_ms=RETRY_MS,
    )
    yield from _replay(client, changes)


def _is_ready(client: Client) -> bool:
    return client.subscribed and client.admitted


def _living(client: Client, lookups: Lookups, terms: Terms, left: SecondsLeft) -> Iterator[bytes]:
    """Pushes as they come, catch-up when some did not, `ping` when nothing happens."""
    # Of a stream without an outlet; the others are the hub's to ping. Jitter: streams that were
    # opened together don't all ping together.
    pause = terms.keepalive_seconds * random.uniform(0.8, 1)  # noqa: S311
    # One thing in each round: what was queued while a chunk was being written goes out before the
    # database is read, which continues after it.
    while (seconds := left()) > 0:
        client.finish()
        frames = client.take()
        if client.ending:
            yield frames + client.ending
            return
        if frames:
            yield frames
        elif client.behind:
            changes = yield from _read(client, lookups, left, alive=frame.PING)
            if changes:
                yield from _replay(client, changes)
        elif client.outlet:
            client.idle(seconds)
        elif not client.wait(min(seconds, pause)) and pause < seconds:
            yield frame.PING
    client.finish()
    yield _last_frame(client, terms)


def _last_frame(client: Client, terms: Terms) -> bytes:
    if client.barred and client.ending:
        return client.ending
    if time.time() >= terms.expires_at:
        return frame.expired("The token has expired.")
    return frame.draining(random.randint(0, RETRY_MS))  # noqa: S311


def _read(
    client: Client, lookups: Lookups, left: SecondsLeft, alive: bytes
) -> Generator[bytes, None, Changes | None]:
    """Read what changed; while the database is away, wait and give a sign of life.

    None if the stream is to end meanwhile.
    """
    backoff = FIRST_BACKOFF_SECONDS
    while not client.ending and left() > 0:
        client.begin_catch_up()
        try:
            return (yield from _read_once(client, lookups, left, alive))
        except DatabaseUnavailable:
            yield alive
            client.rest(backoff * random.uniform(0.5, 1))  # noqa: S311
            backoff = min(backoff * 2, MOST_BACKOFF_SECONDS)
    return None


def _read_once(
    client: Client, lookups: Lookups, left: SecondsLeft, alive: bytes
) -> Generator[bytes, None, Changes | None]:
    """The same for one read. Raises DatabaseUnavailable."""
    # Asked by another greenlet: a database that hangs answers nobody, not even with an error, and
    # the stream has to give signs of life and to end when it must.
    lookup = lookups.begin(client.user_id, client.position, client.wake)
    try:
        client.rest(min(left(), SILENCE_SECONDS), lookup.ready)
        while not (lookup.ready() or client.ending or left() <= 0):
            yield alive
            client.rest(min(left(), SILENCE_SECONDS), lookup.ready)
        if not lookup.ready() or client.barred or left() <= 0:
            return None
    finally:
        lookup.drop()
    return lookup.get()


def _replay(client: Client, changes: Changes) -> Iterator[bytes]:
    if client.barred:  # while `connected` was being written
        return
    client.caught_up(changes.seq)
    if changes.reset:
        value = {"seq": changes.seq, "unread": changes.unread, "unseen": changes.unseen}
        yield frame.json_frame("reset", {**value, "reason": changes.reset}, seq=changes.seq)
    elif changes.payloads:
        yield b"".join(frame.of_push(payload)[1] for payload in changes.payloads)
