"""What the API does not understand is refused, and each fault is named."""

import pytest

from app import MAX_BODY_BYTES
from tests.notifications.world import Caller, Json, World

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

SEEN = "/mailbox/seen"
JSON = "application/json"


def faults(problem: Json) -> list[str]:
    """Where the faults are: `query.limit`, …"""
    return [".".join(map(str, error["loc"])) for error in problem["errors"]]


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("limt=5", ["limt"]),
        ("limit=0", ["limit"]),
        ("limit=101", ["limit"]),
        ("limit=-1", ["limit"]),
        ("limit=", ["limit"]),
        ("limit=ten", ["limit"]),
        ("limit=1.5", ["limit"]),
        ("limit=" + "9" * 5_000, ["limit"]),
        ("cursor=0", ["cursor"]),
        ("cursor=-3", ["cursor"]),
        ("cursor=", ["cursor"]),
        ("cursor=abc", ["cursor"]),
        (f"cursor={2**63}", ["cursor"]),
        ("status=read", ["status"]),
        ("status=Inbox", ["status"]),
        ("status=", ["status"]),
        # Later versions know it; until then it is no silent `inbox`.
        ("status=gone", ["status"]),
        ("kind=", ["kind"]),
        ("kind=a%00b", ["kind"]),
        ("kind=" + "k" * 101, ["kind"]),
        ("subject=story", ["subject"]),
        ("subject=/42", ["subject"]),
        ("subject=story/", ["subject"]),
        ("subject=story/%00", ["subject"]),
        ("subject=st%00ry/42", ["subject"]),
        ("subject=" + "t" * 101 + "/42", ["subject"]),
        ("subject=story/" + "4" * 201, ["subject"]),
        ("limit=0&status=x&nonsense=1&kind=%00", ["kind", "limit", "nonsense", "status"]),
        ("limit=5&limit=5", ["limit"]),
        ("kind=a&limit=5&kind=b&limit=6", ["kind", "limit"]),
        ("%00=1", ["\0"]),
        ("=1", [""]),
    ],
)
def test_a_query_that_is_not_understood_names_each_fault(
    grace: Caller, query: str, wrong: list[str]
) -> None:
    answer = grace.request("GET", "/notifications", query_string=query)
    problem = answer.get_json()
    assert answer.status_code == problem["status"] == 422
    assert problem["type"] == "urn:tidings:problem:invalid-input"
    assert sorted(faults(problem)) == [f"query.{name}" for name in wrong]
    assert all(error["msg"] for error in problem["errors"])


@pytest.mark.parametrize(
    "query",
    [
        "limit=1",
        "limit=100",
        f"cursor={2**63 - 1}",
        "kind=" + "é" * 100,
        "kind=%ff%fe",
        "subject=" + "t" * 100 + "/" + "4" * 128,
        "subject=a//b",
        "status=unread&kind=x&subject=a/b&limit=2&cursor=9",
    ],
)
def test_the_limits_themselves_are_allowed(grace: Caller, query: str) -> None:
    assert grace.request("GET", "/notifications", query_string=query).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        "",
        " ",
        "{",
        '{"up_to": 1',
        "{'up_to': 1}",
        '{"up_to": 01}',
        '{"up_to": 1}{}',
        b'{"up_to": "\xff"}',
        b"\xef\xbb\xbf{",
        "[" * 60_000,
        '{"up_to":' * 5_000,
    ],
)
def test_a_body_that_is_no_json_is_a_bad_request(grace: Caller, body: str | bytes) -> None:
    answer = grace.request("PUT", SEEN, data=body, content_type=JSON)
    problem = answer.get_json()
    assert (answer.status_code, problem["type"]) == (400, "urn:tidings:problem:bad-request")
    assert problem["detail"].startswith("The body is not JSON: ")


@pytest.mark.parametrize(
    "content_type",
    [
        *(None, "", "json", "/", "text/plain", "application/x-www-form-urlencoded"),
        *("application/jsonp", "application/merge-patch+json", "application/problem+json"),
    ],
)
def test_a_body_of_another_type_is_refused(
    world: World, grace: Caller, content_type: str | None
) -> None:
    """A form of another origin needs no preflight; it must not get through as JSON."""
    world.tell("grace")
    answer = grace.request("PUT", SEEN, data='{"up_to": 1}', content_type=content_type)
    assert (answer.status_code, answer.get_json()["status"]) == (415, 415)
    assert grace.json("/mailbox")["unseen"] == 1


@pytest.mark.parametrize(
    "content_type", [JSON, "application/json; charset=utf-8", "Application/JSON"]
)
def test_json_by_any_spelling_of_its_name_is_taken(
    world: World, grace: Caller, content_type: str
) -> None:
    world.tell("grace")
    answer = grace.request("PUT", SEEN, data='{"up_to": 1}', content_type=content_type)
    assert (answer.status_code, answer.get_json()["unseen"]) == (200, 0)


def padded(size: int) -> str:
    """A valid body of so many bytes."""
    return '{"up_to": 1}'.ljust(size)


def test_a_body_of_the_largest_size_is_read(grace: Caller) -> None:
    answer = grace.request("PUT", SEEN, data=padded(MAX_BODY_BYTES), content_type=JSON)
    assert answer.status_code == 200


@pytest.mark.parametrize("path", [SEEN, "/notifications/1"])
def test_a_larger_body_is_refused(grace: Caller, path: str) -> None:
    method = "PUT" if path == SEEN else "PATCH"
    answer = grace.request(method, path, data=padded(MAX_BODY_BYTES + 1), content_type=JSON)
    assert (answer.status_code, answer.get_json()["status"]) == (413, 413)


def test_a_larger_body_whose_size_is_not_said_is_refused_too(grace: Caller) -> None:
    def put(body: str) -> int:
        return grace.request(
            "PUT",
            SEEN,
            data=body,
            content_type=JSON,
            headers={"Transfer-Encoding": "chunked"},
            environ_overrides={"wsgi.input_terminated": True},  # as gunicorn says
        ).status_code

    assert put(padded(MAX_BODY_BYTES + 1)) == 413
    assert put(padded(MAX_BODY_BYTES - 1)) == 200


def test_every_fault_of_a_body_is_named_at_once(world: World, grace: Caller) -> None:
    [notification_id] = world.tell("grace")
    answer = grace.patch(notification_id, read="yes", archived=0, seq=5)
    assert sorted(faults(answer.get_json())) == ["body.archived", "body.read", "body.seq"]


@pytest.mark.parametrize(
    ("method", "path", "body", "place"),
    [
        ("PATCH", "/notifications/1", {"read": None}, "body.read"),
        ("POST", "/notifications/bulk", {"action": "read", "filter": None}, "body.filter"),
        ("POST", "/notifications/bulk", {"action": "read", "ids": None, "filter": {}}, "body.ids"),
        ("PUT", "/preferences", {"muted_kinds": None, "muted_subjects": []}, "body.muted_kinds"),
    ],
)
def test_null_is_not_taken_for_what_is_left_out(
    grace: Caller, method: str, path: str, body: dict[str, object], place: str
) -> None:
    answer = grace.request(method, path, json=body)
    assert (answer.status_code, faults(answer.get_json())) == (422, [place])
