"""What a user id may be: one rule for tokens, events, URLs and channel names."""

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
