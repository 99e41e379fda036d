"""How much may be sent: what is too long, too large or too deep is refused, with a problem."""

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from app import MAX_BODY_BYTES, create_app
from app.consumer.routes import MAX_POST_BYTES
from app.identifiers import MAX_SUBJECT_ID_CHARS, MAX_SUBJECT_TYPE_CHARS
from app.notifications.draft import MAX_KIND_CHARS
from tests.conftest import JWT_SECRET_KEY
from tests.support.databases import SqliteDatabases
from tests.support.processes import WebServer
from tests.support.tokens import sign_token

API = "/api/v1"
JSON = "application/json"
TOKEN = sign_token(JWT_SECRET_KEY, "grace", "events:write", ttl_seconds=3600)
SIGNED = f"Authorization: Bearer {TOKEN}".encode()
SEEN = f"{API}/mailbox/seen"
# Whatever takes JSON.
TAKERS = [
    ("PUT", SEEN),
    ("PATCH", f"{API}/notifications/0190c3a0-0000-7000-8000-000000000000"),
    ("POST", f"{API}/notifications/bulk"),
    ("PUT", f"{API}/preferences"),
    ("POST", f"{API}/events"),
]

Answer = tuple[http.client.HTTPResponse, Any]


@pytest.fixture(scope="module")
def web(
    redis_url_of_module: str,
    sqlite_databases: SqliteDatabases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[WebServer]:
    """One server for all of these."""
    folder = tmp_path_factory.mktemp("limits")
    with sqlite_databases.fresh(folder) as database_url:
        settings = {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url_of_module,
            "JWT_SECRET_KEY": JWT_SECRET_KEY,
            "INSTANCE_PATH": str(folder / "instance"),
        }
        with WebServer(settings, folder) as server:
            yield server


@pytest.fixture(scope="module")
def redis_url_of_module(redis_server: Any) -> str:
    """A Redis that the server shares with other tests: it keeps nothing of these in it."""
    return f"redis://127.0.0.1:{redis_server.port}/0"


def send(web: WebServer, *parts: bytes) -> Answer:
    """Send these bytes as they are, and read one answer and its problem."""
    with closing(socket.create_connection(("127.0.0.1", web.port), timeout=30)) as connection:
        for part in parts:
            connection.sendall(part)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer, json.loads(answer.read() or b"null")


def head(method: str, path: str, *headers: bytes) -> bytes:
    """The head of a request."""
    lines = [f"{method} {path} HTTP/1.1".encode(), b"Host: localhost", *headers, b"", b""]
    return b"\r\n".join(lines)


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (head("GET", "/healthz?" + "x" * 9_000), 414),
        # Far from all of it is read: the answer arrives all the same.
        (head("GET", "/healthz?" + "x" * 50_000), 414),
        (head("GET", "/healthz", b"X-Large: " + b"x" * 10_000), 431),
        (head("GET", "/healthz", b"Cookie: " + b"x" * 60_000), 431),
        (head("GET", "/healthz", *[b"X-One: 1"] * 100), 431),
        (head("GET", "/healthz", b"no header"), 400),
        (head("GET", "/healthz", b"X-Forged: a\rb"), 400),
        (head("GET", "/healthz", b"Content-Length: 5", b"Transfer-Encoding: chunked"), 400),
        (head("POST", SEEN, b"Content-Length: 5", b"Content-Length: 6"), 400),
        (head("POST", SEEN, b"Transfer-Encoding: nonsense"), 501),
        (b"nonsense\r\n\r\n", 400),
        (b"get /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n", 400),
    ],
)
def test_what_gunicorn_refuses_by_itself_is_a_problem_too(
    web: WebServer, request_head: bytes, status: int
) -> None:
    answer, problem = send(web, request_head)
    assert answer.status == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Connection"] == "close"
    assert problem["status"] == status
    assert problem["type"].startswith("urn:tidings:problem:")
    assert problem["title"]
    assert problem["detail"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_the_longest_url_that_makes_sense_fits(web: WebServer) -> None:
    wide = quote("🙂")
    query = (
        f"status=archived&limit=100&cursor={2**63 - 1}&kind={wide * MAX_KIND_CHARS}"
        f"&subject={wide * MAX_SUBJECT_TYPE_CHARS}%2F{wide * MAX_SUBJECT_ID_CHARS}"
    )
    answer, page = send(web, head("GET", f"{API}/notifications?{query}", SIGNED))
    assert (answer.status, page["items"]) == (200, [])


def test_a_browsers_many_cookies_fit(web: WebServer) -> None:
    answer, _ = send(web, head("GET", f"{API}/mailbox", SIGNED, b"Cookie: a=" + b"x" * 8_000))
    assert answer.status == 200


@pytest.mark.parametrize(
    ("method", "path", "most"),
    [("PUT", SEEN, MAX_BODY_BYTES), ("POST", f"{API}/events", MAX_POST_BYTES)],
)
def test_a_body_that_is_too_large_is_refused_however_it_comes(
    web: WebServer, method: str, path: str, most: int
) -> None:
    typed = b"Content-Type: application/json"
    # At once, before any of it was sent.
    answer, problem = send(
        web, head(method, path, SIGNED, typed, f"Content-Length: {most + 1}".encode())
    )
    assert (answer.status, problem["status"]) == (413, 413)
    assert f"at most {most:,} bytes" in problem["detail"]

    # A length that is not said, and an end that never comes.
    chunk = b"%x\r\n%b\r\n" % (most + 1, b" " * (most + 1))
    answer, problem = send(
        web, head(method, path, SIGNED, typed, b"Transfer-Encoding: chunked"), chunk
    )
    assert (answer.status, problem["status"]) == (413, 413)


@pytest.fixture
def client(environment: dict[str, str]) -> Callable[[str, str, bytes], Any]:
    """Sends JSON as Grace, and returns the answer."""
    app: FlaskClient = create_app(environment).test_client()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return lambda method, path, text: app.open(
        path, method=method, data=text, headers=headers, content_type=JSON
    )


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
class TestJson:
    """What is JSON in name only."""

    @pytest.mark.parametrize(("method", "path"), TAKERS)
    @pytest.mark.parametrize(
        "text",
        [
            b"[" * 10_000,
            b"[" * 10_000 + b"]" * 10_000,
            b'{"data":' * 7_000 + b"1" + b"}" * 7_000,
            b'{"up_to":' + b"[" * 250 + b"]" * 250 + b"}",
            b'{"data": Infinity',
            b'{"kind": "\\ud800"}',
            b'{"kind": "\xff"}',
            b"\xef\xbb\xbf{}x",
            b"{'up_to': 1}",
            b"",
        ],
        ids=lambda text: repr(text[:20]),
    )
    def test_is_refused_and_no_stack_is_exhausted(
        self, client: Callable[[str, str, bytes], Any], method: str, path: str, text: bytes
    ) -> None:
        answer = client(method, path, text)
        assert answer.status_code == 400
        assert answer.get_json()["detail"].startswith("The body is not JSON")

    @pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
    @pytest.mark.parametrize(("method", "path"), TAKERS)
    def test_no_number_is_taken_that_json_does_not_have(
        self, client: Callable[[str, str, bytes], Any], method: str, path: str, number: bytes
    ) -> None:
        answer = client(method, path, b'{"up_to": %b, "read": %b}' % (number, number))
        assert answer.status_code in (400, 422)

    @pytest.mark.parametrize(
        ("method", "path", "text", "name"),
        [
            ("PUT", SEEN, b'{"up_to": 1, "up_to": 0}', "up_to"),
            ("PUT", SEEN, b'{"up_to": 0, "up_t\\u006f": 0}', "up_to"),
            (*TAKERS[1], b'{"read": true, "archived": true, "read": false}', "read"),
            (*TAKERS[2], b'{"action": "read", "filter": {"kind": "a", "kind": "b"}}', "kind"),
            (*TAKERS[3], b'{"muted_kinds": [], "muted_kinds": ["a"]}', "muted_kinds"),
        ],
    )
    def test_a_name_that_is_said_twice_is_refused(
        self,
        client: Callable[[str, str, bytes], Any],
        method: str,
        path: str,
        text: bytes,
        name: str,
    ) -> None:
        answer = client(method, path, text)
        assert answer.status_code == 400
        assert answer.get_json()["detail"] == f'The body says "{name}" more than once.'

    def test_an_event_may_be_nested_so_deep_and_no_deeper(
        self, client: Callable[[str, str, bytes], Any]
    ) -> None:
        def posted(levels: int) -> int:
            data = b'{"recipients": ["grace"], "title": "x", "data": %b%b}' % (
                b'{"a":' * levels + b"1",
                b"}" * levels,
            )
            text = b'{"specversion": "1.0", "id": "1", "source": "/t", "type": "%b", "data": %b}'
            answer = client("POST", f"{API}/events", text % (b"notification.requested", data))
            status: int = answer.status_code
            return status

        assert [posted(levels) for levels in (1, 63, 64, 150)] == [202, 202, 422, 422]
