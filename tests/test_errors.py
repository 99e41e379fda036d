"""Errors leave as problem details (RFC 9457), whoever raised them, and none is a 500."""

import base64
import logging
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException, abort
from werkzeug.test import TestResponse

from app.errors import BadRequest, ConfigurationError, ServiceUnavailable
from tests.conftest import TokenFor

API = "/api/v1"


def problem(answer: TestResponse) -> dict[str, Any]:
    """The problem that was answered, checked for what every problem has."""
    assert answer.content_type == "application/problem+json"
    found: dict[str, Any] = answer.get_json(force=True)
    assert found["type"].startswith("urn:tidings:problem:")
    assert found["title"]
    assert found["detail"]
    assert found["status"] == answer.status_code
    return found


class SeeOther(HTTPException):
    """A redirect that is raised, as Werkzeug's own are."""

    code = 303

    def get_headers(self, *_: object) -> list[tuple[str, str]]:
        """Where to go."""
        return [("Location", "/there")]


class TestWhatTheFrameworkRaises:
    """Flask's and Werkzeug's own errors."""

    pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

    @pytest.mark.parametrize(
        "path",
        ["/nowhere", f"{API}/", f"{API}/mailbox/", f"{API}/notifications/1/2", "/é%00"],
    )
    def test_an_unknown_path(self, app: Flask, path: str) -> None:
        assert problem(app.test_client().get(path))["status"] == 404

    @pytest.mark.parametrize(
        ("method", "path", "allowed"),
        [
            ("POST", "/notifications", {"GET", "HEAD", "OPTIONS"}),
            ("DELETE", "/notifications/1", {"GET", "HEAD", "OPTIONS", "PATCH"}),
            ("GET", "/mailbox/seen", {"PUT", "OPTIONS"}),
            ("GET", "/stream-tickets", {"POST", "OPTIONS"}),
            ("NONSENSE", "/mailbox", {"GET", "HEAD", "OPTIONS"}),
        ],
    )
    def test_a_method_that_is_not_allowed_says_which_are(
        self, app: Flask, method: str, path: str, allowed: set[str]
    ) -> None:
        answer = app.test_client().open(API + path, method=method)
        assert problem(answer)["status"] == 405
        assert set(answer.headers["Allow"].split(", ")) == allowed

    @pytest.mark.parametrize("status", [400, 406, 409, 411, 413, 414, 415, 418, 429, 500, 501, 503])
    def test_any_other_of_them(self, app: Flask, status: int) -> None:
        app.add_url_rule("/raise", "raise", lambda: abort(status))
        assert problem(app.test_client().get("/raise"))["status"] == status

    def test_when_to_try_again_is_kept(self, app: Flask) -> None:
        app.add_url_rule("/raise", "raise", lambda: abort(429, retry_after=7))
        answer = app.test_client().get("/raise")
        assert problem(answer)["status"] == 429
        assert answer.headers["Retry-After"] == "7"

    def test_a_redirect_is_no_problem(self, app: Flask) -> None:
        def redirect() -> str:
            raise SeeOther

        app.add_url_rule("/raise", "raise", redirect)
        answer = app.test_client().get("/raise")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/there")
        assert answer.content_type != "application/problem+json"

    def test_a_head_request_gets_the_status_without_the_body(self, app: Flask) -> None:
        answer = app.test_client().head("/nowhere")
        assert (answer.status_code, answer.get_data()) == (404, b"")


class TestOurOwn:
    """The error tree."""

    pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

    def raising(self, app: Flask, error: Exception) -> TestResponse:
        def view() -> str:
            raise error

        app.add_url_rule("/raise", "raise", view)
        return app.test_client().get("/raise")

    def test_a_docstring_is_the_default_message(self, app: Flask) -> None:
        assert str(ConfigurationError()) == "A setting is missing or wrong."
        assert problem(self.raising(app, BadRequest()))["detail"] == "The request is malformed."

    def test_faults_are_listed(self, app: Flask) -> None:
        faults = [{"loc": ["body", "x"], "msg": "is wrong"}]
        assert problem(self.raising(app, BadRequest(errors=faults)))["errors"] == faults

    def test_a_service_that_is_away_says_when_to_come_back(self, app: Flask) -> None:
        answer = self.raising(app, ServiceUnavailable())
        assert problem(answer)["status"] == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.headers["Cache-Control"] == "no-store"

    def test_an_unforeseen_error_is_logged_and_kept_from_the_client(
        self, app: Flask, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.ERROR, "app"):
            answer = self.raising(app, RuntimeError("password=hunter2"))
        assert problem(answer)["status"] == 500
        assert "hunter2" not in answer.get_data(as_text=True)
        assert "RuntimeError: password=hunter2" in caplog.text


