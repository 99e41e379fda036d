"""`/static/tidings.js`, `/static/tidings-inbox.js`, and what they import: in production too."""

import hashlib
from pathlib import Path

from flask import Blueprint, Response, request

from app.errors import NotFound
from app.limits import unlimited

blueprint = Blueprint("client", __name__)

FOLDER = Path(__file__).with_name("client")
ELEMENT_FOLDER = Path(__file__).with_name("element")
CONTENT_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".ts": "text/plain; charset=utf-8",  # for people and their editors
    ".css": "text/css; charset=utf-8",
}
# Exactly these can be asked for; what a request names is never taken for a path.
FILES = {
    path.relative_to(folder).as_posix(): path
    for folder in (FOLDER, ELEMENT_FOLDER)
    for path in folder.rglob("*")
    if path.suffix in CONTENT_TYPES
}


@blueprint.get("/static/<path:name>")
@unlimited("a few kilobytes that are the same for everybody, and mostly answered with 304")
def file(name: str) -> Response:
    """One file of the client, asked for anew each time, so that a deployment is seen at once."""
    path = FILES.get(name)
    if path is None:
        raise NotFound("The client has no such file.")
    content = path.read_bytes()
    response = Response(content, content_type=CONTENT_TYPES[path.suffix])
    # By content: all workers and machines agree, and a new deployment keeps what has not changed.
    response.set_etag(hashlib.sha256(content).hexdigest()[:32])
    response.headers["Cache-Control"] = "no-cache"
    response.make_conditional(request)
    return response
