"""The identity of a request: a user, what it may do, and until when."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import request
from flask_jwt_extended import get_jwt, verify_jwt_in_request
from flask_jwt_extended.exceptions import CSRFError, JWTExtendedException, NoAuthorizationError
from jwt import ExpiredSignatureError, PyJWTError

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
    """A caller. `expires_at` is Unix time in seconds; `token_id` is the token's `jti`, if any."""

    user_id: str
    scopes: frozenset[str]
    expires_at: int
    token_id: str | None

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
        token_id = claims.get("jti")
        return cls(
            user_id,
            frozenset(scope.split()),
            int(min(expires_at, END_OF_TIME)),
            token_id if isinstance(token_id, str) else None,
        )


def authenticate() -> Identity:
    """The caller by `Authorization: Bearer` or session cookie. Raises Unauthorized, Forbidden.

    A header or cookie that is there but bad is an error; the other one is not tried instead.
    A request's caller is found out once.
    """
    known: Identity | None = request.environ.get(IDENTITY)
    if known is not None:
        return known
    place = "headers" if request.headers.get("Authorization") else "cookies"
    try:
        verify_jwt_in_request(locations=[place])
    except CSRFError as error:
        raise Forbidden(f"The session cookie needs a matching X-CSRF-TOKEN: {error}.") from None
    except NoAuthorizationError:
        raise Unauthorized(
            "A bearer token in the Authorization header, or a session cookie, is needed."
        ) from None
    except ExpiredSignatureError:
        raise Unauthorized("The token has expired.") from None
    except (JWTExtendedException, PyJWTError, OverflowError) as error:
        raise Unauthorized(f"The token is not valid: {error}.") from None
    except IndexError:
        # Flask-JWT-Extended stumbles over an empty item, as in ", ,x".
        raise Unauthorized("The Authorization header can't be read.") from None
    except TypeError:
        # It compares with compare_digest(), which takes ASCII alone.
        raise Forbidden("The session cookie needs a matching X-CSRF-TOKEN.") from None
    caller = Identity.of_claims(get_jwt())
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
