"""Times as they come in and go out: RFC 3339, in UTC within."""

import re
from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AwareDatetime, BeforeValidator
from pydantic_core import PydanticCustomError

# RFC 3339, section 5.6. Pydantic alone would also take Unix times, and times without seconds.
_RFC3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def _utc(value: object) -> object:
    try:
        if isinstance(value, str) and _RFC3339.fullmatch(value):
            value = datetime.fromisoformat(value.upper())
        if isinstance(value, datetime) and value.tzinfo is not None:
            return value.astimezone(UTC)
    except (ValueError, OverflowError):
        # The 30th of February, and the last hours of the year 9999 west of Greenwich.
        pass
    raise PydanticCustomError("time", "Should be an RFC 3339 time with an offset")


# Pydantic annotation: an RFC 3339 time with an offset; a datetime in UTC.
UtcTime = Annotated[AwareDatetime, BeforeValidator(_utc)]
