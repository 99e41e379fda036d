"""Who is calling: tokens, the identity of a request, tickets for a stream."""

from app.auth.identity import Identity, authenticate, authenticated, identity, require_scope
from app.auth.tokens import issue_token

__all__ = ["Identity", "authenticate", "authenticated", "identity", "issue_token", "require_scope"]
