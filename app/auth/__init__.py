"""Who is calling: tokens, the identity of a request, sessions, tickets for a stream."""

from app.auth.callers import (
    authenticate,
    authenticate_for_stream,
    authenticated,
    identity,
    require_scope,
)
from app.auth.identity import Identity
from app.auth.tokens import issue_token

__all__ = [
    "Identity",
    "authenticate",
    "authenticate_for_stream",
    "authenticated",
    "identity",
    "issue_token",
    "require_scope",
]
