"""Redis Pub/Sub: the names of the channels, the encoding of a Push, PUBLISH."""

import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson
import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

log = logging.getLogger(__name__)

# Part of the outside contract: other services may publish here too.
USER_CHANNEL_PREFIX = "user-notifications:"

CONNECT_TIMEOUT_SECONDS = 3.0
# A blocked read (XREADGROUP) must end before this, or its reply is lost with the connection.
SOCKET_TIMEOUT_SECONDS = 5.0
# A command may have been executed although its reply was lost. What is sent through this
# connection is safe to repeat (an event has an id, a Push has a seq), so one quick retry bridges
# a restarted server; waiting longer is for callers, who can say what they are waiting for.
RETRY = Retry(ExponentialBackoff(cap=0.2, base=0.05), retries=1)


@dataclass(frozen=True, slots=True)
class Push:
    """One change of a mailbox on its way to the recipient's open streams."""

    user_id: str
    payload: bytes


def connect(url: str, **options: Any) -> redis.Redis:
    """A Redis client with time-outs; it opens its first connection at its first command."""
    settings = {
        "socket_connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "socket_timeout": SOCKET_TIMEOUT_SECONDS,
        "socket_keepalive": True,
        "retry": RETRY,
        **options,
    }
    if url.startswith("unix://"):
        # A Unix socket has no TCP keep-alive, and redis-py refuses the option there.
        del settings["socket_keepalive"]
    return redis.Redis.from_url(url, **settings)


def channel_of(user_id: str) -> str:
    """The Pub/Sub channel of one user."""
    return USER_CHANNEL_PREFIX + user_id


# The second key of a Push says what it is, so that a listener needs no JSON parser: every Push
# begins with its seq, and then
#   "id"      a new notification       -> a frame without a name, for a plain onmessage handler
#   "kind"    a changed notification   -> `updated`
#   "unread"  a mailbox-wide change    -> `mailbox`
EVENT_OF_SECOND_KEY: Mapping[bytes, str | None] = {
    b"id": None,
    b"kind": "updated",
    b"unread": "mailbox",
}
# The beginning of a Push of ours, with the digits of its seq and the second key as groups; None for
# what another service published.
match_prefix = re.compile(rb'\{"seq":([1-9][0-9]{0,18}),"(id|kind|unread)":').match


def encode_created(notification: Mapping[str, Any]) -> bytes:
    """A new notification as a Push: `seq` first, then `id`."""
    return _encode(notification, ("seq", "id"))


def encode_updated(notification: Mapping[str, Any]) -> bytes:
    """A changed notification as a Push: `seq` first, then `kind`."""
    return _encode(notification, ("seq", "kind"))


def encode_mailbox(mailbox: Mapping[str, Any]) -> bytes:
    """A mailbox-wide change as a Push: `seq` first, then `unread`."""
    return _encode(mailbox, ("seq", "unread"))


def encode_json(value: Mapping[str, Any]) -> bytes:
    """One line of compact JSON in UTF-8, also for readers that know more line ends than SSE.

    Raises ValueError for NaN and infinities, which JSON can't say.
    """
    line = _dumps(value)
    if not line.isascii():
        for char, escaped in _LINE_ENDS_ELSEWHERE.items():
            line = line.replace(char, escaped)
    return line


def json_text(value: Mapping[str, Any]) -> str:
    """Compact JSON for a column. Raises ValueError for NaN and infinities."""
    return _dumps(value).decode()


# SSE knows CR and LF alone, which JSON escapes. Readers that split lines as Unicode (and Python's
# splitlines) do would cut a frame at these, which JSON may escape.
_LINE_ENDS_ELSEWHERE = {
    "\x85".encode(): b"\\u0085",
    "\u2028".encode(): b"\\u2028",
    "\u2029".encode(): b"\\u2029",
}


def _dumps(value: Mapping[str, Any]) -> bytes:
    """By orjson, which takes a tenth of json's 5 µs for a notification, and writes the same bytes
    but for some floats (0.00006, where json says 6e-05).

    What it refuses (integers past 64 bits) or would change (NaN becomes null) is left to json.
    """
    try:
        line = orjson.dumps(value, option=_AS_JSON_DOES)
    except TypeError:
        return _thorough_dumps(value).encode()
    # A null more than there are in the object itself is within one of its values, or was a NaN.
    may_have_nan = line.count(b"null") > [*value.values()].count(None)
    return _thorough_dumps(value).encode() if may_have_nan else line


_AS_JSON_DOES = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
_thorough_dumps: Callable[[Any], str] = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), allow_nan=False
).encode


def _encode(value: Mapping[str, Any], first: tuple[str, ...]) -> bytes:
    if tuple(islice(value, len(first))) != first:
        value = {**{name: value[name] for name in first}, **value}
    return encode_json(value)


def seq_and_event(payload: bytes) -> tuple[int, str | None] | None:
    """The seq and the event's name of a Push of ours; None for what another service published."""
    prefix = match_prefix(payload)
    return prefix and (int(prefix[1]), EVENT_OF_SECOND_KEY[prefix[2]])


def foreign_object(payload: bytes) -> bytes | None:
    """What another service published, as one line of JSON; None if it is not a JSON object."""
    try:
        value = json.loads(payload)
        return encode_json(value) if isinstance(value, dict) else None
    except (ValueError, RecursionError):
        return None


def publish_or_log(client: redis.Redis, pushes: Iterable[Push]) -> None:
    """PUBLISH what is committed. If Redis is away, the sweeps deliver it, and the log says so."""
    try:
        publish(client, pushes)
    except redis.RedisError as error:
        log.warning("Redis does not answer; the sweep will deliver this change: %s", error)


def publish(client: redis.Redis, pushes: Iterable[Push]) -> None:
    """PUBLISH all of `pushes` in their order. Raises redis.RedisError."""
    waiting = iter(pushes)
    while some := list(islice(waiting, MOST_IN_A_SCRIPT)):
        arguments = [part for push in some for part in (channel_of(push.user_id), push.payload)]
        client.eval(_PUBLISH, 0, *arguments)


# Redis does nothing else meanwhile: some milliseconds.
MOST_IN_A_SCRIPT = 1_000
# As one command a Push takes 2.9 µs of our time; in a pipeline of PUBLISHes, each of which redis-py
# packs and hears the answer of by itself, 5.3.
_PUBLISH = """
for i = 1, #ARGV, 2 do redis.call('PUBLISH', ARGV[i], ARGV[i + 1]) end
"""
