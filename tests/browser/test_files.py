"""The client's files, as any web page gets them."""

import posixpath
import re

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.web.client_routes import FILES

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ORIGIN = "https://app.example.com"


@pytest.fixture(params=["development", "production"])
def client(request: pytest.FixtureRequest, environment: dict[str, str]) -> FlaskClient:
    """Whoever asks for a file."""
    changes = {"APP_ENV": request.param, "CORS_ORIGINS": ORIGIN}
    return create_app(environment | changes).test_client()


def test_every_module_and_all_that_it_imports_is_served(client: FlaskClient) -> None:
    for name in (name for name in FILES if name.endswith(".js")):
        answer = client.get(f"/static/{name}")
        assert answer.status_code == 200
        assert answer.content_type == "text/javascript; charset=utf-8"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        for imported in re.findall(r"""from "(\..*?)";""", answer.text):
            assert posixpath.normpath(posixpath.join(posixpath.dirname(name), imported)) in FILES


def test_a_deployment_is_seen_at_once_and_what_has_not_changed_is_not_sent_again(
    client: FlaskClient,
) -> None:
    first = client.get("/static/tidings.js")
    assert first.headers["Cache-Control"] == "no-cache"
    etag = first.headers["ETag"]
    again = client.get("/static/tidings.js", headers={"If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["Cache-Control"] == "no-cache"
    assert client.get("/static/tidings.js", headers={"If-None-Match": '"x"'}).status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        "", "x.js", "tidings", "tidings/", "../client_routes.py", "..%2fclient_routes.py",
        "tidings/../../routes.py", "%2e%2e/routes.py", "/etc/passwd", "tidings.js/",
    ],
)  # fmt: skip
def test_nothing_else_is_served(client: FlaskClient, name: str) -> None:
    assert client.get(f"/static/{name}").status_code in (404, 308)


def test_a_listed_origin_may_import_it_and_no_other(client: FlaskClient) -> None:
    for origin, allowed in ((ORIGIN, ORIGIN), ("https://evil.example", None)):
        answer = client.get("/static/tidings.js", headers={"Origin": origin})
        assert answer.headers.get("Access-Control-Allow-Origin") == allowed
