"""The REST API of the inbox."""

import hashlib
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Self
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, Response, jsonify, request
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from app import bus, validation
from app.auth import authenticated, identity
from app.bus import Push
from app.describe import Answer, describe
from app.errors import NotFound
from app.extensions import tidings
from app.identifiers import CONTROL, SUBJECT_KEY_PATTERN, Worded
from app.limits import COSTLY, ORDINARY, limited
from app.notifications import answers, bulk, inbox, mailboxes
from app.notifications.draft import MAX_KIND_CHARS
from app.notifications.models import Mailbox, Notification
from app.notifications.representation import counts_json, notification_json
from app.notifications.states import UNCHANGED, Change
from app.times import UtcTime

blueprint = Blueprint("notifications", __name__)

MAX_SEQ = 2**63 - 1
DEFAULT_PAGE = 20
MAX_PAGE = 100
MAX_IDS = 1_000
# The second is RFC 7396's, and what it says is what is done here.
PATCH_TYPES = ("application/json", "application/merge-patch+json")

Seq = Annotated[int, Field(ge=0, le=MAX_SEQ)]


Kind = Annotated[str, Field(pattern=rf"^[^{CONTROL}]{{1,{MAX_KIND_CHARS}}}$")]
Subject = Annotated[str, Field(pattern=f"^{SUBJECT_KEY_PATTERN}$"), Worded("Should be TYPE/ID")]


class ListQuery(validation.Input):
    """The query string of the list."""

    status: inbox.Status = "inbox"
    kind: validation.Omittable[Kind] = None
    subject: validation.Omittable[Subject] = None
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = DEFAULT_PAGE
    cursor: validation.Omittable[Annotated[int, Field(ge=1, le=MAX_SEQ)]] = None


class NotificationPath(BaseModel):
    """The path of one notification."""

    notification_id: UUID


class Patch(validation.Input):
    """What can be changed of a notification; what is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    read: validation.Omittable[Annotated[bool, Field(strict=True)]] = None
    archived: validation.Omittable[Annotated[bool, Field(strict=True)]] = None
    snoozed_until: Annotated[
        UtcTime | None, Field(description="A time to come; null brings it back now.")
    ] = None

    @field_validator("snoozed_until")
    @classmethod
    def _to_come(cls, value: datetime | None) -> datetime | None:
        if value is not None and value <= datetime.now(UTC):
            raise ValueError("must be in the future")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("names nothing to change")
        if self.archived and self.snoozed_until:
            raise ValueError("archived and snoozed exclude each other")
        return self

    def change(self) -> Change:
        """What is to be so."""
        named = "snoozed_until" in self.model_fields_set
        return Change(self.read, self.archived, self.snoozed_until if named else UNCHANGED)


class BulkFilter(validation.Input):
    """Which notifications; without a status those in the inbox (to unarchive: the archived)."""

    status: validation.Omittable[inbox.Status] = None
    kind: validation.Omittable[Kind] = None
    subject: validation.Omittable[Subject] = None


class BulkChange(validation.Input):
    """What is to be done to many, and to which: `ids` or `filter`."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["ids"]}, {"required": ["filter"]}]}
    )

    action: bulk.Action
    ids: validation.Omittable[Annotated[list[UUID], Field(min_length=1, max_length=MAX_IDS)]] = None
    filter: validation.Omittable[BulkFilter] = None
    up_to: Annotated[
        validation.Omittable[Annotated[Seq, Field(strict=True)]],
        Field(description="Leave alone what came to the top of the list after this seq."),
    ] = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.ids is None) == (self.filter is None):
            raise ValueError("needs either ids or filter (an empty one is for all)")
        return self

    def which(self) -> list[UUID] | bulk.Filter:
        """The notifications that are meant."""
        if self.filter is None:
            return self.ids or []
        return bulk.Filter(self.filter.status, self.filter.kind, _split(self.filter.subject))


class Seen(validation.Input):
    """How far the person has seen the list."""

    up_to: Annotated[Seq, Field(strict=True)]


