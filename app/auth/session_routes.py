"""`POST` and `DELETE /session`; `POST /users/{id}/revoke`."""

from http import HTTPStatus
from typing import Annotated

from flask import Blueprint, Response, jsonify
from pydantic import BaseModel, Field

from app.audit import audit
from app.auth import csrf, sessions
from app.auth.callers import (
    authenticate_for_stream,
    by_cookie,
    identity,
    require_scope,
)
from app.describe import Answer, Output, describe
from app.errors import NotFound, Unauthorized
from app.identifiers import USER_ID_PATTERN, is_user_id
from app.limits import COSTLY, LOGIN, limited

blueprint = Blueprint("session", __name__)


class Session(Output):
    """The session that began."""

    user: str
    expires_at: Annotated[int, Field(description="Unix time; the cookies end then.")]
    csrf_token: Annotated[
        str,
        Field(
            description="To be sent as `X-CSRF-TOKEN` with each change. The page reads it in the "
            "cookie `csrf_access_token`; a page of another origin can't, and finds it here."
        ),
    ]


class UserPath(BaseModel):
    """The path of one user."""

    user_id: Annotated[str, Field(pattern=f"^{USER_ID_PATTERN}$")]


@blueprint.post("/session")
@describe(
    "session", {200: Answer(Session, headers=["Set-Cookie"])}, bearer_only=True, problems=[422]
)
@limited(LOGIN)
def start_session() -> Response:
    """Log a browser in: put the bearer token into a cookie that no script can read.

    It is the token itself, which stays good as a bearer token, too, and ends when it says.
    """
    csrf.check_origin()
    session = sessions.start()
    caller, csrf_token = session.caller, session.csrf_token
    response = jsonify(user=caller.user_id, expires_at=caller.expires_at, csrf_token=csrf_token)
    sessions.cookies().put(response, session.token, csrf_token, caller.expires_at)
    audit("session.started", user=caller.user_id, token_id=caller.token_id)
    return response


@blueprint.delete("/session")
@describe(
    "session",
    {204: Answer(headers=["Set-Cookie"], description="Logged out.")},
    public=True,
    problems=[401, 403, 503],
)
@limited(COSTLY)
def end_session() -> Response:
    """Log out: revoke the token of the cookie, or the bearer token; clear the cookies.

    From then on it is refused everywhere, and its open streams end within a second. Whoever has a
    good session needs its `X-CSRF-TOKEN`. Without a cookie, or with one that is no longer or never
    was good, there is nothing to end: that is no error, so that logging out always works. A bad
    bearer token is one.
    """
    try:
        caller = authenticate_for_stream()
    except Unauthorized:
        if not by_cookie():
            raise
        csrf.check_origin()
    else:
        sessions.end(caller)
    return _cleared()


def _cleared() -> Response:
    response = Response(status=HTTPStatus.NO_CONTENT)
    sessions.cookies().clear(response)
    return response


@blueprint.post("/users/<user_id>/revoke")
@describe(
    "session",
    {204: Answer(description="Done.")},
    path=UserPath,
    scopes=["admin"],
    problems=[404],
)
@limited(COSTLY)
@require_scope("admin")
def revoke_user(user_id: str) -> Response:
    """Log a user out everywhere: refuse all tokens issued before now, and end the streams.

    Tokens issued from the next second on are good. One that does not say when it was issued
    (`iat`) is refused for good.
    """
    if not is_user_id(user_id):
        raise NotFound("No user can have this id.")
    sessions.end_all(user_id, identity())
    return Response(status=HTTPStatus.NO_CONTENT)
