"""Logging in and out with a browser: a bearer token becomes a cookie, and ends with it."""

import logging
import time

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from app.audit import LOGGER
from app.limits import LOGIN, rate_of
from tests.auth.conftest import COOKIE, CSRF, Get, Sign
from tests.support.outage import database_away

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

CSRF_COOKIE = "csrf_access_token"
SEEN = ("PUT", "/api/v1/mailbox/seen", {"up_to": 0})


def log_in(client: FlaskClient, token: str) -> TestResponse:
    """POST /session with a bearer token."""
    return client.post("/api/v1/session", headers={"Authorization": f"Bearer {token}"})


def log_out(client: FlaskClient, csrf: str | None = None) -> TestResponse:
    """DELETE /session by cookie."""
    headers = {} if csrf is None else {"X-CSRF-TOKEN": csrf}
    return client.delete("/api/v1/session", headers=headers)


def cookies(answer: TestResponse) -> dict[str, dict[str, str | None]]:
    """The cookies that an answer sets: their attributes, in lower case, and `value`."""
    found = {}
    for header in answer.headers.getlist("Set-Cookie"):
        name, _, rest = header.partition("=")
        value, attributes = _parts(rest)
        found[name] = {**attributes, "value": value}
    return found


def _parts(rest: str) -> tuple[str, dict[str, str | None]]:
    value, *attributes = rest.split("; ")
    pairs = (attribute.partition("=") for attribute in attributes)
    return value, {name.lower(): text or None for name, _, text in pairs}


def change(client: FlaskClient, csrf: str) -> int:
    """The status of a change by cookie."""
    method, path, body = SEEN
    return client.open(path, method=method, json=body, headers={"X-CSRF-TOKEN": csrf}).status_code


@pytest.mark.parametrize("claims", [{}, {"csrf": ...}, {"csrf": ""}, {"csrf": 5}])
def test_after_logging_in_the_cookie_says_who_one_is(
    client: FlaskClient, sign: Sign, claims: dict[str, object]
) -> None:
    token = sign(**claims)
    answer = log_in(client, token)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    said = answer.get_json()
    assert said["user"] == "grace"
    assert abs(said["expires_at"] - time.time() - 3600) < 60
    assert client.get("/api/v1/mailbox").status_code == 200
    assert change(client, said["csrf_token"]) == 200
    assert change(client, said["csrf_token"] + "x") == 403
    # What a page of this origin reads is the same.
    assert cookies(answer)[CSRF_COOKIE]["value"] == said["csrf_token"]


def test_no_script_reads_the_token_and_no_other_site_sends_it(
    client: FlaskClient, sign: Sign
) -> None:
    token = sign()
    kept = cookies(log_in(client, token))
    assert kept[COOKIE].pop("value") == token
    assert kept[CSRF_COOKIE].pop("value") == CSRF
    for each in kept.values():
        assert 3500 < int(each.pop("max-age") or 0) <= 3600
        del each["expires"]  # the same for browsers of old
    assert kept == {
        COOKIE: {"httponly": None, "path": "/", "samesite": "Lax"},
        CSRF_COOKIE: {"path": "/", "samesite": "Lax"},
    }


def test_in_production_the_cookies_are_of_this_host_and_https_alone(
    environment: dict[str, str], sign: Sign
) -> None:
    client = create_app(environment | {"APP_ENV": "production"}).test_client()
    started = log_in(client, sign())
    assert client.get("/api/v1/mailbox").status_code == 200
    ended = log_out(client, CSRF)
    assert ended.status_code == 204
    for answer in (started, ended):
        kept = cookies(answer)
        assert set(kept) == {f"__Host-{COOKIE}", f"__Host-{CSRF_COOKIE}"}
        for each in kept.values():
            assert {"secure", "path", "samesite"} <= set(each)
            assert each["path"] == "/"
            assert "domain" not in each
        assert "httponly" in kept[f"__Host-{COOKIE}"]
    # Any host of the domain could have planted this one.
    client.set_cookie(COOKIE, sign())
    assert client.get("/api/v1/mailbox").status_code == 401


def test_the_csrf_token_is_another_one_for_each_token(client: FlaskClient, sign: Sign) -> None:
    tokens = [sign(csrf=..., jti=f"token-{number}") for number in range(10)]
    made = {log_in(client, token).get_json()["csrf_token"] for token in tokens}
    assert len(made) == 10
    assert min(map(len, made)) >= 43  # 256 bits
    for token in tokens:
        assert not any(part in csrf for csrf in made for part in token.split("."))


def test_the_cookie_of_a_token_without_a_near_end_is_one_too(
    client: FlaskClient, sign: Sign
) -> None:
    answer = log_in(client, sign(exp=10**15))
    assert answer.status_code == 200
    assert cookies(answer)[COOKIE]["max-age"] == str(400 * 24 * 3600)


