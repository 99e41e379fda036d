"""Thousands of requests by somebody who has a token, none of them well-behaved."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.hostile.conftest import ATTACKER, CANARY, VICTIM, Fort
from tests.hostile.raw import Answer, Request, Wire

# With some 1,300 of tests/openapi and what else is here they are more than 10,000.
ROUNDS, IN_A_ROUND = 225, 40

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
HEADER_VALUES = st.sampled_from(
    ("application/json", "application/json; charset=utf-16", "application/cloudevents+json", "null",
     "https://app.example.com", "https://app.example.com.evil.example", "access_token_cookie=x.y.z",
     "access_token_cookie=", '"', "W/", "text/event-stream", "POST", "cross-site", "1, 2")
) | TEXT  # fmt: skip


def in_a_header(text: str) -> bytes:
    """As UTF-8, without what would end the header: that is a request of another kind."""
    return text.encode("utf-8", "surrogatepass").replace(b"\r", b"").replace(b"\n", b"")


@st.composite
def requests(draw: st.DrawFn, ids: list[str]) -> Request:
    """One request. Most name what exists, with a token that is good."""
    path = draw(st.sampled_from(PATHS))
    segments = TEXT | st.sampled_from([*ids, "story", "tidings.js", CANARY])
    for _ in range(path.count("{}")):
        path = path.replace("{}", quote(draw(segments), safe=draw(st.sampled_from(["", "/%"])),
                                        errors="replace"), 1)  # fmt: skip
    query = draw(st.lists(st.tuples(st.sampled_from(QUERY_NAMES), TEXT), max_size=2))
    if query:
        path += "?" + "&".join(f"{name}={quote(v, errors='replace')}" for name, v in query)
    given_headers = draw(st.lists(st.tuples(st.sampled_from(HEADERS), HEADER_VALUES), max_size=2))
    headers = [(name.encode(), in_a_header(value)) for name, value in given_headers]
    who = draw(st.sampled_from([ATTACKER, ATTACKER, ATTACKER, "producer", "nobody"]))
    if who != "nobody":
        scopes = ("events:write",) if who == "producer" else ()
        headers.append((b"Authorization", b"Bearer " + Fort.token(who, *scopes).encode()))
    body = draw(st.none() | BODY)
    if body is not None and draw(st.booleans()):
        headers.append((b"Content-Type", b"application/json"))
    method = draw(st.sampled_from(METHODS))
    return Request(method, path.encode("utf-8", "replace"), tuple(headers), body,
                   chunked=body is not None and draw(st.booleans()))  # fmt: skip


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
def test_whatever_comes_is_answered_and_harms_nobody(fort: Fort) -> None:
    @settings(
        max_examples=ROUNDS,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # the message has the one request; to shrink 40 takes for ever
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(requests(fort.ids), min_size=IN_A_ROUND, max_size=IN_A_ROUND))
    def send(round_of_requests: list[Request]) -> None:
        with Wire(fort.web.port) as wire:
            for request in round_of_requests:
                assert_harmless(request, wire.ask(request))

    send()
    fort.assert_unharmed()
