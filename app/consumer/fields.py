"""The parts that events of several types have in common."""

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from app.identifiers import CONTROL as _CONTROL
from app.identifiers import MAX_SUBJECT_ID_CHARS, MAX_SUBJECT_TYPE_CHARS, UserId, Worded
from app.notifications.draft import MAX_TITLE_CHARS, MAX_URL_CHARS

# What fits in a title beside a verb and the thing it was done to.
MAX_NAME_CHARS: Final = 100

# A browser takes `//host` and `/\host` for another host's address, and drops tabs and newlines
# before it looks: hence no control characters anywhere.
_HTTP: Final = rf"[Hh][Tt][Tt][Pp][Ss]?://[^/\\?# {_CONTROL}][^{_CONTROL}]*"
_PATH: Final = rf"/([^/\\{_CONTROL}][^{_CONTROL}]*)?"

Url = Annotated[
    str,
    StringConstraints(max_length=MAX_URL_CHARS, pattern=f"^({_HTTP}|{_PATH})$"),
    Worded(
        "Should be http://…, https://… or a path that begins with one slash, of at most "
        f"{MAX_URL_CHARS:,} characters, no control characters"
    ),
]
# Products number their things: 42 is taken for "42".
SubjectId = Annotated[
    str,
    Field(
        max_length=MAX_SUBJECT_ID_CHARS, pattern=rf"^[^{_CONTROL}]+$", coerce_numbers_to_str=True
    ),
    Worded(f"Should be a text of 1 to {MAX_SUBJECT_ID_CHARS} characters, or a number"),
]
# No slash: `?subject=TYPE/ID` is split at the first one.
SubjectType = Annotated[
    str,
    Field(max_length=MAX_SUBJECT_TYPE_CHARS, pattern=rf"^[^/{_CONTROL}]+$"),
    Worded(f"Should be a text of 1 to {MAX_SUBJECT_TYPE_CHARS} characters without a slash"),
]


class EventData(BaseModel):
    """Base of what is in an event: null is the same as absent, and unknown names are ignored.

    A producer may thus write all of its optional fields, and may say more than Tidings knows.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, values: Any) -> Any:
        if isinstance(values, dict) and None in values.values():
            return {name: value for name, value in values.items() if value is not None}
        return values


class Actor(EventData):
    """Who did it. The name, if there is none, is the id."""

    id: UserId
    name: Annotated[str, Field(max_length=MAX_NAME_CHARS)] = ""

    def snapshot(self) -> dict[str, str]:
        """The actor as a notification keeps it."""
        return {"id": self.id, "name": one_line(self.name) or self.id}


class Subject(EventData):
    """What it was done to. The title, if there is none, is the type and the id."""

    type: SubjectType
    id: SubjectId
    title: Annotated[str, Field(max_length=MAX_TITLE_CHARS)] = ""

    def snapshot(self) -> dict[str, str]:
        """The subject as a notification keeps it."""
        title = one_line(self.title) or f"{self.type} {self.id}"
        return {"type": self.type, "id": self.id, "title": title}


def one_line(text: str) -> str:
    """The text on one line, without space around it."""
    return " ".join(text.split())
