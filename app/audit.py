"""The audit trail: who produced, revoked or deleted something; one line for each such act."""

import getpass
import json
import logging
import os
import re
from typing import Final

# A logger of its own, which `app.ops.logs` keeps open whatever the level of the others.
LOGGER: Final = "tidings.audit"

log = logging.getLogger(LOGGER)

# What needs no quotes. Anything else is written as a JSON string in ASCII: no value can end the
# line, look like another field, or move a terminal's cursor.
_PLAIN = re.compile(r"[A-Za-z0-9._~@:/+-]+")
# A line names who and what, and holds no copy of it.
_MOST_CHARACTERS = 200
# `token_id` is fine: it names a token, and opens nothing.
_SECRET = re.compile(r"secret|ticket|password|cookie|authorization|token(?!_id$)")


def audit(action: str, **fields: str | int | None) -> None:
    """Write `action` and `fields` on one line; fields that are None are left out.

    As text `action=events.posted user=ada count=3`; with `LOG_FORMAT=json` the line has these as an
    object, `audit`, too. A text longer than 200 characters is cut. Raises ValueError for a field
    whose name says that its value is a secret.
    """
    said: dict[str, str | int] = {"action": action}
    for name, value in fields.items():
        if _SECRET.search(name):
            raise ValueError(f"{name}: secrets don't belong in logs")
        if value is not None:
            said[name] = value[:_MOST_CHARACTERS] if isinstance(value, str) else value
    line = " ".join(f"{name}={_shown(value)}" for name, value in said.items())
    log.info("%s", line, extra={"audit": said})


def operator() -> str:
    """Who runs this command: the name of the system's user, or its number if it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _shown(value: str | int) -> str:
    text = str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text)
