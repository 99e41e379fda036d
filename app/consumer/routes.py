"""`POST /events`: producing over HTTP."""

import logging
from http import HTTPStatus
from typing import Final, Literal

import redis
from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from app import validation
from app.audit import audit
from app.auth import identity, require_scope
from app.consumer import bodies, posting
from app.consumer.dry_run import DryRun, dry_run
from app.consumer.envelope import TooLarge
from app.consumer.posting import Posted
from app.consumer.producer import emit_all
from app.describe import Answer, Output, describe
from app.errors import InvalidInput, ServiceUnavailable
from app.extensions import settings, tidings
from app.limits import ORDINARY, limited

log = logging.getLogger(__name__)

blueprint = Blueprint("events", __name__)

# A full batch of events of a kilobyte, which is twice what a story's comment takes. What a worker
# parses it does at one go, while its streams wait: 1 MiB takes some 10 ms. nginx, too, lets no more
# than this through unless it is told to.
MAX_POST_BYTES: Final = 1024 * 1024

ONE: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
EITHER: Final = "application/json"


class PostQuery(validation.Input):
    """The query string: by `dry_run=true` nothing is written."""

    dry_run: Literal["true", "false"] = "false"


class Accepted(Output):
    """How many events Redis holds, and the ids of their entries in the stream, in order."""

    accepted: int
    ids: list[str]


@blueprint.post("/events")
@describe(
    "events",
    {
        200: Answer(DryRun, description="With `dry_run=true`: what would become of them."),
        202: Answer(Accepted, description="Redis holds them."),
    },
    query=PostQuery,
    body={
        ONE: bodies.CloudEvent,
        BATCH: bodies.CloudEventBatch,
        EITHER: bodies.CloudEventOrBatch,
    },
    scopes=["events:write"],
)
@limited(ORDINARY)
@require_scope("events:write")
def post_events() -> tuple[Response, HTTPStatus]:
    """Take one CloudEvent, or an array of up to 1,000: all, or none.

    202 once Redis holds them; what a consumer would not take (its envelope, its data, a type that
    nobody handles) is 422, and none of the batch is written. 503 with Retry-After while Redis is
    away or full. If Redis was too slow to answer, they may be written all the same; sending them
    again is safe, as nobody is told twice of an event with the same `source` and `id`.

    With `dry_run=true`: 200, and who would be told what, and who not. A type that nobody handles is
    then part of the report.
    """
    wanted = validation.query(PostQuery)
    is_dry = wanted.dry_run == "true"
    posted = _posted(unknown_type_is_fine=is_dry)
    if is_dry:
        report: DryRun = dry_run([one.event for one in posted])
        return jsonify(report.model_dump()), HTTPStatus.OK
    accepted = _write(posted)
    return jsonify(accepted.model_dump()), HTTPStatus.ACCEPTED


def _posted(*, unknown_type_is_fine: bool) -> list[Posted]:
    """The events in the body. Raises what makes a 400, 413, 415 or 422."""
    media_type = _media_type()
    value = posting.parse(validation.raw_body(MAX_POST_BYTES))
    if isinstance(value, list):
        if media_type == ONE:
            raise _misfit(f"Should be one event; send an array as {BATCH}")
        return posting.take_batch(value, unknown_type_is_fine=unknown_type_is_fine)
    if media_type == BATCH:
        raise _misfit(f"Should be an array of events; send one event as {ONE}")
    try:
        return [posting.take_one(value, unknown_type_is_fine=unknown_type_is_fine)]
    except TooLarge as error:
        raise RequestEntityTooLarge(f"{error}.") from None


def _media_type() -> str:
    """The body's media type. Raises UnsupportedMediaType."""
    if request.mimetype not in (ONE, BATCH, EITHER):
        raise UnsupportedMediaType(
            f"Send one event as {ONE}, an array as {BATCH}, or either as {EITHER}."
        )
    if request.mimetype_params.get("charset", "utf-8").lower() != "utf-8":
        raise UnsupportedMediaType("Send the JSON in UTF-8.")
    if request.content_encoding not in (None, "", "identity"):
        raise UnsupportedMediaType("Send the body without a Content-Encoding.")
    return request.mimetype


def _misfit(said: str) -> InvalidInput:
    return InvalidInput(errors=[{"loc": ["body"], "msg": said}])


def _write(posted: list[Posted]) -> Accepted:
    """Put them on the stream. Raises ServiceUnavailable."""
    entries = [one.entry for one in posted]
    who = identity().user_id
    try:
        ids = emit_all(tidings().redis, settings().event_stream, entries)
    except (redis.ConnectionError, redis.TimeoutError) as error:
        audit("events.posted", user=who, count=len(entries), outcome="unknown")
        raise ServiceUnavailable(
            "Redis, which holds the events, does not answer. Send them again: should it have them "
            "already, nobody is told twice."
        ) from error
    except redis.RedisError as error:
        log.warning("Redis takes no events: %s", error)
        raise ServiceUnavailable(
            "Redis, which holds the events, takes none now; nothing was accepted."
        ) from error
    audit("events.posted", user=who, count=len(ids), first=ids[0], last=ids[-1])
    return Accepted(accepted=len(ids), ids=ids)
