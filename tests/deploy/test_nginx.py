"""deploy/nginx.conf, as it is shipped, in a real nginx before a real gunicorn."""

import json
import secrets
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis
from playwright.sync_api import Browser

from app import MAX_BODY_BYTES
from app.consumer.routes import MAX_POST_BYTES
from tests.conftest import TokenFor
from tests.deploy.shipped import ShippedNginx
from tests.support.consuming import event, send
from tests.support.processes import STREAM_PATH, ConsumerProcess, WebServer
from tests.support.waiting import wait_for

EVENTS = "/api/v1/events"


class TestStream:
    """A stream through nginx is what it is without."""

    def test_frames_come_one_by_one_and_a_cookie_and_a_last_event_id_pass(
        self,
        nginx: ShippedNginx,
        behind: WebServer,
        token_for: TokenFor,
        tmp_path: Path,
    ) -> None:
        cookie = f"access_token_cookie={token_for('ada')}"
        with (
            ConsumerProcess(behind.settings, tmp_path),
            redis.Redis.from_url(behind.settings["REDIS_URL"]) as producer,
            nginx.stream(Cookie=cookie) as stream,
        ):
            assert stream.status == 200
            stream.wait_for_frames(1)
            for number in (1, 2, 3):  # each while the stream stays open
                send(producer, event("ada"))
                stream.wait_for_event(lambda frame, n=str(number): frame.id == n, 30)  # type: ignore[misc]
            assert not stream.ended
        with nginx.stream(Cookie=cookie, Last_Event_ID="1") as stream:
            missed = stream.wait_for_frames(3, 30)
        assert [frame.id for frame in missed] == ["1", "2", "3"]

    def test_it_is_http_2_for_browsers(self, nginx: ShippedNginx) -> None:
        tls = ssl.create_default_context(cafile=str(nginx.certificate))
        tls.set_alpn_protocols(["h2", "http/1.1"])
        with (
            socket.create_connection(("127.0.0.1", nginx.port)) as plain,
            tls.wrap_socket(plain, server_hostname="localhost") as connection,
        ):
            assert connection.selected_alpn_protocol() == "h2"

    def test_who_is_not_authenticated_is_told_so(self, nginx: ShippedNginx) -> None:
        with nginx.stream() as stream:
            assert stream.status == 401

    def test_while_gunicorn_is_away_it_says_when_to_come_back(
        self, nginx: ShippedNginx, behind: WebServer, token_for: TokenFor
    ) -> None:
        behind.stop()
        with nginx.stream(Authorization=f"Bearer {token_for('grace')}") as stream:
            assert stream.status == 200
            assert stream.headers.get_content_type() == "text/event-stream"
            stream.wait_for_end()
            assert (stream.frames, 2000 <= (stream.parser.retry_ms or 0) <= 5000) == ([], True)
        with nginx.http() as client:  # everything else is honest about it
            assert client.get("/api/v1/notifications").status_code == 502

    def test_so_a_native_event_source_survives_a_deploy(
        self, nginx: ShippedNginx, behind: WebServer, token_for: TokenFor, browser: Browser
    ) -> None:
        with browser.new_context(ignore_https_errors=True, bypass_csp=True) as context:
            cookie = {"name": "access_token_cookie", "value": token_for("grace")}
            context.add_cookies([{**cookie, "url": nginx.url}])  # type: ignore[typeddict-item]
            page = context.new_page()
            page.goto(f"{nginx.url}/healthz")
            page.evaluate(
                """path => {
                    window.opened = 0; window.connected = 0;
                    window.source = new EventSource(path);
                    window.source.addEventListener("open", () => window.opened++);
                    window.source.addEventListener("connected", () => window.connected++);
                }""",
                STREAM_PATH,
            )
            page.wait_for_function("connected === 1")
            behind.kill()
            page.wait_for_function("opened >= 2")  # by nginx alone
            behind.start()
            page.wait_for_function("connected === 2")


class TestLimits:
    """What nginx lets through is what Tidings takes."""

    def test_bodies_up_to_what_tidings_takes(
        self, nginx: ShippedNginx, token_for: TokenFor
    ) -> None:
        def post(path: str, size: int) -> httpx.Response:
            with nginx.http(token_for("backend", "events:write")) as client:
                return client.request("POST", path, content=b" " * size, headers=JSON)

        problem = "application/problem+json"
        for path, most in (
            (EVENTS, MAX_POST_BYTES),
            ("/api/v1/notifications/bulk", MAX_BODY_BYTES),
        ):
            fits, too_large = post(path, most), post(path, most + 1)
            assert (fits.status_code, fits.headers["Content-Type"]) == (400, problem)
            assert (too_large.status_code, by_nginx(too_large)) == (413, True)

    def test_what_is_for_operators_is_not_for_the_world(self, nginx: ShippedNginx) -> None:
        with nginx.http() as client:
            for path in ("/metrics", "/metrics/", "/metrics?x"):
                answer = client.get(path)
                assert (answer.status_code, by_nginx(answer)) == (404, True)
            assert client.get("/healthz").status_code == 200

    def test_nobody_is_served_without_tls(self, nginx: ShippedNginx) -> None:
        answer = httpx.get(
            f"http://127.0.0.1:{nginx.plain_port}/x?y", headers={"Host": "evil.example"}
        )
        assert answer.status_code == 301
        assert answer.headers["Location"] == "https://tidings.example.com/x?y"

    def test_one_address_has_a_limit_and_others_do_not_feel_it(self, nginx: ShippedNginx) -> None:
        head = b"POST /api/v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
        crowd: list[socket.socket] = []

        def refused_as_more_come() -> bool:
            # nginx gives up on a body after 10 s: on a busy machine some leave meanwhile.
            for _ in range(100):
                crowd.append(tls_connection(nginx, "127.0.0.2"))
                crowd[-1].sendall(head)
            with nginx.http(address="127.0.0.2") as client:
                return client.get("/healthz").status_code == 429

        wait_for(refused_as_more_come, 60, "nginx to refuse an address with 500 requests")
        assert len(crowd) >= 500
        with nginx.http(address="127.0.0.3") as client:
            assert client.get("/healthz").status_code == 200
        for connection in crowd:
            connection.close()


