"""What a request's token says, once its signature and its times have been checked.

RFC 8725 is the checklist. The token chooses nothing: not the algorithm, not where its key is from.
"""

import re
import time
from typing import Any, Final

import jwt
from flask import Flask, current_app, request
from jwt import ExpiredSignatureError, PyJWTError

from app.auth import keys
from app.auth.identity import Identity
from app.auth.token_header import check_header
from app.auth.verified import Verified, VerifiedTokens
from app.errors import Unauthorized

# Nobody's token is as long, and whoever sends such a thing shall not make us work.
MAX_TOKEN_BYTES: Final = 8 * 1024

# RFC 6750, section 2.1. The name of a scheme has no case (RFC 9110, section 11.1). One header with
# one token: two of them arrive as one, with a comma between.
BEARER: Final = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE | re.ASCII)

# Flask-JWT-Extended's own claims, which its tokens have. One without them is taken for one with
# these; and the id of a token without a `jti`, by which it is revoked, is a digest of all of them.
ASSUMED: Final[dict[str, Any]] = {"type": "access", "fresh": False, "jti": None}


def init_app(app: Flask) -> None:
    """Let `app` remember the tokens that it has verified."""
    app.extensions["tidings.verified"] = VerifiedTokens()


def verified() -> Verified:
    """What the token in `Authorization: Bearer`, or in the session cookie, says.

    Raises Unauthorized, and ServiceUnavailable if nobody knows the issuer's keys. A header or
    cookie that is there but bad is an error; the other one is not tried instead.
    """
    header = request.headers.get("Authorization")
    token = _in_header(header) if header else _in_cookie()
    if len(token) > MAX_TOKEN_BYTES:
        raise Unauthorized(f"The token is longer than {MAX_TOKEN_BYTES:,} bytes.")
    remembered: VerifiedTokens = current_app.extensions["tidings.verified"]
    try:
        known = remembered.find(token)
        if known is None or not _is_still_good(known):
            known = _verified(token)
            remembered.keep(token, known)
    except ExpiredSignatureError:
        raise Unauthorized("The token has expired.") from None
    except (PyJWTError, OverflowError) as error:
        raise Unauthorized(f"The token is not valid: {error}.") from None
    return known


def _is_still_good(known: Verified) -> bool:
    # The same object, not an equal one: a key set that was fetched anew has new ones.
    return keys.find(known.kid) is known.key and known.is_timely(
        time.time(), current_app.config["JWT_DECODE_LEEWAY"]
    )


def _verified(token: str) -> Verified:
    """The same, of the token as if it were seen for the first time."""
    config = current_app.config
    header = jwt.get_unverified_header(token)
    check_header(header, config["JWT_ALGORITHM"])
    kid = header.get("kid")
    key = keys.find(kid)
    claims = ASSUMED | jwt.decode(
        token,
        key,
        algorithms=config["JWT_DECODE_ALGORITHMS"],
        audience=config["JWT_DECODE_AUDIENCE"],
        issuer=config["JWT_DECODE_ISSUER"],
        leeway=config["JWT_DECODE_LEEWAY"],
        options={"verify_aud": config["JWT_DECODE_AUDIENCE"] is not None},
    )
    if claims["type"] != "access":
        raise Unauthorized("The token is not valid: its type is not access.")
    csrf = claims.get("csrf")
    return Verified(
        caller=Identity.of_claims(claims),
        csrf=csrf if isinstance(csrf, str) else None,
        not_before=max(int(claims.get("nbf", 0)), int(claims.get("iat", 0))),
        kid=kid,
        key=key,
    )


def _in_header(header: str) -> str:
    found = BEARER.fullmatch(header)
    if found is None:
        raise Unauthorized("The Authorization header is not `Bearer`, a space and one token.")
    return found[1]


def _in_cookie() -> str:
    found = request.cookies.getlist(current_app.config["JWT_ACCESS_COOKIE_NAME"])
    if len(found) > 1:
        # One of them was planted, by a host of the same domain; nobody can tell which.
        raise Unauthorized("There is more than one session cookie.")
    if not any(found):
        raise Unauthorized(
            "A bearer token in the Authorization header, or a session cookie, is needed."
        )
    return found[0]
