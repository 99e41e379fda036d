"""A tab with a client in it, and what that was told."""

import itertools
import json
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import redis
from playwright.sync_api import BrowserContext, Page, Request, Response, Route

from tests.conftest import JWT_SECRET_KEY
from tests.support.consuming import event, send
from tests.support.processes import STREAM_PATH, WebServer
from tests.support.tokens import sign_token
from tests.support.waiting import wait_for

Json = dict[str, Any]

_numbers = itertools.count(1)

# No inline script, no eval, nothing from elsewhere.
STRICT = {"Content-Security-Policy": "default-src 'self'"}
BLANK = "<!doctype html><title>A product's page</title>"

OPEN = """async ({options, way, module}) => {
    const { Tidings } = await import(module);
    window.options = options;
    const { token, ...rest } = options;
    const getTicket = async () => {
        const headers = { Authorization: `Bearer ${token}` };
        const response = await fetch(`${options.url}/stream-tickets`, { method: "POST", headers });
        return (await response.json()).ticket;
    };
    // A page that gets its token when it needs one: a test changes `options.token`.
    const own = {
        given: options,
        fetched: { ...rest, token: async () => window.options.token },
        ticket: { ...rest, ticket: getTicket },
    }[way];
    const tidings = window.tidings = new Tidings(own);
    window.told = [];
    window.states = [];
    for (const event of ["notification", "updated", "mailbox", "reset"]) {
        tidings.addEventListener(event, ({ detail, replayed }) => {
            told.push({ event, replayed, ...detail });
        });
    }
    tidings.addEventListener("state", ({ detail }) => states.push(detail.state));
}"""


class Tab:
    """One tab."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.streams: set[Request] = set()
        page.on("response", self._on_response)
        page.on("requestfinished", self._on_end)
        page.on("requestfailed", self._on_end)

    def _on_response(self, response: Response) -> None:
        # Not when it asks: a stream that begins now tells nothing of what came before it.
        if STREAM_PATH in response.url:
            self.streams.add(response.request)

    def _on_end(self, request: Request) -> None:
        self.streams.discard(request)

    @property
    def leads(self) -> bool:
        """Whether it has a stream open, as the browser sees it."""
        self.page.context.cookies()  # any call: what the browser tells is heard during one
        return bool(self.streams)

    def get(self, expression: str) -> Any:
        """What an expression of the page is."""
        return self.page.evaluate(f"async () => ({expression})")

    @property
    def state(self) -> str:
        """The client's state."""
        state: str = self.get("tidings.state")
        return state

    @property
    def told(self) -> list[Json]:
        """What the client told, in order."""
        told: list[Json] = self.get("told")
        return told

    @property
    def seqs(self) -> list[int]:
        """The seqs of all that."""
        seqs: list[int] = self.get("told.map(({seq}) => seq)")
        return seqs

    def wait_for_state(self, state: str, deadline_seconds: float = 40) -> None:
        """Wait until the client is in this state."""
        wait_for(lambda: self.state == state, deadline_seconds, f"state {state}")

    def wait_for_seqs(self, last: int, deadline_seconds: float = 40) -> None:
        """Wait until the client has told of this seq."""
        wait_for(lambda: last in self.get("told.slice(-5).map(({seq}) => seq)"), deadline_seconds,
                 f"seq {last}")  # fmt: skip

    def wait_for_event(self, name: str, deadline_seconds: float = 40) -> None:
        """Wait until this is the last event."""
        wait_for(lambda: self.told and self.told[-1]["event"] == name, deadline_seconds, name)

    def wait_for_position(self, seq: int, deadline_seconds: float = 40) -> None:
        """Wait until the client is there."""
        wait_for(lambda: self.get("tidings.seq") == seq, deadline_seconds, f"position {seq}")


@dataclass
class Site:
    """A Tidings and a profile."""

    context: BrowserContext
    web: WebServer
    redis_url: str
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.route("**/blank", self._blank)
        self.context.on("weberror", lambda error: self.complaints.append(str(error.error)))

    @staticmethod
    def _blank(route: Route) -> None:
        route.fulfill(body=BLANK, content_type="text/html", headers=STRICT)

    def open(
        self, way: str = "given", live: bool = True, page_url: str = "", **options: Any
    ) -> Tab:
        """A tab whose client is live. Its token is `given`, or `fetched`, or for a `ticket`.

        `page_url` is that of its page, if not a strict one of the server's own origin.
        """
        tab = Tab(self.context.new_page())
        tab.page.goto(page_url or f"{self.web.url}/blank")
        module = f"{self.web.url}/static/tidings.js"
        tab.page.evaluate(OPEN, {"options": options, "way": way, "module": module})
        if live:
            tab.wait_for_state("live")
        return tab

    def sign_in(self, user: str) -> None:
        """Give the profile a session cookie, in place of any it has."""
        csrf = str(uuid.uuid4())
        claims = jwt.decode(sign_token(JWT_SECRET_KEY, user), options={"verify_signature": False})
        token = jwt.encode({**claims, "csrf": csrf}, JWT_SECRET_KEY, algorithm="HS256")
        self.context.add_cookies(
            [
                {"name": "access_token_cookie", "value": token, "url": self.web.url,
                 "httpOnly": True},
                {"name": "csrf_access_token", "value": csrf, "url": self.web.url},
            ]
        )  # fmt: skip

    def tell(self, user: str, count: int = 1) -> None:
        """Write events for a user, as a producer does."""
        events = [event(user, id=f"b-{next(_numbers)}") for _ in range(count)]
        with redis.Redis.from_url(self.redis_url) as client:
            send(client, *events)

    def publish(self, user: str, value: Json) -> None:
        """Publish something live, as another service does."""
        with redis.Redis.from_url(self.redis_url) as client:
            client.publish(f"user-notifications:{user}", json.dumps(value))


def connections(port: int) -> int | None:
    """How many connections a server on this port has; None where /proc does not tell."""
    if sys.platform != "linux":
        return None
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    here, established = f":{port:04X}", "01"
    return sum(
        words[1].endswith(here) and words[3] == established for words in map(str.split, lines)
    )
