"""What a user id and a subject may be: one rule for tokens, events, URLs and channel names."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeGuard

from pydantic import GetCoreSchemaHandler, StringConstraints
from pydantic_core import CoreSchema, core_schema

# Every one of these may stand unescaped in a URL's path and in a Redis channel's name, and they
# cover e-mail addresses, UUIDs and "tenant:user". 128 keeps the id indexable in any database.
# Not anchored: match it whole. `$` would also match before a newline at the end.
USER_ID_PATTERN: Final = r"[A-Za-z0-9._~@:-]{1,128}"
USER_ID_RULE: Final = "1 to 128 of A-Z a-z 0-9 . _ ~ @ : -"

_USER_ID: Final = re.compile(USER_ID_PATTERN)


def is_user_id(value: object) -> TypeGuard[str]:
    """Whether the value is a string of 1 to 128 of `A-Z a-z 0-9 . _ ~ @ : -`."""
    return isinstance(value, str) and _USER_ID.fullmatch(value) is not None


# C0 and C1: no name has them.
CONTROL: Final = r"\x00-\x1f\x7f-\x9f"
# A table's or a resource's name. It is indexed with the id, and mutes are looked up by both.
MAX_SUBJECT_TYPE_CHARS: Final = 100
# As long as a user id: a UUID, a slug, a path. `TYPE:ID:what` stays within a group key.
MAX_SUBJECT_ID_CHARS: Final = 128
# `TYPE/ID`. No type has a slash, so that it can be split at the first one.
SUBJECT_KEY_PATTERN: Final = (
    rf"[^/{CONTROL}]{{1,{MAX_SUBJECT_TYPE_CHARS}}}/[^{CONTROL}]{{1,{MAX_SUBJECT_ID_CHARS}}}"
)

_SUBJECT_KEY: Final = re.compile(SUBJECT_KEY_PATTERN)


def is_subject_key(value: object) -> TypeGuard[str]:
    """Whether the value is a subject's type and id, as `TYPE/ID`."""
    return isinstance(value, str) and _SUBJECT_KEY.fullmatch(value) is not None


def subject_key(subject_type: str, subject_id: str) -> str:
    """A subject as one text, `TYPE/ID`."""
    return f"{subject_type}/{subject_id}"


@dataclass(frozen=True, slots=True)
class Worded:
    """Pydantic annotation: says one plain sentence, whatever is wrong with the value."""

    sentence: str

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.custom_error_schema(
            handler(source), custom_error_type="worded", custom_error_message=self.sentence
        )


# Pydantic's own regular expressions end at `$` and nowhere else.
UserId = Annotated[
    str,
    StringConstraints(pattern=f"^{USER_ID_PATTERN}$"),
    Worded(f"Not a user id ({USER_ID_RULE})"),
]
