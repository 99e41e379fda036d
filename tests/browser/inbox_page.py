"""A product's page with `<tidings-inbox>` on it, and a person who uses it."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import redis
from playwright.sync_api import ConsoleMessage, Locator, Page, Route

from tests.browser.tab import STRICT, Site
from tests.support.consuming import event, send
from tests.support.waiting import wait_for

Json = dict[str, Any]

_numbers = itertools.count(1)

# A busy machine is no failure.
SOON_SECONDS = 40

PAGE = """<!doctype html>
<html lang="en" dir="{dir}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Board</title>
<link rel="stylesheet" href="/product.css">
<script type="module" src="/static/tidings-inbox.js"></script>
<body>
  <header><h1>Board</h1><tidings-inbox {attributes}></tidings-inbox></header>
  <main><p><label>Say something <input id="text"></label></p></main>
</body>
</html>"""
STYLE = """
:root { color-scheme: light dark; }
body { margin: 0; font: 15px/1.5 system-ui, sans-serif; background: Canvas; color: CanvasText; }
header { display: flex; align-items: center; justify-content: space-between; padding: 8px 20px; }
h1 { font-size: 1.1rem; }
main { padding: 0 20px; }
"""

# All that the live region ever said, so that nothing depends on the moment at which one looks.
LISTEN = """() => {
    const { shadowRoot } = document.querySelector("tidings-inbox");
    window.heard = [];
    new MutationObserver((records) => {
        for (const { target, addedNodes } of records) {
            if (target.getAttribute("role") !== "status") continue;
            const lines = [...addedNodes].map((node) => node.textContent);
            heard.push({ lines, at: performance.now() });
        }
    }).observe(shadowRoot, { childList: true, subtree: true });
}"""


class InboxPage:
    """One tab with the element on it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.refused: list[str] = []
        """What the page's Content-Security-Policy did not let happen."""
        page.on("console", self._on_console)
        self.bell = page.get_by_role("button", name="Notifications").first
        self.panel = page.get_by_role("dialog", name="Notifications")
        self.rows = self.panel.get_by_role("listitem")
        self.unread_rows = page.locator("tidings-inbox .row.unread")
        self.badge = page.locator("tidings-inbox .badge")
        self.toasts = page.locator("tidings-inbox .toast")
        self.notice = page.locator("tidings-inbox .notice")
        self.scroller = page.locator("tidings-inbox .scroller")
        self.state = page.locator("tidings-inbox .state")
        self.fresh = page.locator("tidings-inbox .fresh")
        self.banner = page.locator("tidings-inbox .banner")

    def _on_console(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            self.refused.append(message.text)

    def get(self, expression: str) -> Any:
        """What an expression of the page is; `inbox` is the element."""
        return self.page.evaluate(
            f"async () => {{ const inbox = document.querySelector('tidings-inbox');"
            f" return ({expression}); }}"
        )

    @property
    def heard(self) -> list[str]:
        """What was said aloud, in order; also what has gone from the region since."""
        heard: list[str] = self.page.evaluate("heard.flatMap(({ lines }) => lines)")
        return heard

    @property
    def shortest_stay_ms(self) -> float:
        """For how long, at least, each text stayed until the next took its place."""
        pauses: list[float] = self.page.evaluate(
            "heard.slice(1).map(({ at }, index) => at - heard[index].at)"
        )
        return min(pauses)

    def hears(self, text: str) -> None:
        """Wait until this has been said aloud."""
        wait_for(lambda: text in self.heard, SOON_SECONDS, f"{text!r} said aloud")

    def row(self, title: str) -> Locator:
        """The row with this title."""
        return self.rows.filter(has=self.page.get_by_text(title, exact=True))

    def tab(self, name: str) -> Locator:
        """One of All, Unread and Archived."""
        return self.panel.get_by_role("tab", name=name)

    def open(self) -> None:
        """Open the panel, and wait until it shows what there is."""
        self.bell.click()
        wait_for(
            lambda: self.scroller.get_attribute("aria-busy") == "false", SOON_SECONDS, "a list"
        )

    def titles(self) -> list[str]:
        """The titles of the rows, from the top; also of those that are far out of sight."""
        return self.page.locator("tidings-inbox .row .item-title").all_text_contents()

    def choose(self, title: str, label: str) -> None:
        """Choose from the menu of a row."""
        self.row(title).hover()
        self.row(title).get_by_role("button", name="More actions").click()
        self.page.get_by_role("menuitem", name=label).click()

    def focused(self) -> str:
        """The text of what has the focus, within the element or without."""
        text: str = self.get(
            "(inbox.shadowRoot.activeElement ?? document.activeElement)"
            ".querySelector?.('.item-title')?.textContent"
            " ?? (inbox.shadowRoot.activeElement ?? document.activeElement).className"
        )
        return text


def open_inbox(
    site: Site, attributes: str = "", direction: str = "ltr", live: bool = True, path: str = "/p"
) -> InboxPage:
    """A tab of the product's page, whose inbox is live."""

    def page_of(route: Route) -> None:
        body = PAGE.format(attributes=attributes, dir=direction)
        route.fulfill(body=body, content_type="text/html", headers=STRICT)

    def style_of(route: Route) -> None:
        route.fulfill(body=STYLE, content_type="text/css")

    page = site.context.new_page()
    page.route(f"**{path}", page_of)
    page.route("**/product.css", style_of)
    inbox = InboxPage(page)
    page.goto(f"{site.web.url}{path}")
    page.evaluate(LISTEN)
    if live:
        wait_for(lambda: inbox.get("inbox.tidings?.state") == "live", SOON_SECONDS, "a live inbox")
    return inbox


def tell(site: Site, user: str, *titles: str, **data: Any) -> None:
    """Write events for a user, whose notifications have these titles; `data` as in the event."""
    data = {"recipients": [user], "kind": "note", **data}
    for_all = [{"data": {**data, "title": title}} for title in titles]
    emit(site, *for_all)


def emit(site: Site, *events: Json) -> None:
    """Write these events, in one go."""
    whole = [event(id=f"inbox-{next(_numbers)}", **attributes) for attributes in events]
    with redis.Redis.from_url(site.redis_url) as client:
        send(client, *whole)


def arrived(inbox: InboxPage, unread: int) -> None:
    """Wait until the tab knows of so many unread ones."""
    wait_for(lambda: inbox.get("inbox.tidings.unread") == unread, SOON_SECONDS, f"{unread} unread")


def eventually(condition: Callable[[], bool], what: str = "it") -> None:
    """Wait for what a page shows a moment later."""
    wait_for(condition, SOON_SECONDS, what)


@contextmanager
def standstill(inbox: InboxPage) -> Iterator[None]:
    """The page's clock stands still, so that whatever comes comes at one moment."""
    clock = inbox.page.clock
    clock.install()
    clock.pause_at(inbox.get("Date.now()") / 1000 + 1)
    yield
    clock.resume()
