"""What gunicorn refuses before the application sees it, as problem details like all errors."""

import socket
from http import HTTPStatus

from gunicorn import util

from app.errors import problem_of
from app.ops.headers import EVERYWHERE

UNEXPECTED = "Something went wrong here; it has been logged."


def write_refusal(client: socket.socket, status: int, reason: str, message: str) -> None:
    """In the place of `gunicorn.util.write_error`, which writes HTML. Closes the connection."""
    response = problem_of(HTTPStatus(status), message or UNEXPECTED).response()
    body = response.get_data()
    headers = {
        **EVERYWHERE,
        **response.headers,
        "Connection": "close",
        "Content-Length": str(len(body)),
    }
    lines = [
        f"HTTP/1.1 {status} {reason}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    util.write_nonblock(client, "\r\n".join([*lines, "", ""]).encode("latin-1") + body)
    # Closed at once, with what the client still sends unread, the answer would be lost in a reset.
    util.close_graceful(client)
