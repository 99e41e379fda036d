"""`GET /notifications/subscribe`: the stream."""

import re
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from app.auth import Identity, authenticate_for_stream
from app.auth.tickets import redeem_ticket
from app.describe import Answer, describe
from app.errors import BadRequest, Unauthorized
from app.extensions import settings, tidings
from app.limits import unlimited
from app.sse import answers
from app.sse.client import Client
from app.sse.outlet import outlet_of
from app.sse.room import room
from app.sse.stream import Terms, stream

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

blueprint = Blueprint("sse", __name__)

MAX_SEQ = 2**63 - 1
SEQ_DIGITS = re.compile(r"[0-9]{1,19}")

# A reader that takes nothing for so many keep-alives is gone, or might as well be: it comes back
# and catches up. Without a time-out it would hold its greenlet for ever.
WRITE_TIMEOUT_KEEPALIVES = 2

HEADERS = {
    # No cache may keep a stream, and no proxy may compress it, which would hold frames back.
    "Cache-Control": "no-cache, no-store, no-transform",
    "X-Accel-Buffering": "no",  # nginx
}


@blueprint.get("/notifications/subscribe")
@describe(
    "stream",
    {200: Answer(answers.Frame, "text/event-stream", description=answers.EXAMPLE)},
    query=answers.StreamQuery,
    request_headers=["Last-Event-ID"],
    tickets=True,
    invalid_query=400,
)
@unlimited("MAX_STREAMS and MAX_STREAMS_PER_USER bound it; after a restart all come at once")
def subscribe() -> Response:
    """The caller's stream, from `Last-Event-ID` on.

    It begins with what changed after that position, or, without one, with what changes from now
    on. A frame is one event of an EventSource: new notifications have no name of their own, so
    that `onmessage` gets them. It ends for a reason that its last frame tells; an EventSource
    comes back by itself. At a limit of streams it is `draining` at once.
    """
    caller = _caller()
    the_room = room()
    if caller.expires_at <= time.time():  # a stream has no use for the leeway of clocks
        raise Unauthorized("The token has expired.")
    if the_room.rights.refuses(caller.user_id, caller.token_id, caller.issued_at):
        raise Unauthorized("The token has been revoked.")
    client = Client(caller.user_id, _position(), caller.token_id, caller.issued_at)
    kept = settings()
    terms = Terms(kept.keepalive_seconds, kept.stream_max_seconds, caller.expires_at)
    sock = request.environ.get("gunicorn.socket")
    if sock is not None:
        sock.settimeout(WRITE_TIMEOUT_KEEPALIVES * kept.keepalive_seconds)
        client.hang_up = _hanging_up(sock)
    return _StreamResponse(client, stream(client, the_room.hub, the_room.lookups, terms))


class _StreamResponse(Response):
    """A client's frames, and the client's way past them."""

    def __init__(self, client: Client, frames: Iterator[bytes]) -> None:
        content_type = "text/event-stream; charset=utf-8"
        super().__init__(
            frames, content_type=content_type, headers=HEADERS, direct_passthrough=True
        )
        self._client = client

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        body = super().__call__(environ, start_response)
        if outlet := outlet_of(environ, start_response):
            self._client.write_through(outlet)
        return body


def _caller() -> Identity:
    ticket = request.args.get("ticket")
    return redeem_ticket(tidings().redis, ticket) if ticket else authenticate_for_stream()


def _hanging_up(sock: socket.socket) -> Callable[[], None]:
    def hang_up() -> None:
        # Of a second handle: gevent's shutdown() of the first would make the write fail in a way
        # that gunicorn takes for a defect.
        with suppress(OSError), socket.fromfd(sock.fileno(), sock.family, sock.type) as handle:
            # What this machine still holds for a reader that does not read is thrown away, too.
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handle.shutdown(socket.SHUT_RDWR)

    return hang_up


def _position() -> int | None:
    """The last seq the client has: the header first, which EventSource keeps up to date.

    Raises BadRequest for anything but a number in either; an empty one is none.
    """
    said = [request.headers.get("Last-Event-ID"), *request.args.getlist("last_event_id")]
    if len(said) > 2:
        raise BadRequest("last_event_id, which stands for Last-Event-ID, is repeated.")
    positions = [_seq(text) for text in said if text]
    return positions[0] if positions else None


def _seq(text: str) -> int:
    if not SEQ_DIGITS.fullmatch(text) or int(text) > MAX_SEQ:
        raise BadRequest("Last-Event-ID must be a seq: digits only, at most 2^63 - 1.")
    return int(text)
