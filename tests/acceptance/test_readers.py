"""Readers that know nothing of each other read the same from our streams."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
import redis
from httpx_sse import connect_sse
from playwright.sync_api import Page

from tests.acceptance.test_one_event import curl, frames_of, writing_to
from tests.conftest import StartConsumer, StartWeb, TokenFor
from tests.support.browser import open_page_of_a_product
from tests.support.processes import STREAM_PATH, WebServer
from tests.support.waiting import wait_for

# (id, data) of each event that reaches a plain message handler.
Received = list[tuple[str, str]]
Reader = Callable[[], Received]

NODE_READER = Path(__file__).with_name("node_reader.mjs")

# What has broken readers before: other line ends than the standard's, a byte order mark, text that
# looks like a field, a colon first, spaces at both ends, characters beyond the basic plane.
TITLES = [
    "plain",
    "line\u2028separator, paragraph\u2029separator, next\u0085line",
    "\ufeffbyte order mark",
    "data: id: 99",
    ": not a comment",
    "  spaces  at both ends  ",
    "🛎️ בלל 鈴",
]


@contextmanager
def node(web: WebServer, ticket: str, log: Path) -> Iterator[Reader]:
    """Node's EventSource. It can send no header, so it comes with a ticket."""
    url = f"{web.url}{STREAM_PATH}?ticket={ticket}"
    with writing_to(
        log, "node", "--experimental-eventsource", "--no-warnings", str(NODE_READER), url
    ):
        yield lambda: [
            (line["id"], line["data"])
            for line in map(json.loads, log.read_bytes().split(b"\n")[:-1])
        ]


@contextmanager
def by_httpx_sse(web: WebServer, token: str) -> Iterator[Reader]:
    """httpx-sse, in a thread."""
    received: Received = []
    client = httpx.Client(timeout=None, trust_env=False)
    headers = {"Authorization": f"Bearer {token}"}

    def read() -> None:
        try:
            with connect_sse(client, "GET", f"{web.url}{STREAM_PATH}", headers=headers) as source:
                received.extend(
                    (event.id, event.data)
                    for event in source.iter_sse()
                    if event.event == "message"
                )
        except httpx.TransportError:
            # The server is stopped at the end of the test, and the stream with it.
            return

    threading.Thread(target=read, daemon=True).start()
    yield lambda: list(received)


@contextmanager
def chromium(page: Page, web: WebServer, token: str) -> Iterator[Reader]:
    """Chromium's EventSource, signed in by cookie."""
    page.context.add_cookies([{"name": "access_token_cookie", "value": token, "url": web.url}])
    open_page_of_a_product(page, web.url)
    page.evaluate(
        """url => {
            window.received = [];
            window.source = new EventSource(url);
            source.onmessage = (event) => received.push([event.lastEventId, event.data]);
        }""",
        STREAM_PATH,
    )
    yield lambda: [(event_id, data) for event_id, data in page.evaluate("received")]
    page.evaluate("source.close()")


@contextmanager
def by_curl(web: WebServer, token: str, log: Path) -> Iterator[Reader]:
    """curl, and a parser written from the standard."""
    with curl(web, token, log):
        yield lambda: [
            (frame.last_event_id, frame.data)
            for frame in frames_of(log)
            if frame.event == "message"
        ]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_independent_readers_agree_on_every_event(
    start_web: StartWeb,
    start_consumer: StartConsumer,
    redis_client: redis.Redis,
    token_for: TokenFor,
    page: Page,
    tmp_path: Path,
) -> None:
    web = start_web()
    start_consumer()
    token = token_for("grace")
    with web.http(token) as client:
        ticket = client.post("/api/v1/stream-tickets").json()["ticket"]
    with ExitStack() as streams:
        readers: dict[str, Reader] = {
            "Chromium": streams.enter_context(chromium(page, web, token)),
            "Node": streams.enter_context(node(web, ticket, tmp_path / "node.txt")),
            "httpx-sse": streams.enter_context(by_httpx_sse(web, token)),
            "curl": streams.enter_context(by_curl(web, token, tmp_path / "curl.txt")),
        }
        channel = "user-notifications:grace"
        # A push of another service has no place in the order: it shows who is listening.
        wait_for(
            lambda: (
                redis_client.publish(channel, '{"hello": true}')
                and all(reader() for reader in readers.values())
            ),
            30,
            "all four readers",
        )
        for number, title in enumerate(TITLES):
            event = {
                "specversion": "1.0",
                "id": str(number),
                "source": "/test",
                "type": "notification.requested",
                "data": {"recipients": ["grace"], "title": "title", "body": title},
            }
            redis_client.xadd("events", {"event": json.dumps(event)})

        def numbered(reader: Reader) -> Received:
            return [(event_id, data) for event_id, data in reader() if '"seq"' in data]

        wait_for(
            lambda: all(len(numbered(reader)) >= len(TITLES) for reader in readers.values()), 20
        )
        expected = numbered(readers["Chromium"])
        assert [event_id for event_id, _ in expected] == [str(n + 1) for n in range(len(TITLES))]
        assert [json.loads(data)["body"] for _, data in expected] == TITLES
        for name, reader in readers.items():
            assert numbered(reader) == expected, name