@blueprint.get("/notifications")
@describe(
    "inbox",
    {
        200: Answer(answers.NotificationPage, headers=["Link", "ETag"]),
        304: Answer(headers=["ETag"], description="It is still as it was."),
    },
    query=ListQuery,
    request_headers=["If-None-Match"],
)
@limited(ORDINARY)
@authenticated
def list_notifications() -> Response:
    """A page of the caller's notifications, newest first."""
    wanted = validation.query(ListQuery)
    user_id = identity().user_id
    if request.if_none_match:
        version = _version(user_id, mailboxes.read_mailbox(user_id))
        if request.if_none_match.contains_weak(version):
            unchanged = Response(status=HTTPStatus.NOT_MODIFIED)
            unchanged.set_etag(version, weak=True)
            return unchanged
    page = inbox.list_notifications(
        user_id,
        inbox.Wanted(wanted.status, wanted.kind, _split(wanted.subject)),
        wanted.cursor,
        wanted.limit,
    )
    cursor = str(page.next_cursor) if page.next_cursor else None
    response = jsonify(
        items=[notification_json(row) for row in page.rows],
        next_cursor=cursor,
        **counts_json(page.mailbox),
    )
    response.set_etag(_version(user_id, page.mailbox), weak=True)
    if cursor:
        query = urlencode({**request.args.to_dict(), "cursor": cursor})
        response.headers["Link"] = f'<{request.path}?{query}>; rel="next"'
    return response


def _split(subject: str | None) -> tuple[str, str] | None:
    if subject is None:
        return None
    subject_type, _, subject_id = subject.partition("/")
    return subject_type, subject_id


def _version(user_id: str, mailbox: Mailbox) -> str:
    """Names the state of a list: no list of a mailbox changes without one of these.

    Two people have two lists at one address, and may have them in one browser.
    """
    asked = hashlib.sha256(f"{user_id}?".encode() + request.query_string).hexdigest()[:16]
    return f"{mailbox.last_seq}.{mailbox.pruned_seq}.{asked}"


@blueprint.get("/notifications/<notification_id>")
@describe("inbox", answers.Notification, path=NotificationPath, problems=[404])
@limited(ORDINARY)
@authenticated
def get_notification(notification_id: str) -> Response:
    """One of the caller's notifications."""
    row = inbox.get_notification(identity().user_id, _id(notification_id))
    return jsonify(notification_json(row))


@blueprint.patch("/notifications/<notification_id>")
@describe(
    "inbox",
    answers.CountedNotification,
    path=NotificationPath,
    body=dict.fromkeys(PATCH_TYPES, Patch),
    problems=[404],
)
@limited(ORDINARY)
@authenticated
def patch_notification(notification_id: str) -> Response:
    """Mark one of the caller's notifications read, archived, snoozed or not; its new state."""
    wanted = validation.body(Patch, PATCH_TYPES).change()
    changed = inbox.change_notification(
        identity().user_id, _id(notification_id), wanted, datetime.now(UTC)
    )
    _publish(changed.push)
    return jsonify(_with_counts(changed.row, changed))


@blueprint.post("/notifications/bulk")
@describe("inbox", answers.BulkResult, body=BulkChange)
@limited(COSTLY)
@authenticated
def change_many() -> Response:
    """Mark many of the caller's notifications read, unread, archived or not."""
    wanted = validation.body(BulkChange)
    done = bulk.change_many(
        identity().user_id, wanted.action, wanted.which(), wanted.up_to, datetime.now(UTC)
    )
    _publish(*done.pushes)
    return jsonify(updated=done.updated, **counts_json(done.mailbox))


@blueprint.get("/mailbox")
@describe("inbox", answers.Counts)
@limited(ORDINARY)
@authenticated
def get_mailbox() -> Response:
    """The caller's counts, and the seq they belong to."""
    return jsonify(counts_json(mailboxes.read_mailbox(identity().user_id)))


@blueprint.put("/mailbox/seen")
@describe("inbox", answers.Counts, body=Seen)
@limited(ORDINARY)
@authenticated
def put_seen() -> Response:
    """Clear the badge, on every device, of what came up to and with `up_to`."""
    mailbox, push = mailboxes.mark_seen(identity().user_id, validation.body(Seen).up_to)
    _publish(push)
    return jsonify(counts_json(mailbox))


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        # An id that can't be one is an unknown one, and answered alike.
        raise NotFound("There is no such notification.") from None


def _with_counts(row: Notification, changed: inbox.Changed) -> dict[str, Any]:
    counts = counts_json(changed.mailbox)
    return {**notification_json(row), "unread": counts["unread"], "unseen": counts["unseen"]}


def _publish(*pushes: Push | None) -> None:
    bus.publish_or_log(tidings().redis, [push for push in pushes if push])
