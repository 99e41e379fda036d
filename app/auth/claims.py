"""What a request's token says, once its signature and its times have been checked."""

from typing import Any

from flask import request
from flask_jwt_extended import get_jwt, verify_jwt_in_request
from flask_jwt_extended.exceptions import CSRFError, JWTExtendedException, NoAuthorizationError
from jwt import ExpiredSignatureError, PyJWTError

from app.errors import Forbidden, Unauthorized


def verified_claims() -> dict[str, Any]:
    """The claims of the token in `Authorization: Bearer`, or in the session cookie.

    Raises Unauthorized, Forbidden. A header or cookie that is there but bad is an error; the other
    one is not tried instead.
    """
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
    return get_jwt()
