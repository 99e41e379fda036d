"""The session cookie: good for reading by itself, for changes with the CSRF header alone."""

import pytest
from flask.testing import FlaskClient

from tests.auth.conftest import COOKIE, CSRF, Sign

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

UNKNOWN = "00000000-0000-0000-0000-000000000000"
CHANGES = [
    ("PATCH", f"/notifications/{UNKNOWN}", {"read": True}, 404),
    ("PUT", "/mailbox/seen", {"up_to": 1}, 200),
    ("POST", "/stream-tickets", None, 200),
]


@pytest.fixture
def browser(client: FlaskClient, sign: Sign) -> FlaskClient:
    """A browser that has a session."""
    client.set_cookie(COOKIE, sign())
    return client


@pytest.mark.parametrize("path", ["/mailbox", "/notifications"])
def test_reading_needs_the_cookie_alone(browser: FlaskClient, path: str) -> None:
    assert browser.get(f"/api/v1{path}").status_code == 200
    assert browser.head(f"/api/v1{path}").status_code == 200


@pytest.mark.parametrize(("method", "path", "body", "status"), CHANGES)
@pytest.mark.parametrize("csrf", [None, "", "wrong", CSRF + "x", CSRF.upper(), "é", "x" * 5_000])
def test_a_change_without_the_right_csrf_header_is_forbidden(
    browser: FlaskClient, method: str, path: str, body: object, status: int, csrf: str | None
) -> None:
    headers = {} if csrf is None else {"X-CSRF-TOKEN": csrf}
    answer = browser.open(f"/api/v1{path}", method=method, json=body, headers=headers)
    assert answer.status_code == 403
    assert answer.get_json()["type"] == "urn:tidings:problem:forbidden"


@pytest.mark.parametrize(("method", "path", "body", "status"), CHANGES)
def test_a_change_with_it_goes_through(
    browser: FlaskClient, method: str, path: str, body: object, status: int
) -> None:
    headers = {"X-CSRF-TOKEN": CSRF}
    answer = browser.open(f"/api/v1{path}", method=method, json=body, headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize(("method", "path", "body", "status"), CHANGES)
def test_a_bearer_token_needs_no_csrf_header(
    client: FlaskClient, sign: Sign, method: str, path: str, body: object, status: int
) -> None:
    headers = {"Authorization": f"Bearer {sign()}"}
    answer = client.open(f"/api/v1{path}", method=method, json=body, headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize("changes", [{"csrf": ...}, {"csrf": None}, {"csrf": 5}, {"csrf": "other"}])
def test_the_csrf_token_of_one_token_is_nothing_to_another(
    client: FlaskClient, sign: Sign, changes: dict[str, object]
) -> None:
    client.set_cookie(COOKIE, sign(**changes))
    headers = {"X-CSRF-TOKEN": CSRF}
    answer = client.put("/api/v1/mailbox/seen", json={"up_to": 1}, headers=headers)
    assert answer.status_code == 403


def test_the_csrf_token_is_not_taken_from_a_form_field(browser: FlaskClient) -> None:
    answer = browser.post("/api/v1/stream-tickets", data={"csrf_token": CSRF})
    assert answer.status_code == 403