JSON = {"Content-Type": "application/json"}


def by_nginx(answer: httpx.Response) -> bool:
    """Whether nginx wrote it itself: Tidings' errors are problem details."""
    return answer.headers["Content-Type"] == "text/html"


@pytest.fixture
def upstream() -> Iterator[socket.socket]:
    """What stands where gunicorn does: it records what arrives."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(30)
        yield server


@pytest.fixture
def before_it(upstream: socket.socket, tmp_path: Path) -> Iterator[ShippedNginx]:
    """nginx before the recorder."""
    with ShippedNginx(tmp_path / "nginx", upstream.getsockname()[1]) as server:
        yield server


class TestWhatReachesGunicorn:
    """Requests arrive there whole, and say truly where they are from."""

    def test_a_slow_body_arrives_when_it_is_whole(
        self, before_it: ShippedNginx, upstream: socket.socket
    ) -> None:
        body = json.dumps(event()).encode()
        with tls_connection(before_it) as connection:
            head = f"POST {EVENTS} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode())
            connection.sendall(body[:-1])
            # Others are served meanwhile; had the first been passed on, it would be among them.
            for _ in range(5):
                with tls_connection(before_it) as other:
                    other.sendall(b"GET /other HTTP/1.1\r\nHost: x\r\n\r\n")
                    assert received(upstream).startswith(b"GET /other HTTP/1.1\r\n")
            connection.sendall(body[-1:])
            arrived = received(upstream, until=body)
        assert arrived.startswith(f"POST {EVENTS} HTTP/1.1\r\n".encode())

    def test_a_stranger_can_not_say_where_it_is_from(
        self, before_it: ShippedNginx, upstream: socket.socket
    ) -> None:
        claims = "".join(
            f"{name}: 6.6.6.6\r\n"
            for name in ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded")
        )
        with tls_connection(before_it) as connection:
            connection.sendall(f"GET / HTTP/1.1\r\nHost: x\r\n{claims}\r\n".encode())
            arrived = received(upstream).decode().lower()
        assert "x-forwarded-for: 127.0.0.1\r\n" in arrived
        assert "x-forwarded-proto: https\r\n" in arrived
        assert "6.6.6.6" not in arrived


def tls_connection(nginx: ShippedNginx, address: str = "") -> socket.socket:
    """A connection to nginx from one of this machine's addresses."""
    plain = socket.create_connection(
        ("127.0.0.1", nginx.port), 30, source_address=(address, 0) if address else None
    )
    return nginx.tls.wrap_socket(plain, server_hostname="localhost")


def received(server: socket.socket, until: bytes = b"\r\n\r\n") -> bytes:
    """The next request that arrives, up to and with `until`."""
    connection, _ = server.accept()
    connection.settimeout(30)
    arrived = b""
    with connection:
        while until not in arrived:
            chunk = connection.recv(65536)
            assert chunk, arrived
            arrived += chunk
    return arrived


def test_no_log_of_nginx_holds_a_query_string_or_a_token(
    nginx: ShippedNginx, behind: WebServer, token_for: TokenFor
) -> None:
    canary, token = secrets.token_urlsafe(24), token_for("grace")
    query, referer = f"?ticket={canary}&token={token}", {"Referer": f"https://x/?{canary}"}

    def ask() -> None:
        with nginx.http(token) as client:
            client.get(f"{STREAM_PATH}{query}", headers=referer)
            client.get(f"/healthz{query}", headers=referer)
            client.post(f"{EVENTS}{query}", content=b" " * (MAX_POST_BYTES + 1))
            client.get(f"/metrics{query}")

    nginx.empty_logs()
    ask()
    behind.stop()
    ask()  # which nginx calls an error, and would log with its whole request
    answer = httpx.get(f"http://127.0.0.1:{nginx.plain_port}/{query}")
    assert canary in answer.headers["Location"]
    wait_for(lambda: nginx.logs().count("\n") >= 9, 30, "the log of nine requests")
    assert f'"POST {EVENTS} HTTP/1.1" 413' in nginx.logs()
    assert "upstream=502" in nginx.logs()
    for secret in (canary, token, token.split(".")[1][:40], token.split(".")[2]):
        assert secret not in nginx.logs() + nginx.output()
