"""Tokens as another service would sign them: by the standard, without this application's code."""

import time
import uuid

import jwt


def sign_token(secret: str, user: str, *scopes: str, ttl_seconds: float = 3600) -> str:
    """A token for `user`, signed with HS256; it ended already if `ttl_seconds` is negative."""
    now = time.time()
    claims = {
        "sub": user,
        "iat": int(now),
        "exp": int(now + ttl_seconds),
        "jti": str(uuid.uuid4()),
        "scope": " ".join(scopes),
    }
    return jwt.encode(claims, secret, algorithm="HS256")
