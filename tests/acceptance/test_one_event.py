"""One event, from a producer's XADD to every open client of its recipient, and nobody else's."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from playwright.sync_api import Page

from tests.conftest import StartConsumer, StartWeb, TokenFor
from tests.support.browser import open_page_of_a_product
from tests.support.processes import STREAM_PATH, WebServer
from tests.support.require import require
from tests.support.sse import Frame, SseParser
from tests.support.waiting import wait_for

# The client code of the original description, to the letter; what it does with a notification
# (the dots) is to remember it.
SNIPPET = """
window.received = [];
const eventSource = new EventSource("/api/v1/notifications/subscribe");
eventSource.onmessage = (event) => { const notification = JSON.parse(event.data);
  window.received.push(notification); };
window.eventSource = eventSource;
"""

ASSIGNED = {
    "specversion": "1.0",
    "id": "assigned-1",
    "source": "/shop/board",
    "type": "story.assigned",
    "time": "2026-11-23T12:00:00Z",
    "data": {
        "story": {"id": "42", "title": "Fix login", "url": "/stories/42"},
        "actor": {"id": "ada", "name": "Ada"},
        "assignee_id": "grace",
    },
}


def open_snippet(page: Page, web: WebServer, token: str) -> None:
    """Run the original client code in a page of the application's origin, signed in by cookie."""
    page.context.add_cookies([{"name": "access_token_cookie", "value": token, "url": web.url}])
    open_page_of_a_product(page, web.url)
    page.evaluate(SNIPPET)
    page.wait_for_function("eventSource.readyState === EventSource.OPEN")


def received(page: Page) -> list[dict[str, Any]]:
    """What the original client code got."""
    notifications: list[dict[str, Any]] = page.evaluate("window.received")
    return notifications


@contextmanager
def curl(web: WebServer, token: str, log: Path) -> Iterator[Path]:
    """A stream read by curl into a file."""
    header = f"Authorization: Bearer {token}"
    with writing_to(log, "curl", "-sN", "-H", header, f"{web.url}{STREAM_PATH}"):
        yield log


@contextmanager
def writing_to(log: Path, name: str, *arguments: str) -> Iterator[None]:
    """A program of this name that writes into a file until the block ends."""
    program = shutil.which(name)
    require(program is not None, f"{name} is not installed")
    assert program is not None
    with log.open("wb") as output:
        process = subprocess.Popen([program, *arguments], stdout=output)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def frames_of(log: Path) -> list[Frame]:
    """What curl has received so far."""
    return SseParser().feed(log.read_bytes())


def messages(frames: list[Frame]) -> list[Any]:
    """The notifications among the frames: what a plain `onmessage` handler would get."""
    return [frame.json() for frame in frames if frame.event == "message"]


def test_one_event_reaches_every_client_of_its_recipient_and_nobody_else(
    start_web: StartWeb,
    start_consumer: StartConsumer,
    redis_client: redis.Redis,
    token_for: TokenFor,
    page: Page,
    tmp_path: Path,
) -> None:
    web = start_web(workers=2)
    start_consumer()
    with ExitStack() as streams:
        open_snippet(page, web, token_for("grace"))
        by_curl = streams.enter_context(curl(web, token_for("grace"), tmp_path / "curl.txt"))
        others = streams.enter_context(web.stream(token_for("linus")))
        graces = []
        for pid in web.worker_pids():
            with web.only_worker(pid):
                graces.append(streams.enter_context(web.stream(token_for("grace"))))
                graces[-1].wait_for_event(lambda frame: frame.event == "connected")
        [(_, workers)] = redis_client.pubsub_numsub("user-notifications:grace")
        assert workers == 2
        others.wait_for_event(lambda frame: frame.event == "connected")
        wait_for(lambda: frames_of(by_curl), what="curl's first frame")

        redis_client.xadd("events", {"event": json.dumps(ASSIGNED)})

        for stream in graces:
            frame = stream.wait_for_event(lambda frame: frame.event == "message")
            assert (frame.id, frame.json()["title"]) == ("1", "Ada assigned you “Fix login”")
        wait_for(lambda: received(page), what="the notification in Chromium")
        wait_for(lambda: messages(frames_of(by_curl)), what="the notification in curl")

        first = messages(graces[0].frames)
        assert [notification["subject"]["id"] for notification in first] == ["42"]
        assert received(page) == first
        assert messages(frames_of(by_curl)) == first
        assert all(messages(stream.frames) == first for stream in graces)
        assert messages(others.frames) == []
        page.evaluate("eventSource.close()")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_original_client_code_catches_up_by_itself_after_a_restart_of_the_server(
    start_web: StartWeb,
    start_consumer: StartConsumer,
    redis_client: redis.Redis,
    token_for: TokenFor,
    page: Page,
) -> None:
    web = start_web()
    start_consumer()
    open_snippet(page, web, token_for("grace"))
    redis_client.xadd("events", {"event": json.dumps(ASSIGNED)})
    wait_for(lambda: received(page), what="the first notification")

    web.terminate()
    redis_client.xadd("events", {"event": json.dumps({**ASSIGNED, "id": "assigned-2"})})
    wait_for(lambda: _is_processed(redis_client))
    web.start()

    wait_for(lambda: len(received(page)) == 2, 30, "the notification of the time between")
    assert [notification["seq"] for notification in received(page)] == [1, 2]
    page.evaluate("eventSource.close()")


def _is_processed(client: redis.Redis) -> bool:
    [group] = client.xinfo_groups("events")
    entries: Any = client.xrevrange("events", count=1)
    return bool(group["pending"] == 0 and group["last-delivered-id"] == entries[0][0])
