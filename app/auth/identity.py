"""An identity: a user, what it may do, and until when."""

import hashlib
import json
import math
import re
from dataclasses import dataclass
from typing import Any, TypeGuard

from app.errors import Unauthorized
from app.identifiers import is_user_id

# The last second of the year 9999. A token that is good for longer ends then, which spares
# everybody arithmetic with numbers that no clock shows.
END_OF_TIME = 253_402_300_799

# What a database takes, in a column that holds so much.
_PLAIN_ID = re.compile(r"[!-~]{1,128}")


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller. `issued_at` and `expires_at` are Unix times in seconds.

    `token_id` is the token's `jti`, up to 128 characters of ASCII; a token without one, or with
    another one, is told by a digest of its claims.
    """

    user_id: str
    scopes: frozenset[str]
    issued_at: int | None
    expires_at: int
    token_id: str

    @classmethod
    def of_claims(cls, claims: dict[str, Any]) -> "Identity":
        """The identity that a verified token's claims state. Raises Unauthorized."""
        user_id, expires_at, scope = claims.get("sub"), claims.get("exp"), claims.get("scope", "")
        if not isinstance(user_id, str) or not is_user_id(user_id):
            raise Unauthorized("The token's sub is not a valid user id.")
        if not _is_moment(expires_at):
            # PyJWT checks exp only where there is one; without it a token would be good for ever.
            raise Unauthorized("The token has no exp.")
        for name in ("iat", "nbf"):
            # PyJWT takes text for a number; who relies on the claim later would not.
            if name in claims and not _is_moment(claims[name]):
                raise Unauthorized(f"The token's {name} is not a number of seconds.")
        if not isinstance(scope, str):
            raise Unauthorized("The token's scope is not a text of space-separated scopes.")
        issued_at = claims.get("iat")
        return cls(
            user_id,
            frozenset(scope.split()),
            None if issued_at is None else int(issued_at),
            int(min(expires_at, END_OF_TIME)),
            _token_id(claims),
        )


def _is_moment(value: object) -> TypeGuard[int | float]:
    """Whether it is a NumericDate (RFC 7519, section 2)."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def _token_id(claims: dict[str, Any]) -> str:
    token_id = claims.get("jti")
    if isinstance(token_id, str) and _PLAIN_ID.fullmatch(token_id):
        return token_id
    # Not of the token's text: one signature can be spelled in more than one way.
    return hashlib.sha256(json.dumps(claims, sort_keys=True).encode()).hexdigest()