def test_a_cookie_is_not_enough_to_make_a_session(client: FlaskClient, sign: Sign) -> None:
    csrf = log_in(client, sign()).get_json()["csrf_token"]
    answer = client.post("/api/v1/session", headers={"X-CSRF-TOKEN": csrf})
    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("changes", [{"exp": 0}, {"sub": "no user"}, {"exp": ...}])
def test_a_bad_token_makes_no_session(
    client: FlaskClient, sign: Sign, changes: dict[str, object]
) -> None:
    answer = log_in(client, sign(**changes))
    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers


def test_a_token_that_no_browser_would_keep_is_refused(client: FlaskClient, sign: Sign) -> None:
    """It would be dropped in silence, and the page would never know why it is nobody."""
    answer = log_in(client, sign(roles="x" * 3_000))
    assert answer.status_code == 422
    assert "too large for a cookie" in answer.get_json()["detail"]
    assert "Set-Cookie" not in answer.headers
    most = log_in(client, sign(roles="x" * 2_500))
    assert most.status_code == 200
    assert all(len(header) <= 4096 for header in most.headers.getlist("Set-Cookie"))


def test_after_logging_out_the_token_is_refused_wherever_it_is(
    client: FlaskClient, get: Get, sign: Sign
) -> None:
    token = sign(jti="the-one")
    csrf = log_in(client, token).get_json()["csrf_token"]
    answer = log_out(client, csrf)
    assert answer.status_code == 204
    for kept in cookies(answer).values():
        assert (kept["value"], kept["max-age"], kept["path"]) == ("", "0", "/")
    assert client.get_cookie(COOKIE) is None
    for refused in (get(f"Bearer {token}"), get(None, cookie=token), log_in(client, token)):
        assert refused.status_code == 401
        assert refused.get_json()["detail"] == "The token has been revoked."
    # Another token of the same person is another session.
    assert get(f"Bearer {sign(jti='another')}").status_code == 200
    assert get(f"Bearer {sign(sub='ada', jti='the-one')}").status_code == 200


def test_a_bearer_token_can_log_itself_out(client: FlaskClient, get: Get, sign: Sign) -> None:
    header = {"Authorization": f"Bearer {sign()}"}
    assert client.delete("/api/v1/session", headers=header).status_code == 204
    assert get(header["Authorization"]).status_code == 401
    # Once more changes nothing, and is no error.
    assert client.delete("/api/v1/session", headers=header).status_code == 204


@pytest.mark.parametrize("csrf", [None, "", "wrong", "é"])
def test_nobody_is_logged_out_by_another_sites_page(
    client: FlaskClient, sign: Sign, csrf: str | None
) -> None:
    log_in(client, sign())
    answer = log_out(client, csrf)
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers
    assert client.get("/api/v1/mailbox").status_code == 200


@pytest.mark.parametrize("cookie", ["expired", "garbage", "none"])
def test_logging_out_works_also_when_there_is_nothing_left_to_end(
    client: FlaskClient, sign: Sign, cookie: str
) -> None:
    if cookie != "none":
        client.set_cookie(COOKIE, sign(exp=1) if cookie == "expired" else "garbage")
    answer = log_out(client)
    assert answer.status_code == 204
    assert {kept["max-age"] for kept in cookies(answer).values()} == {"0"}
    assert client.get_cookie(COOKIE) is None


@pytest.mark.parametrize("header", ["Bearer garbage", "Basic Z3JhY2U6cHc="])
def test_a_bad_header_logs_nobody_out(client: FlaskClient, sign: Sign, header: str) -> None:
    log_in(client, sign())
    answer = client.delete("/api/v1/session", headers={"Authorization": header})
    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers
    assert client.get("/api/v1/mailbox").status_code == 200


def test_while_the_database_is_away_nobody_is_told_to_be_logged_out(
    client: FlaskClient, sign: Sign, database_url: str
) -> None:
    csrf = log_in(client, sign()).get_json()["csrf_token"]
    with database_away(database_url):
        answer = log_out(client, csrf)
        assert answer.status_code == 503
        assert "Set-Cookie" not in answer.headers
    assert client.get("/api/v1/mailbox").status_code == 200
    assert log_out(client, csrf).status_code == 204


def test_each_session_leaves_a_line_without_the_token(
    client: FlaskClient, sign: Sign, caplog: pytest.LogCaptureFixture
) -> None:
    token = sign(jti="s-1", csrf=...)
    with caplog.at_level(logging.INFO, logger=LOGGER):
        csrf = log_in(client, token).get_json()["csrf_token"]
        log_out(client, csrf)
    lines = [record.getMessage() for record in caplog.records if record.name == LOGGER]
    assert lines == [
        "action=session.started user=grace token_id=s-1",
        "action=session.ended user=grace token_id=s-1",
    ]
    assert token not in caplog.text
    assert csrf not in caplog.text


def test_logging_in_is_limited_more_than_anything_else(app: Flask) -> None:
    assert rate_of(app.view_functions["session.start_session"]) == LOGIN == "60/minute"
