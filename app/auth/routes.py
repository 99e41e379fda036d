"""`POST /stream-tickets`."""

from flask import Blueprint, Response, jsonify

from app.auth.identity import authenticated, identity
from app.auth.tickets import TICKET_SECONDS, issue_ticket
from app.extensions import tidings
from app.limits import COSTLY, limited

blueprint = Blueprint("auth", __name__)


@blueprint.post("/stream-tickets")
@limited(COSTLY)
@authenticated
def create_stream_ticket() -> Response:
    """A single-use ticket for `GET /notifications/subscribe?ticket=…`."""
    ticket = issue_ticket(tidings().redis, identity())
    response = jsonify(ticket=ticket, expires_in=TICKET_SECONDS)
    response.headers["Cache-Control"] = "no-store"
    return response
