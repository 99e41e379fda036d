"""Who calls: found out once for each request, and asked for by views."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

from flask import request

from app.auth import csrf
from app.auth.claims import verified
from app.auth.identity import Identity
from app.auth.revocations import is_revoked
from app.errors import Forbidden, Problem, Unauthorized

P = ParamSpec("P")
R = TypeVar("R")

# Where a request keeps its caller. Not in `g`, which requests within one application context share;
# no header can set it, as those begin with HTTP_ here.
CALLER: Final = "tidings.caller"
HOLDER: Final = "tidings.holder"

SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS")


def authenticate() -> Identity:
    """The caller by `Authorization: Bearer` or session cookie, whose token is not revoked.

    Raises Unauthorized, Forbidden, DatabaseUnavailable. A request's caller is found out once, and
    so is that there is none: nobody waits twice for a database that is away.
    """
    return _once(CALLER, _not_revoked)


def authenticate_for_stream() -> Identity:
    """The same by the token alone, also if it is revoked: without the database.

    For streams, whose room knows the revocations by heart, and for who wants to log out.
    """
    return _once(HOLDER, _of_token)


def _once(name: str, find: Callable[[], Identity]) -> Identity:
    known: Any = request.environ.get(name)
    if known is None:
        try:
            known = find()
        except Problem as problem:
            known = problem
        request.environ[name] = known
    if isinstance(known, Problem):
        raise known
    caller: Identity = known
    return caller


def _not_revoked() -> Identity:
    caller = authenticate_for_stream()
    if is_revoked(caller):
        raise Unauthorized("The token has been revoked.")
    return caller


def _of_token() -> Identity:
    found = verified()
    if by_cookie() and request.method not in SAFE_METHODS:
        csrf.check_origin()
        csrf.check_token(found.csrf)
    return found.caller


def by_cookie() -> bool:
    """Whether the session cookie says who calls, if anything does: a header goes first."""
    return not request.headers.get("Authorization")


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
    caller: Identity = request.environ[CALLER]
    return caller
