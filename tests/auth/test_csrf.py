"""Where a change comes from: a browser says it, and only this origin and the listed ones may."""

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.auth.conftest import COOKIE, CSRF, Sign

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

LISTED = "https://app.example.com"
HOST = "tidings.example.com"

Headers = dict[str, str]

FINE: list[Headers] = [
    {},  # no browser
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "same-origin", "Origin": f"https://{HOST}"},
    # A proxy that passes on another Host.
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://www.example.com"},
    {"Origin": f"https://{HOST}"},
    {"Origin": f"http://{HOST}"},
    {"Origin": LISTED},
    {"Origin": LISTED, "Sec-Fetch-Site": "cross-site"},
    {"Origin": LISTED, "Sec-Fetch-Site": "same-site"},
    {"Origin": "http://localhost:8000", "Host": "localhost:8000"},
    {"Origin": "http://[::1]:8000", "Host": "[::1]:8000"},
    {"Origin": f"https://{HOST}", "Host": f"{HOST}:443"},
    {"Origin": f"https://{HOST}", "Host": HOST.upper()},
]
FOREIGN: list[Headers] = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    {"Origin": ""},
    {"Origin": "https://"},
    {"Origin": "//"},
    {"Origin": "https://[evil"},
    {"Origin": f"https://{HOST}:99999999"},
    {"Origin": f"https://{HOST}:8443"},
    {"Origin": f"https://{HOST}.evil.example"},
    {"Origin": f"https://evil.example/{HOST}"},
    {"Origin": f"https://{HOST}@evil.example"},
    {"Origin": f"https://{HOST}, https://evil.example"},
    {"Origin": f"http://{HOST}", "Host": f"{HOST}:443"},
    {"Origin": f"{LISTED}.evil.example"},
    {"Origin": f"{LISTED}/"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": ""},
    {"Sec-Fetch-Site": "same-site", "Origin": f"https://other.{HOST}"},
    # The browser knows better than a comparison of hosts: the page's scheme differs.
    {"Sec-Fetch-Site": "cross-site", "Origin": f"http://{HOST}"},
]


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    """One other origin may call."""
    return environment | {"CORS_ORIGINS": LISTED}


@pytest.fixture
def browser(client: FlaskClient, sign: Sign) -> FlaskClient:
    """A browser that has a session."""
    for domain in (HOST, "localhost", "::1", "[::1]"):
        client.set_cookie(COOKIE, sign(), domain=domain)
    return client


def ask(
    client: FlaskClient, method: str, path: str, headers: Headers, **options: object
) -> TestResponse:
    """What a request with these headers is answered."""
    sent = {"Host": HOST, "X-CSRF-TOKEN": CSRF, **headers}
    # The environment's, and not the URL's: the test client makes Host of the URL otherwise.
    environ = {"HTTP_HOST": sent.pop("Host")}
    return client.open(
        f"/api/v1{path}",
        method=method,
        headers=sent,
        base_url=f"https://{HOST}",
        environ_overrides=environ,
        **options,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("headers", FINE)
def test_this_origin_and_those_that_are_listed_may_change(
    browser: FlaskClient, headers: Headers
) -> None:
    answer = ask(browser, "PUT", "/mailbox/seen", headers, json={"up_to": 0})
    assert answer.status_code == 200


@pytest.mark.parametrize("headers", FOREIGN)
def test_no_other_origin_may_also_with_the_csrf_token(
    browser: FlaskClient, headers: Headers
) -> None:
    for method, path, body in (
        ("PUT", "/mailbox/seen", {"up_to": 0}),
        ("POST", "/stream-tickets", None),
        ("DELETE", "/session", None),
    ):
        answer = ask(browser, method, path, headers, json=body)
        assert answer.status_code == 403, path
        assert "CORS_ORIGINS" in answer.get_json()["detail"]
    assert ask(browser, "GET", "/mailbox", headers).status_code == 200


@pytest.mark.parametrize("headers", FOREIGN)
def test_no_other_origin_may_log_a_browser_in(
    client: FlaskClient, sign: Sign, headers: Headers
) -> None:
    """The person would read and write as somebody else, and not know it."""
    bearer = {"Authorization": f"Bearer {sign()}"}
    answer = ask(client, "POST", "/session", headers | bearer)
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("headers", FINE)
def test_those_who_may_do(client: FlaskClient, sign: Sign, headers: Headers) -> None:
    bearer = {"Authorization": f"Bearer {sign()}"}
    assert ask(client, "POST", "/session", headers | bearer).status_code == 200


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_bearer_token_may_come_from_anywhere(
    client: FlaskClient, sign: Sign, headers: Headers
) -> None:
    """No browser sends it by itself."""
    bearer = {"Authorization": f"Bearer {sign()}"}
    answer = ask(client, "PUT", "/mailbox/seen", headers | bearer, json={"up_to": 0})
    assert answer.status_code == 200


@pytest.mark.parametrize("headers", FOREIGN)
def test_another_origin_does_not_even_clear_what_has_expired(
    client: FlaskClient, headers: Headers
) -> None:
    answer = ask(client, "DELETE", "/session", headers)
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("claim", ["\ud800", "é", "x" * 2_000])
def test_whatever_the_claim_is_it_is_compared_and_never_an_error(
    client: FlaskClient, sign: Sign, claim: str
) -> None:
    client.set_cookie(COOKIE, sign(csrf=claim), domain=HOST)
    answer = ask(client, "PUT", "/mailbox/seen", {}, json={"up_to": 0})
    assert answer.status_code == 403
