"""Thousands of requests by somebody who has a token, none of them well-behaved."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.hostile.conftest import ATTACKER, CANARY, VICTIM, Fort
from tests.hostile.raw import Answer, Request, Wire

# With some 1,300 of tests/openapi and what else is here they are more than 10,000.
ROUNDS, IN_A_ROUND = 2_250, 4

NASTY = (
    *("", " ", "0", "-1", "1", "1.5", "1e999", "9" * 19, str(2**63), "9" * 300, "null", "true"),
    *("NaN", "\0", "a\0b", "\r\nX-Injected: 1", "%", "%00", "%ff", "%c0%ae", "..", "../../etc"),
    *("é", "\u2028", "\U0001f514", "\x7f", "\x85", "\ufeff", "'", '"', "' OR 1=1 --", "{{7*7}}"),
    *("*", "?", "[a", "a" * 1_000, "javascript:alert(1)", "<script>", VICTIM, ATTACKER, "inbox"),
    *("unread", "snoozed", "story/1", f"story/{CANARY[:3]}", "2030-01-01T00:00:00Z", "read"),
)
TEXT = st.sampled_from(NASTY) | st.text(max_size=12)
JSON_VALUE: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from([None, True, 0, -1, 2**63, 10**30, 1.5, float("nan"), float("inf"), "\ud800"])
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
NAMES = (
    *("read", "archived", "snoozed_until", "action", "ids", "filter", "up_to", "muted_kinds"),
    *("muted_subjects", "user", "specversion", "id", "source", "type", "data", "recipients"),
)
OBJECT = st.dictionaries(st.sampled_from(NAMES), JSON_VALUE, max_size=4)
BODY = st.one_of(
    OBJECT.map(lambda value: json.dumps(value).encode()),
    JSON_VALUE.map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=60),
    st.sampled_from(
        [b"[" * 10_000, b'{"a":' * 10_000, b'{"read":true,"read":false}', b'"\xed\xa0\x80"',
         b'{"read":NaN}', b"x" * 70_000, b"\xff\xfe{\x00}\x00", b'{"read":true}\0']
    ),
)  # fmt: skip

METHODS = ("GET", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND")
PATHS = (
    "/api/v1/notifications",
    "/api/v1/notifications/{}",
    "/api/v1/notifications/bulk",
    "/api/v1/notifications/subscribe",
    "/api/v1/mailbox",
    "/api/v1/mailbox/seen",
    "/api/v1/preferences",
    "/api/v1/subjects/{}/{}",
    "/api/v1/subjects/{}/{}/follow",
    "/api/v1/events",
    "/api/v1/session",
    "/api/v1/users/{}/revoke",
    "/api/v1/presence",
    "/api/v1/stream-tickets",
    "/static/{}",
    "/{}",
)
QUERY_NAMES = (
    *("status", "kind", "subject", "limit", "cursor", "last_event_id", "ticket", "dry_run"),
    *("user", "jwt", "x"),
)
HEADERS = (
    *("Last-Event-ID", "Content-Type", "Origin", "Cookie", "X-CSRF-TOKEN", "If-None-Match"),
    *("X-Forwarded-For", "Accept", "Expect", "Sec-Fetch-Site", "X-HTTP-Method-Override"),
)
HEADER_VALUES = (
    *("application/json", "application/json; charset=utf-16", "application/cloudevents+json"),
    *("null", "https://app.example.com", "https://app.example.com.evil.example", "W/", '"'),
    *("access_token_cookie=x.y.z", "access_token_cookie=", "text/event-stream", "POST"),
    *("cross-site", "1, 2"),
)


def in_a_header(text: str) -> bytes:
    """As UTF-8, without what would end the header: that is a request of another kind."""
    return text.encode("utf-8", "surrogatepass").replace(b"\r", b"").replace(b"\n", b"")


@dataclass(frozen=True)
class Round:
    """What the requests of one round are put together from, and how: by `random`.

    Hypothesis thinks of texts and a body, which is what it is good at. Were it to choose methods
    and headers as well, a request would take longer to make than to answer; and of many choices
    it makes much the same again and again.
    """

    random: Random
    texts: list[str]
    body: bytes

    def text(self, *more: str) -> str:
        """A text, as likely one of `more` as one of those."""
        return self.random.choice(more if more and self.random.random() < 0.5 else self.texts)

    def some(self, most: int) -> range:
        """From none to `most`."""
        return range(self.random.randint(0, most))

    def path(self, ids: list[str]) -> str:
        """A path of the API, with a query or without. Most name what exists."""
        path = self.random.choice(PATHS)
        for _ in range(path.count("{}")):
            segment = self.text(*ids, "story", "tidings.js", CANARY)
            safe = self.random.choice(["", "/%"])
            path = path.replace("{}", quote(segment, safe=safe, errors="replace"), 1)
        query = [f"{self.random.choice(QUERY_NAMES)}={quote(self.text(), errors='replace')}"
                 for _ in self.some(2)]  # fmt: skip
        return f"{path}?{'&'.join(query)}" if query else path

    def headers(self) -> Iterator[tuple[bytes, bytes]]:
        """Any headers, and those of somebody whose token is good, mostly."""
        for _ in self.some(2):
            name = self.random.choice(HEADERS).encode()
            yield name, in_a_header(self.text(*HEADER_VALUES))
        who = self.random.choice([ATTACKER, ATTACKER, ATTACKER, "producer", "nobody"])
        if who != "nobody":
            scopes = ("events:write",) if who == "producer" else ()
            yield b"Authorization", b"Bearer " + Fort.token(who, *scopes).encode()

    def request(self, ids: list[str]) -> Request:
        """One request."""
        headers = list(self.headers())
        body = self.random.choice([None, self.body])
        if body is not None and self.random.random() < 0.5:
            headers.append((b"Content-Type", b"application/json"))
        chunked = body is not None and self.random.random() < 0.5
        path = self.path(ids).encode("utf-8", "replace")
        return Request(self.random.choice(METHODS), path, tuple(headers), body, chunked)


ROUND = st.builds(
    Round,
    st.integers(0, 2**64).map(Random),
    st.lists(TEXT, min_size=2, max_size=2),
    BODY,
)


def assert_harmless(request: Request, answer: Answer) -> None:
    """An answer that says what was wrong, and nothing of what is the victim's."""
    where = f"{request} -> {answer}"
    assert answer.status < 500, where
    assert CANARY.encode() not in answer.body, where
    assert "x-injected" not in answer.headers, where
    assert answer.headers["x-content-type-options"] == "nosniff", where
    if answer.status >= 400 and request.method != "HEAD":
        assert answer.content_type == "application/problem+json", where
        assert json.loads(answer.body)["status"] == answer.status, where


@pytest.mark.timeout(300)
def test_whatever_comes_is_answered_and_harms_nobody(fort: Fort, wire: Wire) -> None:
    @settings(
        max_examples=ROUNDS,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # the message has the one request
        suppress_health_check=list(HealthCheck),
    )
    @given(ROUND)
    def send(this: Round) -> None:
        for _ in range(IN_A_ROUND):
            request = this.request(fort.ids)
            assert_harmless(request, wire.ask(request))

    send()
    fort.assert_unharmed()
