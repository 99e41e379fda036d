"""Problem details (RFC 9457) in the description: which operation may answer with which."""

from http import HTTPStatus
from typing import Annotated, Any, Final

from pydantic import Field

from app.describe import Description, Output
from app.errors import PHRASES, InvalidInput

MEDIA_TYPE: Final = "application/problem+json"

# Session cookies are sent along by other sites' pages; what changes something needs more.
UNSAFE_METHODS: Final = ("post", "put", "patch", "delete")

_MEANING: Final = {
    400: "The request can't be read: a body that is no JSON, a header that is no position.",
    401: "No token, or one that is not or no longer good.",
    403: "The token lacks a scope, or the session cookie its `X-CSRF-TOKEN`.",
    404: "There is no such thing, or it is somebody else's: the answer is the same.",
    405: "This path does not have this method.",
    413: "The body is too large.",
    415: "The body is of a type that is not taken here.",
    422: "The input is not valid; `errors` names every fault with its place.",
    429: "More often than is let through; try again after `Retry-After` seconds.",
    503: "The database or Redis is away; try again after `Retry-After` seconds.",
}
_HEADERS: Final = {
    401: ["WWW-Authenticate"],
    405: ["Allow"],
    429: ["Retry-After"],
    503: ["Retry-After"],
}


class Fault(Output):
    """What is wrong at one place of the input."""

    loc: Annotated[
        list[str | int],
        Field(description="`path`, `query` or `body`, then names and indexes from there."),
    ]
    msg: str


class ProblemDetails(Output):
    """Why a request was not answered."""

    type: Annotated[
        str,
        Field(
            pattern="^urn:tidings:problem:[a-z-]+$",
            description="What kind of problem: stable, to be compared by programs.",
        ),
    ]
    title: Annotated[str, Field(description="The same for people.")]
    status: Annotated[int, Field(ge=400, le=599)]
    detail: Annotated[str, Field(description="What it was this time.")]
    # Absent where it has nothing to say, and never empty.
    errors: Annotated[list[Fault], Field(min_length=1, default_factory=list)]


def statuses(method: str, said: Description, *, is_limited: bool) -> list[int]:
    """The problems that an operation may answer with: those it names, and those that follow."""
    found = {405, *said.problems, *([429] if is_limited else [])}
    if not said.public:
        # 429: also where there is no limit to what is good, there is one to what is not.
        found |= {401, 429, 503}
        if said.scopes or method in UNSAFE_METHODS:
            found.add(403)
    if said.query:
        found.add(said.invalid_query)
    if said.body:
        found |= {400, 413, 415, 422}
    return sorted(found)


def name(status: int) -> str:
    """What the response is called among the components."""
    return _title(status).replace(" ", "")


def responses(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Each problem's response, by name; `schema` points to ProblemDetails."""
    return {
        name(status): {
            "description": meaning,
            "headers": {header: header for header in _HEADERS.get(status, [])},
            "content": {MEDIA_TYPE: {"schema": schema, "example": _example(status)}},
        }
        for status, meaning in _MEANING.items()
    }


def _example(status: int) -> dict[str, Any]:
    title = _title(status)
    code = InvalidInput.code if status == InvalidInput.status else title.lower().replace(" ", "-")
    example = {
        "type": f"urn:tidings:problem:{code}",
        "title": title,
        "status": status,
        "detail": "Here it says what it was this time.",
    }
    if status == InvalidInput.status:
        example["errors"] = [{"loc": ["body", "up_to"], "msg": "Input should be a valid integer"}]
    return example


def _title(status: int) -> str:
    return PHRASES.get(status, HTTPStatus(status).phrase)
