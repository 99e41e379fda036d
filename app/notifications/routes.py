"""The REST API of the inbox."""

from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, Response, jsonify, request
from pydantic import Field, field_validator

from app import bus, validation
from app.auth import authenticated, identity
from app.bus import Push
from app.errors import InvalidInput, NotFound
from app.extensions import tidings
from app.notifications import inbox, mailboxes
from app.notifications.models import Notification
from app.notifications.representation import counts_json, notification_json

blueprint = Blueprint("notifications", __name__)

MAX_SEQ = 2**63 - 1
DEFAULT_PAGE = 20
MAX_PAGE = 100

Seq = Annotated[int, Field(ge=0, le=MAX_SEQ)]


class ListQuery(validation.Input):
    """The query string of the list."""

    status: inbox.Status = "inbox"
    kind: Annotated[str, Field(pattern=r"^[^\x00]{1,100}$")] | None = None
    subject: Annotated[str, Field(pattern=r"^[^/\x00]{1,100}/[^\x00]{1,200}$")] | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = DEFAULT_PAGE
    cursor: Annotated[int, Field(ge=1, le=MAX_SEQ)] | None = None


class Patch(validation.Input):
    """What can be changed of a notification; what is left out stays as it is."""

    read: Annotated[bool, Field(strict=True)] | None = None
    archived: Annotated[bool, Field(strict=True)] | None = None

    @field_validator("read", "archived", mode="before")
    @classmethod
    def _said(cls, value: object) -> object:
        # None stands for what was left out; sent as null it would be answered, and change nothing.
        if value is None:
            raise ValueError("must be true or false")
        return value


class Seen(validation.Input):
    """How far the person has seen the list."""

    up_to: Annotated[Seq, Field(strict=True)]


@blueprint.after_request
def _private(response: Response) -> Response:
    response.headers.setdefault("Cache-Control", "no-store")
    return response


@blueprint.get("/notifications")
@authenticated
def list_notifications() -> Response:
    """A page of the caller's notifications, newest first."""
    wanted = validation.query(ListQuery)
    subject_type, _, subject_id = (wanted.subject or "").partition("/")
    subject = (subject_type, subject_id) if wanted.subject else None
    page = inbox.list_notifications(
        identity().user_id,
        inbox.Wanted(wanted.status, wanted.kind, subject),
        wanted.cursor,
        wanted.limit,
    )
    cursor = str(page.next_cursor) if page.next_cursor else None
    response = jsonify(
        items=[notification_json(row) for row in page.rows],
        next_cursor=cursor,
        **counts_json(page.mailbox),
    )
    if cursor:
        query = urlencode({**request.args.to_dict(), "cursor": cursor})
        response.headers["Link"] = f'<{request.path}?{query}>; rel="next"'
    return response


@blueprint.get("/notifications/<notification_id>")
@authenticated
def get_notification(notification_id: str) -> Response:
    """One of the caller's notifications."""
    row = inbox.get_notification(identity().user_id, _id(notification_id))
    return jsonify(notification_json(row))


@blueprint.patch("/notifications/<notification_id>")
@authenticated
def patch_notification(notification_id: str) -> Response:
    """Mark one of the caller's notifications read, unread, archived or not; its new state."""
    patch = validation.body(Patch)
    if not patch.model_fields_set:
        raise InvalidInput(errors=[{"loc": ["body"], "msg": "names nothing to change"}])
    changed = inbox.change_notification(
        identity().user_id,
        _id(notification_id),
        datetime.now(UTC),
        read=patch.read,
        archived=patch.archived,
    )
    _publish(changed.push)
    return jsonify(_with_counts(changed.row, changed))


@blueprint.get("/mailbox")
@authenticated
def get_mailbox() -> Response:
    """The caller's counts, and the seq they belong to."""
    return jsonify(counts_json(mailboxes.read_mailbox(identity().user_id)))


@blueprint.put("/mailbox/seen")
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


def _publish(push: Push | None) -> None:
    if push is not None:
        bus.publish_or_log(tidings().redis, [push])
