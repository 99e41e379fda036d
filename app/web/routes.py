"""The demo's pages, in development only. All they show comes through public interfaces."""

from flask import Blueprint, Response, render_template

# No inline script or style, nothing from elsewhere; only the demo itself may frame its pages.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'; "
    "object-src 'none'"
)

blueprint = Blueprint(
    "web",
    __name__,
    template_folder="templates",
    static_folder="static",
    static_url_path="/static/demo",
)


@blueprint.get("/")
def home() -> str:
    """Two people side by side."""
    return render_template("demo/home.html")


@blueprint.get("/inbox")
def inbox() -> str:
    """One person: `?as=ada` says who, `?story=42` which story to point at."""
    return render_template("demo/inbox.html")


@blueprint.after_request
def protect(response: Response) -> Response:
    """Pages that run no foreign code, and are not kept: development changes them all the time."""
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "no-cache"
    return response
