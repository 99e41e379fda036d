"""One error tree. What reaches a client leaves as RFC 9457 problem details."""

import logging
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, current_app, json
from werkzeug.exceptions import HTTPException

log = logging.getLogger(__name__)


class TidingsError(Exception):
    """Something went wrong."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").splitlines()[0])


class ConfigurationError(TidingsError):
    """A setting is missing or wrong."""


class Problem(TidingsError):
    """The request could not be answered."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    code = "internal-error"
    retry_after_seconds: int | None = None

    def __init__(
        self, detail: str | None = None, errors: list[dict[str, Any]] | None = None
    ) -> None:
        super().__init__(detail)
        self.errors = errors

    def response(self) -> Response:
        """This problem as `application/problem+json` (RFC 9457, section 3)."""
        body: dict[str, Any] = {
            "type": f"urn:tidings:problem:{self.code}",
            "title": _phrase(self.status),
            "status": int(self.status),
            "detail": str(self),
        }
        if self.errors:
            body["errors"] = self.errors
        response = Response(
            json.dumps(body), status=self.status, content_type="application/problem+json"
        )
        response.headers["Cache-Control"] = "no-store"
        if self.retry_after_seconds is not None:
            response.headers["Retry-After"] = str(self.retry_after_seconds)
        if self.status == HTTPStatus.UNAUTHORIZED:
            response.headers["WWW-Authenticate"] = "Bearer"
        return response


class BadRequest(Problem):
    """The request is malformed."""

    status = HTTPStatus.BAD_REQUEST
    code = "bad-request"


class Unauthorized(Problem):
    """A valid token is needed."""

    status = HTTPStatus.UNAUTHORIZED
    code = "unauthorized"


class Forbidden(Problem):
    """This token does not allow that."""

    status = HTTPStatus.FORBIDDEN
    code = "forbidden"


class NotFound(Problem):
    """There is no such thing here."""

    status = HTTPStatus.NOT_FOUND
    code = "not-found"


class InvalidInput(Problem):
    """The input is invalid."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "invalid-input"


class ServiceUnavailable(Problem):
    """A service that this depends on is away; try again."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "service-unavailable"
    retry_after_seconds = 5


class DatabaseUnavailable(ServiceUnavailable):
    """The database does not answer; try again."""

    code = "database-unavailable"


# RFC 9110's names; Python knows them from 3.13 on, and an answer must not depend on that.
PHRASES = {413: "Content Too Large", 422: "Unprocessable Content"}


def _phrase(status: HTTPStatus) -> str:
    return PHRASES.get(status, status.phrase)


def problem_of(status: HTTPStatus, detail: str | None) -> Problem:
    """The problem that is nothing but its status, such as a 404 of the framework's."""
    problem = Problem(detail)
    problem.status = status
    problem.code = _phrase(status).lower().replace(" ", "-")
    return problem


def init_app(app: Flask) -> None:
    """Answer every error of `app`, the framework's own included, with problem details."""
    app.register_error_handler(Problem, Problem.response)
    app.register_error_handler(HTTPException, _of_the_framework)
    app.register_error_handler(Exception, _unexpected)


def _of_the_framework(error: HTTPException) -> Response:
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    if status < HTTPStatus.BAD_REQUEST:
        # A redirect is an HTTPException too, and no problem.
        return Response(status=status, headers=error.get_headers())
    response = problem_of(status, error.description).response()
    for name, value in error.get_headers():
        if name.lower() in ("allow", "retry-after"):
            response.headers[name] = value
    return response


def _unexpected(error: Exception) -> Response:
    if current_app.testing:
        raise error
    # The traceback goes to the log alone; it may hold what the client must not see.
    log.error("unexpected error", exc_info=error)
    return Problem("Something went wrong here; it has been logged.").response()
