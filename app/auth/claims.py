"""What a request's token says, once its signature and its times have been checked.

RFC 8725 is the checklist. The token chooses nothing: not the algorithm, not where its key is from.
"""

import re
from typing import Any, Final

from flask import current_app, request
from flask_jwt_extended import decode_token
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt import ExpiredSignatureError, PyJWTError

from app.errors import Unauthorized

# Nobody's token is as long, and whoever sends such a thing shall not make us work.
MAX_TOKEN_BYTES: Final = 8 * 1024

# RFC 6750, section 2.1. The name of a scheme has no case (RFC 9110, section 11.1). One header with
# one token: two of them arrive as one, with a comma between.
BEARER: Final = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE | re.ASCII)


def verified_claims() -> dict[str, Any]:
    """The claims of the token in `Authorization: Bearer`, or in the session cookie.

    Raises Unauthorized, and ServiceUnavailable if nobody knows the issuer's keys. A header or
    cookie that is there but bad is an error; the other one is not tried instead.
    """
    header = request.headers.get("Authorization")
    token = _in_header(header) if header else _in_cookie()
    if len(token) > MAX_TOKEN_BYTES:
        raise Unauthorized(f"The token is longer than {MAX_TOKEN_BYTES:,} bytes.")
    try:
        claims: dict[str, Any] = decode_token(token)
    except ExpiredSignatureError:
        raise Unauthorized("The token has expired.") from None
    except (JWTExtendedException, PyJWTError, OverflowError) as error:
        raise Unauthorized(f"The token is not valid: {error}.") from None
    if claims["type"] != "access":
        # Flask-JWT-Extended's own claim; a token without it is taken for one of these.
        raise Unauthorized("The token is not valid: its type is not access.")
    return claims


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
