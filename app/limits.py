"""How often a caller may do something: said beside each view, held by `app.ops.rate_limits`.

A limit counts for each view by itself, and for each user, or for each address of who is nobody.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

View = TypeVar("View", bound=Callable[..., Any])

# Nobody clicks so often, and no page asks so often; a script that went wild does.
ORDINARY: Final = "6000/minute"
# What may touch thousands of rows, or makes a secret.
COSTLY: Final = "600/minute"
# Nobody logs in once a second.
LOGIN: Final = "60/minute"
# Tokens and tickets that are not valid, from one address. An office behind one address whose
# tokens all end at once is told to wait; whoever guesses gets nowhere with 256 bits.
FAILED_ATTEMPTS_PER_MINUTE: Final = 300

# Blueprints whose views need not say it each.
UNLIMITED_BLUEPRINTS: Final = {
    "board": "the demo's product, in development only",
    "web": "the demo's pages, in development only",
}


def limited(rate: str) -> Callable[[View], View]:
    """Let a caller use the view at `rate`, such as `600/minute`."""

    def declare(view: View) -> View:
        view.__dict__["rate_limit"] = rate
        return view

    return declare


def unlimited(because: str) -> Callable[[View], View]:
    """Let a caller use the view as often as wanted, and say why that does no harm."""

    def declare(view: View) -> View:
        view.__dict__["unlimited_because"] = because
        return view

    return declare


def rate_of(view: Callable[..., Any] | None) -> str | None:
    """The rate that the view declares, if any."""
    rate: str | None = getattr(view, "rate_limit", None)
    return rate


def reason_of(view: Callable[..., Any] | None) -> str | None:
    """Why the view has no limit, if it says so."""
    reason: str | None = getattr(view, "unlimited_because", None)
    return reason
