"""`GET /presence`: who has streams open."""

from typing import Annotated

import redis
from flask import Blueprint, Response, jsonify, request
from pydantic import Field, RootModel, ValidationError

from app.auth import require_scope
from app.describe import describe
from app.errors import InvalidInput, ServiceUnavailable
from app.extensions import tidings
from app.identifiers import UserId
from app.limits import COSTLY, limited
from app.sse.presence import Presence
from app.validation import Input

blueprint = Blueprint("presence", __name__)

MOST_USERS = 100


class PresenceQuery(Input):
    """Whom one asks about."""

    user: Annotated[
        list[UserId],
        Field(min_length=1, max_length=MOST_USERS, description="Repeated for each user."),
    ]


class OpenStreams(RootModel[dict[UserId, Annotated[int, Field(ge=0)]]]):
    """How many streams each of these users has open, across all workers and machines."""


@blueprint.get("/presence")
@describe("administration", OpenStreams, query=PresenceQuery, scopes=["admin"], problems=[503])
@limited(COSTLY)
@require_scope("admin")
def presence() -> Response:
    """Who of these users has streams open, and how many.

    As of about now: a stream whose browser went away without a word counts until its next `ping`,
    and one whose server was killed for 15 seconds.
    """
    asked = _asked()
    try:
        found = Presence(tidings().redis).streams_of(asked)
    except redis.RedisError as error:
        raise ServiceUnavailable("Redis, which has the numbers, does not answer.") from error
    return jsonify(found)


def _asked() -> list[str]:
    try:
        said = PresenceQuery.model_validate(dict(request.args.lists()))
    except ValidationError as error:
        raise InvalidInput(
            errors=[
                {"loc": ["query", *fault["loc"]], "msg": fault["msg"]}
                for fault in error.errors(
                    include_url=False, include_input=False, include_context=False
                )
            ]
        ) from None
    return list(dict.fromkeys(said.user))
