"""A ticket stands in a URL, and no URL's query string reaches a log, whatever goes wrong."""

import socket
from urllib.parse import urlsplit

import pytest

from tests.conftest import StartWeb, TokenFor
from tests.support.processes import STREAM_PATH, WebServer

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

API = "/api/v1"
# Characters as tickets have them, and made up: it opens nothing.
UNKNOWN = "unknown-ticket-_Zm9yZ2VkIGFuZCB3b3J0aCBub3RoaW5n"


def raw(web: WebServer, text: str) -> bytes:
    """What the server answers to these bytes, however little of HTTP they are."""
    parts = urlsplit(web.url)
    assert parts.port
    with socket.create_connection(("127.0.0.1", parts.port), timeout=30) as connection:
        connection.sendall(text.encode("latin-1"))
        connection.shutdown(socket.SHUT_WR)
        return connection.makefile("rb").read()


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_no_ticket_is_ever_logged(
    start_web: StartWeb, token_for: TokenFor, log_format: str
) -> None:
    web = start_web(APP_ENV="production", LOG_FORMAT=log_format, KEEPALIVE_SECONDS="0.5")
    token = token_for("grace")
    with web.http(token, timeout=30) as client:
        ticket = client.post(f"{API}/stream-tickets").json()["ticket"]
        with web.stream(query=f"?ticket={ticket}") as stream:
            stream.wait_for_event(lambda frame: frame.event == "connected")
        statuses = [
            client.request(method, path, params={"ticket": shown}).status_code
            for shown in (ticket, UNKNOWN)
            for method, path in (
                ("GET", STREAM_PATH),
                ("HEAD", STREAM_PATH),
                ("POST", STREAM_PATH),
                ("GET", f"{API}/mailbox"),
                ("GET", f"{API}/notifications"),
                ("GET", f"{API}/nothing"),
                ("GET", f"{STREAM_PATH}/"),
                ("GET", "/healthz"),
            )
        ]
        assert {200, 401, 404, 405, 422} <= set(statuses)
        bad = client.get(
            STREAM_PATH, params={"ticket": UNKNOWN}, headers={"Last-Event-ID": "not a seq"}
        )
        assert bad.status_code in (400, 401)
    for shown in (ticket, UNKNOWN):
        path = f"{STREAM_PATH}?ticket={shown}"
        for request in (
            f"GET {path} HTTP/9.9\r\n\r\n",
            f"GET {path} and more HTTP/1.1\r\nHost: x\r\n\r\n",
            f"GET {path}\r\n\r\n",
            f"G(T {path} HTTP/1.1\r\nHost: x\r\n\r\n",
            f"GET {path} HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n",
            f"GET {path}&x={'y' * 9_000} HTTP/1.1\r\nHost: x\r\n\r\n",
            f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
        ):
            raw(web, request)
    web.terminate()
    printed = web.output()
    assert "Invalid HTTP request line" in printed  # it does log
    for shown in (ticket, UNKNOWN):
        assert shown not in printed
    assert "ticket=" not in printed
