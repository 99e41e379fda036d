"""The identity of a request: a user, what it may do, and until when."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import request

from app.auth.claims import verified_claims
from app.errors import Forbidden, Unauthorized
from app.identifiers import is_user_id

P = ParamSpec("P")
R = TypeVar("R")


# The last second of the year 9999. A token that is good for longer ends then, which spares
# everybody arithmetic with numbers that no clock shows.
END_OF_TIME = 253_402_300_799

# Where a request keeps its caller. Not in `g`, which requests within one application context share;
# no header can set it, as those begin with HTTP_ here.
IDENTITY = "tidings.identity"


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller. `issued_at` and `expires_at` are Unix times in seconds.

    `token_id` is the token's `jti`; a token without one is told by a digest of its claims.
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
        if not isinstance(expires_at, int | float):
            # PyJWT checks exp only where there is one; without it a token would be good for ever.
            raise Unauthorized("The token has no exp.")
        if not isinstance(scope, str):
            raise Unauthorized("The token's scope is not a text of space-separated scopes.")
        issued_at = claims.get("iat")
        return cls(
            user_id,
            frozenset(scope.split()),
            int(issued_at) if isinstance(issued_at, int | float) else None,
            int(min(expires_at, END_OF_TIME)),
            _token_id(claims),
        )


def _token_id(claims: dict[str, Any]) -> str:
    token_id = claims.get("jti")
    if isinstance(token_id, str) and token_id:
        return token_id
    # Not of the token's text: one signature can be spelled in more than one way.
    return hashlib.sha256(json.dumps(claims, sort_keys=True).encode()).hexdigest()


def authenticate() -> Identity:
    """The caller by `Authorization: Bearer` or session cookie. Raises Unauthorized, Forbidden.

    A request's caller is found out once.
    """
    known: Identity | None = request.environ.get(IDENTITY)
    if known is not None:
        return known
    caller = Identity.of_claims(verified_claims())
    request.environ[IDENTITY] = caller
    return caller


def authenticated(view: Callable[P, R]) -> Callable[P, R]:
    """A view that only runs for an authenticated caller; `identity()` then tells which."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        authenticate()
        return view(*args, **kwargs)

    return guarded


def require_scope(scope: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A view that only runs for an authenticated caller whose token has `scope`: else Forbidden."""

    def guard(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            if scope not in authenticate().scopes:
                raise Forbidden(f"The token's scope must include {scope}.")
            return view(*args, **kwargs)

        return guarded

    return guard


def identity() -> Identity:
    """The caller of the request at hand, in a view that only runs for an authenticated one."""
    caller: Identity = request.environ[IDENTITY]
    return caller
