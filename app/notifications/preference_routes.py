"""The REST API of what one follows and has muted."""

from typing import Annotated, Self

from flask import Blueprint, Response, jsonify
from pydantic import BaseModel, ConfigDict, Field, model_validator

from app import validation
from app.auth import authenticated, identity
from app.describe import describe
from app.errors import NotFound
from app.identifiers import (
    CONTROL,
    MAX_SUBJECT_ID_CHARS,
    MAX_SUBJECT_TYPE_CHARS,
    is_subject_key,
    subject_key,
)
from app.limits import COSTLY, ORDINARY, limited
from app.notifications import answers, following, preferences
from app.notifications.routes import Kind, Subject

blueprint = Blueprint("preferences", __name__)

# As many as a person could ever have muted by hand.
MAX_KINDS = 100
MAX_SUBJECTS = 1_000
# As long as all of them can be.
MAX_PREFERENCES_BYTES = 1024 * 1024


class NewPreferences(validation.Input):
    """What is to be muted in place of what was; what is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    muted_kinds: validation.Omittable[Annotated[list[Kind], Field(max_length=MAX_KINDS)]] = None
    muted_subjects: validation.Omittable[
        Annotated[list[Subject], Field(max_length=MAX_SUBJECTS)]
    ] = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.muted_kinds is None and self.muted_subjects is None:
            raise ValueError("needs muted_kinds, muted_subjects or both")
        return self


class SubjectPath(BaseModel):
    """The path of one subject."""

    subject_type: Annotated[
        str, Field(pattern=rf"^[^/{CONTROL}]+$", max_length=MAX_SUBJECT_TYPE_CHARS)
    ]
    subject_id: Annotated[
        str,
        Field(
            pattern=rf"^[^{CONTROL}]+$",
            max_length=MAX_SUBJECT_ID_CHARS,
            description="Slashes may stand as they are.",
        ),
    ]


@blueprint.get("/preferences")
@describe("preferences", answers.Preferences)
@limited(ORDINARY)
@authenticated
def get_preferences() -> Response:
    """What the caller has muted."""
    return _shown(preferences.preferences_of(identity().user_id))


@blueprint.put("/preferences")
@describe("preferences", answers.Preferences, body=NewPreferences)
@limited(COSTLY)
@authenticated
def put_preferences() -> Response:
    """Mute kinds and subjects: their events make no notification for the caller from now on."""
    wanted = validation.body(NewPreferences, most_bytes=MAX_PREFERENCES_BYTES)
    return _shown(
        preferences.set_preferences(identity().user_id, wanted.muted_kinds, wanted.muted_subjects)
    )


def _shown(kept: preferences.Preferences) -> Response:
    return jsonify(muted_kinds=kept.muted_kinds, muted_subjects=kept.muted_subjects)


@blueprint.get("/subjects/<subject_type>/<path:subject_id>")
@describe("preferences", answers.Attitude, path=SubjectPath, problems=[404])
@limited(ORDINARY)
@authenticated
def get_subject(subject_type: str, subject_id: str) -> Response:
    """Whether the caller follows a subject, and has muted it."""
    return _attitude(_key(subject_type, subject_id))


@blueprint.put("/subjects/<subject_type>/<path:subject_id>/follow")
@describe("preferences", answers.Attitude, path=SubjectPath, problems=[404])
@limited(ORDINARY)
@authenticated
def follow(subject_type: str, subject_id: str) -> Response:
    """Follow a subject: the caller is told of its events."""
    key = _key(subject_type, subject_id)
    following.follow(identity().user_id, key)
    return _attitude(key)


@blueprint.delete("/subjects/<subject_type>/<path:subject_id>/follow")
@describe("preferences", answers.Attitude, path=SubjectPath, problems=[404])
@limited(ORDINARY)
@authenticated
def unfollow(subject_type: str, subject_id: str) -> Response:
    """No longer follow a subject."""
    key = _key(subject_type, subject_id)
    following.unfollow(identity().user_id, key)
    return _attitude(key)


def _key(subject_type: str, subject_id: str) -> str:
    key = subject_key(subject_type, subject_id)
    if not is_subject_key(key):
        raise NotFound("No subject can have this type and id.")
    return key


def _attitude(key: str) -> Response:
    stands = preferences.attitude(identity().user_id, key)
    return jsonify(following=stands.following, muted=stands.muted)