ODD_TEXT = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["\0", "a\0b", "\ud7ff", "\uffff", "1", "-1", "0", "9" * 5_000, "None", "%00", "story/42"]
    ),
)
ODD_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ODD_TEXT,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["read", "archived", "up_to", "user", "assignee", "text"]) | ODD_TEXT,
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
QUERY_NAMES = ["status", "kind", "subject", "limit", "cursor", "ticket", "last_event_id", "as"]
HEADER_NAMES = [
    "Authorization",
    "Cookie",
    "X-CSRF-TOKEN",
    "Last-Event-ID",
    "Accept",
    "Content-Type",
    "Content-Length",
    "Transfer-Encoding",
    "Origin",
    "If-None-Match",
    "If-Modified-Since",
    "Range",
    "Host",
    "X-Forwarded-For",
]
# What the standard lets through in a header, and what gunicorn does beyond it.
HEADER_TEXT = st.text(
    st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=40
)
ODD_HEADER = st.one_of(
    HEADER_TEXT,
    HEADER_TEXT.map("Bearer {}".format),
    HEADER_TEXT.map("access_token_cookie={}".format),
    st.sampled_from([", ,x", "Bearer", "Bearer a.b.c", "chunked", "application/json", "bytes=0-"]),
)

REQUESTS = st.fixed_dictionaries(
    {
        "rule": st.integers(0, 10_000),
        "method": st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
        | st.none(),
        "segment": ODD_TEXT,
        "query": st.lists(st.tuples(st.sampled_from(QUERY_NAMES) | ODD_TEXT, ODD_TEXT), max_size=4),
        "headers": st.dictionaries(st.sampled_from(HEADER_NAMES), ODD_HEADER, max_size=3),
        "caller": st.sampled_from(["nobody", "bearer", "cookie"]),
        "body": st.one_of(
            st.none(),
            ODD_JSON,
            st.binary(max_size=60),
            st.just(b"[" * 60_000),
            st.just(b" " * 70_000),
        ),
    }
)


def encoded(text: str) -> bytes:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=")


# An unsigned token of 3,000 nested lists.
DEEP = b".".join([encoded('{"alg":"HS256"}'), encoded("[" * 3_000), b"AAAA"]).decode()
PLAIN: dict[str, Any] = {
    "rule": 0,
    "method": None,
    "segment": "x",
    "query": [],
    "headers": {},
    "caller": "bearer",
    "body": None,
}

Fire = Callable[[dict[str, Any]], TestResponse]


@pytest.fixture
def fire(app: Flask, token_for: TokenFor) -> Fire:
    """Sends one request as Hypothesis makes it up."""
    app.extensions["tidings.sse"].drain()  # a stream that opens ends at once
    rules = sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule)
    client = app.test_client()
    csrf = "double-submit"
    claims = {"sub": "grace", "exp": int(time.time()) + 3600, "csrf": csrf}
    cookie = jwt.encode(claims, app.config["JWT_SECRET_KEY"])

    def fire(request: dict[str, Any]) -> TestResponse:
        rule = rules[request["rule"] % len(rules)]
        segments = dict.fromkeys(rule.arguments, request["segment"])
        with app.test_request_context():
            path = app.url_map.bind("localhost").build(
                rule.endpoint,
                segments,
                method=next(iter(sorted(rule.methods or ()))),
                force_external=False,
            )
        headers = dict(request["headers"])
        client.delete_cookie("access_token_cookie")
        if request["caller"] == "bearer":
            headers.setdefault("Authorization", f"Bearer {token_for('grace')}")
        elif request["caller"] == "cookie":
            client.set_cookie("access_token_cookie", cookie)
            headers.setdefault("X-CSRF-TOKEN", csrf)
        body = request["body"]
        options: dict[str, Any] = {"data": body} if isinstance(body, bytes) else {"json": body}
        methods = sorted((rule.methods or set()) - {"OPTIONS", "HEAD"})
        return client.open(
            path,
            method=request["method"] or methods[0],
            query_string=request["query"],
            headers=headers,
            **({} if body is None else options),
        )

    return fire


def every_route(**changes: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """An example for each of the routes there may be."""

    def add(test: Callable[..., None]) -> Callable[..., None]:
        for rule in range(20):
            test = example(request={**PLAIN, **changes, "rule": rule})(test)
        return test

    return add


@settings(
    deadline=None,
    max_examples=250,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@every_route()
@every_route(caller="nobody", headers={"Authorization": ", ,x"})
@every_route(caller="nobody", headers={"Authorization": f"Bearer {DEEP}"})
@every_route(caller="cookie", headers={"X-CSRF-TOKEN": "é"}, body={"read": True})
@every_route(query=[("kind", "a\0b")], segment="a\0b")
@every_route(query=[("subject", "a/\0")])
@every_route(query=[("subject", "\0/a")])
@every_route(body=b"[" * 60_000, headers={"Content-Type": "application/json"})
@given(request=REQUESTS)
def test_whatever_is_sent_the_answer_is_no_500(fire: Fire, request: dict[str, Any]) -> None:
    answer = fire(request)
    if answer.request.path == "/readyz":
        # Not ready, and right: nothing has started the stream room of this application.
        assert answer.status_code in (200, 405, 503)
        return
    assert answer.status_code < 500, (request, answer.get_data())
    if answer.status_code >= 400 and answer.request.method != "HEAD":
        problem(answer)
