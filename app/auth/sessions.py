"""A session: a bearer token that a browser keeps as a cookie, from logging in to logging out."""

import time
from dataclasses import dataclass

from flask import request

from app.audit import audit
from app.auth.callers import authenticate, by_cookie
from app.auth.claims import BEARER, verified
from app.auth.cookies import Cookies
from app.auth.csrf import csrf_token
from app.auth.identity import END_OF_TIME, Identity
from app.auth.revocation import Revocation
from app.auth.revocations import revoke
from app.auth.tokens import CLOCK_LEEWAY_SECONDS
from app.errors import Unauthorized
from app.extensions import settings

# A token is taken for a little longer than it says, by clocks that differ. Its revocation must not
# end before it does on the slowest of them.
LONGER_THAN_TOKEN_SECONDS = 60 + CLOCK_LEEWAY_SECONDS


@dataclass(frozen=True, slots=True)
class Session:
    """What a browser keeps; `csrf_token` is what its pages send with each change."""

    caller: Identity
    token: str
    csrf_token: str


def cookies() -> Cookies:
    """The cookies of the current application."""
    return Cookies(secure=settings().app_env == "production")


def start() -> Session:
    """The session of the request's bearer token; a cookie is not enough. Raises Unauthorized."""
    if by_cookie():
        raise Unauthorized("A session is made of a bearer token in the Authorization header.")
    caller = authenticate()
    [token] = BEARER.findall(request.headers["Authorization"])
    return Session(caller, token, csrf_token(token, verified().csrf))


def end(caller: Identity) -> None:
    """Log out: the caller's token is refused from now on. Raises DatabaseUnavailable."""
    expires_at = caller.expires_at + LONGER_THAN_TOKEN_SECONDS
    revoke(Revocation(caller.user_id, caller.token_id, int(time.time()), expires_at))
    audit("session.ended", user=caller.user_id, token_id=caller.token_id)


def end_all(user_id: str, by: Identity) -> None:
    """Refuse all tokens of a user that were issued before now. Raises DatabaseUnavailable.

    For ever, in one row for each user: other issuers' tokens may live as long as they say, and one
    that was revoked must not become good again.
    """
    revoke(Revocation(user_id, None, int(time.time()), END_OF_TIME))
    audit("user.revoked", user=user_id, by=by.user_id)
