"""The header of a token, of which nothing is believed before it has the one right shape."""

from collections.abc import Mapping
from typing import Any, Final

from jwt import InvalidTokenError

# RFC 7519, section 5.1, and RFC 9068. Left out by many; anything else is a token for something else
# (RFC 8725, section 3.11).
TYPES: Final = ("jwt", "at+jwt")

# What a plain signed token has none of: extensions to understand (crit), a token within the token
# (cty), compression (zip), encryption (enc).
REFUSED: Final = ("crit", "cty", "zip", "enc")


def check_header(header: Mapping[str, Any], algorithm: str) -> None:
    """Raise InvalidTokenError unless it is that of a plain JWT signed with `algorithm`.

    `jku`, `jwk`, `x5u` and `x5c`, by which a token would name its own key, are not even looked at.
    """
    if header.get("alg") != algorithm:
        raise InvalidTokenError(f"it is not signed with {algorithm}")
    for name in REFUSED:
        if name in header:
            raise InvalidTokenError(f"its header has {name}")
    kind = header.get("typ", "JWT")
    # The media type may be written with its prefix (RFC 7515, section 4.1.9).
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in TYPES:
        raise InvalidTokenError("its typ is neither JWT nor at+jwt")
    if header.get("kid") == "":
        raise InvalidTokenError("its kid is empty")
