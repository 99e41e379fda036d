"""`GET /openapi.json`, and `/docs`: Swagger UI, from files of ours alone."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Final

from flask import Blueprint, Flask, Response, current_app, request, send_from_directory

from app.errors import NotFound
from app.limits import unlimited

blueprint = Blueprint("openapi", __name__)

# No inline script or style, and nothing from elsewhere; data: is for the arrows in its stylesheet.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
ASSET_SECONDS: Final = 3_600

_OURS: Final = Path(__file__).parent / "static"
_SWAGGER_UI: Final = str(files("flask_swagger_ui") / "dist")
_ASSETS: Final = {
    "start.js": str(_OURS),
    "swagger-ui.css": _SWAGGER_UI,
    "swagger-ui-bundle.js": _SWAGGER_UI,
    "favicon-32x32.png": _SWAGGER_UI,
}


def init_app(app: Flask, prefix: str) -> None:
    """Serve the page, and the description of what is under `prefix`, there."""
    app.extensions["tidings.openapi"] = Described(app, prefix)
    app.register_blueprint(blueprint, url_prefix=prefix)


class Described:
    """The description of an application as JSON, made when somebody first asks for it."""

    def __init__(self, app: Flask, prefix: str) -> None:
        self._app = app
        self._prefix = prefix
        self._text = b""

    @property
    def text(self) -> bytes:
        """The document. Raises LookupError for a view that does not describe itself."""
        if not self._text:
            # Its libraries take longer to load than all the rest of a worker's start, and most
            # processes never need them.
            from app.openapi.document import document

            self._text = json.dumps(document(self._app, self._prefix)).encode()
        return self._text


@blueprint.after_request
def _protect(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response.headers["Referrer-Policy"] = "same-origin"
    return response


@blueprint.get("/openapi.json")
@unlimited("a file, made once")
def openapi() -> Response:
    """The description of the API."""
    described: Described = current_app.extensions["tidings.openapi"]
    response = Response(described.text, content_type="application/json")
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    return response.make_conditional(request)  # type: ignore[return-value]


@blueprint.get("/docs")
@unlimited("a file")
def page() -> Response:
    """A page that shows the description, and tries it."""
    return send_from_directory(_OURS, "page.html")


@blueprint.get("/docs/<name>")
@unlimited("a file")
def asset(name: str) -> Response:
    """A file of the page."""
    if name not in _ASSETS:
        raise NotFound()
    return send_from_directory(_ASSETS[name], name, max_age=ASSET_SECONDS)
