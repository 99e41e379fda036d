"""The description itself: valid, whole, and made of what the views say."""

from typing import Any

import pytest
from flask import Blueprint, Flask
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from app.describe import Output, describe
from app.openapi.document import document
from tests.openapi.conftest import API
from tests.test_promises import without_implied

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

Json = dict[str, Any]


@pytest.fixture
def described(app: Flask) -> Json:
    """The description, as it is served."""
    answer = app.test_client().get(f"{API}/openapi.json")
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    found: Json = answer.get_json()
    return found


def test_it_is_valid_openapi_31(described: Json) -> None:
    assert described["openapi"].startswith("3.1.")
    validate(described, cls=OpenAPIV31SpecValidator)


def test_every_route_of_the_api_is_in_it(app: Flask, described: Json) -> None:
    expected = {
        (rule.rule.replace("<path:", "<").replace("<", "{").replace(">", "}"), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.endpoint.partition(".")[0] not in ("board", "web", "client", "openapi")
        for method in without_implied(rule)
    }
    found = {(path, method) for path, methods in described["paths"].items() for method in methods}
    assert found == expected


def add_a_route(app: Flask, **path: Any) -> None:
    """A route under /api/v1 that describes itself by what is given, if anything is."""
    blueprint = Blueprint("new", __name__)

    def view(name: str) -> str:
        return name

    if path:
        view = describe("inbox", Output, **path)(view)
    blueprint.get("/new/<name>")(view)
    app.register_blueprint(blueprint, url_prefix=API)


def test_a_route_that_does_not_describe_itself_is_an_error(app: Flask) -> None:
    add_a_route(app)
    with pytest.raises(LookupError, match=r"new\.view does not @describe itself"):
        document(app, API)


def test_a_route_that_forgets_an_argument_of_its_path_is_an_error(app: Flask) -> None:
    add_a_route(app, path=None)
    with pytest.raises(LookupError, match="the arguments of its path"):
        document(app, API)


def test_every_frame_of_the_stream_is_in_it(described: Json) -> None:
    stream = described["paths"][f"{API}/notifications/subscribe"]["get"]
    content = stream["responses"]["200"]["content"]["text/event-stream"]
    assert content["schema"] == {"$ref": "#/components/schemas/Frame"}
    frames = described["components"]["schemas"]["Frame"]["discriminator"]["mapping"]
    # DESIGN: what is on the wire, and the new notification, which has no name there.
    assert set(frames) == {
        *("connected", "updated", "mailbox", "reset", "draining", "expired", "ping"),
        "message",
    }


def test_every_schema_but_those_of_events_and_of_users_knows_all_of_its_names(
    described: Json,
) -> None:
    """What is answered has no more than is described, and what is sent may have no more."""
    open_to_more = {
        name
        for name, schema in described["components"]["schemas"].items()
        if schema.get("type") == "object" and schema.get("additionalProperties", True)
    }
    assert open_to_more == {"CloudEvent", "OpenStreams"}


def test_whoever_has_it_is_told_so(app: Flask) -> None:
    client = app.test_client()
    etag = client.get(f"{API}/openapi.json").headers["ETag"]
    again = client.get(f"{API}/openapi.json", headers={"If-None-Match": etag})
    assert (again.status_code, again.get_data()) == (304, b"")


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/docs/start.js"])
def test_nothing_may_frame_or_change_the_page(app: Flask, path: str) -> None:
    answer = app.test_client().get(API + path)
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_every_group_is_explained_and_has_operations(described: Json) -> None:
    used = {
        tag for path in described["paths"].values() for op in path.values() for tag in op["tags"]
    }
    assert {tag["name"] for tag in described["tags"]} == used


@pytest.mark.parametrize("name", ["..%2Froutes.py", "oauth2-redirect.html", "nothing"])
def test_no_other_file_is_served(app: Flask, name: str) -> None:
    assert app.test_client().get(f"{API}/docs/{name}").status_code == 404
