"""What operations have in common: headers, ways to say who one is, groups."""

from typing import Any, Final

from app.describe import Description
from app.openapi.problems import UNSAFE_METHODS

Json = dict[str, Any]

INTRODUCTION: Final = """\
Notifications, kept in a database and pushed to every open tab.

A user's *mailbox* has a version, its `seq`: whatever changes in it takes the next one. Lists and
counts tell the `seq` they belong to; a stream opened with it continues from there without a gap.

Times are RFC 3339. Unknown names in a query string or a body are refused, and so is `null` where
it is not said to be taken. What goes wrong is answered with problem details (RFC 9457).
"""

TAGS: Final = {
    "inbox": "List notifications, and change their state, one or many.",
    "stream": "Changes as they happen, over Server-Sent Events.",
    "preferences": "What one follows and has muted.",
    "session": "Log a browser in and out; log a user out everywhere.",
    "events": "Tell Tidings what happened.",
    "administration": "For who runs it.",
    "health": "For load balancers; outside of `/api/v1`.",
}

RESPONSE_HEADERS: Final[dict[str, Json]] = {
    "Link": {"description": '`rel="next"`: the next page.', "schema": {"type": "string"}},
    "ETag": {
        "description": "Names this state of the answer.",
        "schema": {"type": "string", "pattern": '^(W/)?"[^"]*"$'},
    },
    "Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 0}},
    "WWW-Authenticate": {"schema": {"type": "string"}},
    "Set-Cookie": {
        "description": "The session cookie, and the one with its CSRF token.",
        "schema": {"type": "string"},
    },
    "Allow": {"description": "The methods of this path.", "schema": {"type": "string"}},
    "X-RateLimit-Limit": {
        "description": "How often one may do this in a period.",
        "schema": {"type": "integer"},
    },
    "X-RateLimit-Remaining": {
        "description": "How often still, in this one.",
        "schema": {"type": "integer"},
    },
    "X-RateLimit-Reset": {
        "description": "When the next one begins, in Unix time.",
        "schema": {"type": "number"},
    },
}
# Of every answer where a limit holds.
LIMIT_HEADERS: Final = ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"]

REQUEST_HEADERS: Final[dict[str, Json]] = {
    "If-None-Match": {
        "description": "The `ETag` of what one has: answered with 304 if it is still so.",
        "schema": {"type": "string"},
    },
    "Last-Event-ID": {
        "description": "The `seq` of the last change one has, at most 2^63 - 1; an EventSource "
        "sends it by itself.",
        "schema": {"type": "string", "pattern": "^[0-9]{0,19}$"},
    },
}

SECURITY_SCHEMES: Final[dict[str, Json]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A JWT whose `sub` is the user and which has an `exp`.",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "access_token_cookie",
        "description": "The same token as a session cookie: see `POST /session`.",
    },
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": "X-CSRF-TOKEN",
        "description": "With the cookie, for what changes something: the value of the cookie "
        "`csrf_access_token`, which has the session cookie's prefix.",
    },
    "ticket": {
        "type": "apiKey",
        "in": "query",
        "name": "ticket",
        "description": "Opens one stream, once: see `POST /stream-tickets`.",
    },
}


def security(method: str, said: Description) -> list[Json]:
    """The ways to say who one is: any of the list, and of each all of its names."""
    if said.public:
        return []
    scopes = list(said.scopes)
    if said.bearer_only:
        return [{"bearer": scopes}]
    cookie: Json = {"cookie": scopes, **({"csrf": []} if method in UNSAFE_METHODS else {})}
    return [{"bearer": scopes}, cookie, *([{"ticket": []}] if said.tickets else [])]
