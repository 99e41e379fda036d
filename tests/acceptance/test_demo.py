"""The demo: what one person does rings the other's bell, and whoever tries to lose one can't."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    FrameLocator,
    Locator,
    Page,
    ViewportSize,
    expect,
)

from app.board.people import PEOPLE
from app.board.store import STORIES_KEY
from tests.conftest import JWT_SECRET_KEY
from tests.support.databases import SqliteDatabases
from tests.support.processes import WebServer
from tests.support.shared import running
from tests.support.waiting import wait_for

STORY = "Sign in with a passkey"
PATIENCE_MS = 30_000
# A server and its Redis.
Place = tuple[WebServer, str]
Person = FrameLocator | Page


@pytest.fixture(scope="module")
def place(
    sqlite_databases: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """A Tidings as `make run` starts it, which the tests share: two web workers, a consumer."""
    folder = tmp_path_factory.mktemp("demo")
    with running(sqlite_databases, folder, JWT_SECRET_KEY) as shared:
        yield shared.web, shared.redis_url


@pytest.fixture
def demo(place: Place) -> WebServer:
    """That Tidings; the board is as at first, and everybody has read and seen everything."""
    web, redis_url = place
    with redis.Redis.from_url(redis_url) as client:
        client.delete(STORIES_KEY)
    for person in PEOPLE:
        with web.http(token_of(web, person)) as http:
            seq = http.get("/api/v1/mailbox").json()["seq"]
            read = {"action": "read", "filter": {}, "up_to": seq}
            http.post("/api/v1/notifications/bulk", json=read).raise_for_status()
            http.put("/api/v1/mailbox/seen", json={"up_to": seq}).raise_for_status()
    return web


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A window of the size of the README's picture; nothing moves in it."""
    size: ViewportSize = {"width": 1360, "height": 860}
    with browser.new_context(viewport=size, reduced_motion="reduce") as context:
        context.set_default_timeout(PATIENCE_MS)
        yield context


@pytest.fixture
def complaints(context: BrowserContext) -> list[str]:
    """What the browser complains about: errors, and what the security policy refused."""
    found: list[str] = []
    context.on("weberror", lambda error: found.append(str(error.error)))

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error":
            found.append(message.text)

    context.on("console", hear)
    return found


def token_of(web: WebServer, person: str) -> str:
    """A token of one of the demo's people."""
    with web.http() as http:
        token: str = http.post("/board/api/login", json={"user": person}).json()["token"]
        return token


def seq_of(web: WebServer, person: str) -> int:
    """Up to where their mailbox has come."""
    with web.http(token_of(web, person)) as http:
        seq: int = http.get("/api/v1/mailbox").json()["seq"]
        return seq


def is_live(person: Person) -> None:
    expect(person.locator("#connection")).to_have_text("Live", timeout=PATIENCE_MS)


def open_demo(page: Page, web: WebServer) -> tuple[FrameLocator, FrameLocator]:
    """Ada's and Grace's pages, side by side, both connected."""
    page.goto(web.url)
    ada, grace = (page.frame_locator("iframe").nth(side) for side in (0, 1))
    for person, name in ((ada, "Ada"), (grace, "Grace")):
        expect(person.get_by_role("heading", name=name, exact=True)).to_be_visible()
        is_live(person)
    return ada, grace


def open_page(context: BrowserContext, web: WebServer, query: str) -> Page:
    """One person's page in a window of its own, connected."""
    page = context.new_page()
    page.goto(f"{web.url}/inbox?{query}")
    is_live(page)
    return page


def bell(person: Person, news: int) -> Locator:
    """The bell with exactly so many new ones in its name, as a screen reader says it."""
    name = f"Notifications, {news} new" if news else "Notifications"
    return person.get_by_role("button", name=re.compile(f"^{name}$"))


def rings(person: Person, news: int) -> None:
    expect(bell(person, news)).to_be_visible(timeout=PATIENCE_MS)


def assign(person: Person, to: str, story: str = STORY) -> None:
    person.get_by_label(f"Assignee of {story}").select_option(label=to)


def send_fifty(person: Person, to: str) -> None:
    """Send 50 at once, and wait until the page has counted them as sent."""
    person.get_by_label("Send 50 to").select_option(label=to)
    person.get_by_role("button", name="Send 50 at once").click()


def tally(person: Person, name: str) -> Locator:
    """One of the numbers: sent, arrived, lost, twice."""
    return person.locator(f"#tally [data-name={name}] dd")


def all_arrived(person: Person, sent: int = 50) -> None:
    """All that was sent has arrived, each once; and that is said to who listens, too."""
    expect(tally(person, "arrived")).to_have_text(str(sent), timeout=PATIENCE_MS)
    shown = {name: tally(person, name).inner_text() for name in ("sent", "lost", "twice")}
    assert shown == {"sent": str(sent), "lost": "0", "twice": "0"}
    verdict = person.get_by_text(f"All {sent} have arrived, each once.")
    expect(verdict).to_have_attribute("role", "status")


def frames(person: Person) -> list[list[str]]:
    """The log, oldest first: id, event, what it says, how long it took. No signs of life."""
    rows: list[list[str]] = person.locator("#frames tr").evaluate_all(
        "rows => rows.map(row => [...row.children].map(cell => cell.textContent))"
    )
    return [row for row in reversed(rows) if len(row) == 4 and row[1] != "ping"]


def messages(person: Person) -> list[tuple[int, str]]:
    """The new notifications in the log, oldest first: id, and what it says."""
    return [(int(id), said) for id, event, said, _ in frames(person) if event == "message"]


def test_ada_assigns_and_graces_bell_counts_up_without_reload(
    context: BrowserContext, complaints: list[str], demo: WebServer
) -> None:
    page = context.new_page()
    ada, grace = open_demo(page, demo)
    navigations: list[str] = []
    page.on("framenavigated", lambda frame: navigations.append(frame.url))
    rings(grace, 0)

    assign(ada, "Grace")

    toast = grace.locator("tidings-inbox .toasts")
    expect(toast).to_contain_text(f"Ada assigned you “{STORY}”")
    rings(grace, 1)
    expect(grace.get_by_label(f"Assignee of {STORY}")).to_have_value("grace")

    remark = ada.get_by_label("Comment on Dark mode for invoices")
    remark.fill("The totals are hard to read. @grace, can you look?")
    remark.press("Enter")
    expect(toast).to_contain_text("Ada mentioned you")
    rings(grace, 2)

    [assigned, mentioned] = [row for row in frames(grace) if row[1] == "message"]
    assert assigned[2] == f"Ada assigned you “{STORY}”"
    assert int(mentioned[0]) == int(assigned[0]) + 1
    assert re.fullmatch(r"\d+ ms|\d+\.\d s", assigned[3]), assigned
    # What is Grace's is nobody else's, in one browser and on one origin.
    rings(ada, 0)
    assert messages(ada) == []
    assert navigations == []
    assert complaints == []


def test_whoever_was_offline_gets_all_fifty_once_and_in_order(
    context: BrowserContext,
    complaints: list[str],
    demo: WebServer,
    screenshot: Callable[[Page, str], Path],
) -> None:
    page = context.new_page()
    ada, grace = open_demo(page, demo)
    assign(ada, "Grace")
    rings(grace, 1)
    before = seq_of(demo, "grace")

    grace.get_by_role("button", name="Go offline for 10 s").click()
    expect(grace.locator("#connection")).to_have_text("Offline, on purpose")
    send_fifty(ada, "Grace")
    expect(tally(grace, "sent")).to_have_text("50")
    wait_for(lambda: seq_of(demo, "grace") == before + 50, 30, "fifty in Grace's mailbox")
    assert len(messages(grace)) == 1
    expect(tally(grace, "arrived")).to_have_text("0")

    grace.get_by_role("button", name="Come back now").click()
    all_arrived(grace)
    rings(grace, 51)
    came = [(before + number, f"{number} of 50 at once") for number in range(1, 51)]
    assert messages(grace)[1:] == came
    back = [row for row in frames(grace) if row[1] == "connected"][-1]
    assert back[0] == str(before)
    assert all(took.endswith("s, replayed") for *_, took in frames(grace)[-50:])

    comment = grace.get_by_label(f"Comment on {STORY}")
    comment.fill("@ada, all 50 are here.")
    comment.press("Enter")
    rings(ada, 1)
    assign(ada, "Grace", "Draft the welcome email")
    rings(grace, 52)
    expect(grace.locator("tidings-inbox .toast").last).to_contain_text("Draft the welcome email")
    assert "replayed" not in frames(grace)[-1][3]
    is_live(grace)
    for person in (ada, grace):
        person.locator("main").evaluate(
            "it => { document.activeElement.blur(); it.scrollTo(0, 0) }"
        )
    screenshot(page, "demo")
    assert complaints == []


def test_offline_ends_by_itself_and_until_then_nothing_is_asked(
    context: BrowserContext, complaints: list[str], demo: WebServer
) -> None:
    page = open_page(context, demo, "as=grace&offline=2")
    requests: list[str] = []
    page.get_by_role("button", name="Go offline for 2 s").click()
    page.on("request", lambda request: requests.append(request.url))
    expect(page.get_by_role("button", name="Come back now")).to_be_visible()
    expect(page.get_by_role("button", name="Restart the stream")).to_be_disabled()
    expect(page.locator("#board")).to_have_attribute("inert", "")
    asked = list(requests)

    is_live(page)
    expect(page.get_by_role("button", name="Go offline for 2 s")).to_be_focused()
    assert page.locator("#board").get_attribute("inert") is None
    assert asked == []
    assert complaints == []


def test_a_stream_that_is_restarted_in_a_burst_loses_and_doubles_nothing(
    context: BrowserContext, complaints: list[str], demo: WebServer
) -> None:
    page = open_page(context, demo, "as=linus")
    before = seq_of(demo, "linus")
    page.get_by_role("button", name="Restart the stream").click()
    send_fifty(page, "Linus")
    page.get_by_role("button", name="Restart the stream").click()

    all_arrived(page)
    assert [id for id, _ in messages(page)] == list(range(before + 1, before + 51))
    rings(page, 50)

    page.get_by_role("button", name="Restart the stream").click()
    wait_for(lambda: frames(page)[-1][1] == "connected", 30, "the stream again")
    assert frames(page)[-1][0] == str(before + 50)
    is_live(page)
    all_arrived(page)
    assert complaints == []


def test_opening_the_panel_clears_the_badge_and_opening_an_item_reads_it(
    context: BrowserContext, complaints: list[str], demo: WebServer
) -> None:
    ada, grace = open_demo(context.new_page(), demo)
    other = open_page(context, demo, "as=grace")
    assign(ada, "Grace")
    rings(other, 1)
    expect(other).to_have_title("(1) Grace · Tidings")

    bell(grace, 1).click()

    expect(bell(grace, 0)).to_have_attribute("aria-expanded", "true")
    rings(other, 0)
    expect(other).to_have_title("Grace · Tidings")
    bell(other, 0).click()
    unread = other.get_by_role("img", name="Unread")
    expect(unread).to_have_count(1)

    grace.get_by_role("link", name=re.compile("Ada assigned you")).first.click()

    expect(bell(grace, 0)).to_have_attribute("aria-expanded", "false")
    expect(grace.locator(".card", has_text=STORY)).to_have_class(re.compile("pointed-at"))
    expect(unread).to_have_count(0)
    # The tab that has no stream of its own shows what it was told of by the one that has.
    assert [said for _, said in messages(other)] == [f"Ada assigned you “{STORY}”"]
    assert frames(other)[-1][1:3] == ["updated", f"Read: Ada assigned you “{STORY}”"]
    assert complaints == []


def test_the_demo_is_used_by_keyboard(context: BrowserContext, demo: WebServer) -> None:
    page = open_page(context, demo, "as=grace")
    with demo.http(token_of(demo, "ada")) as http:
        http.post("/board/api/stories/42/assign", json={"assignee": "grace"}).raise_for_status()
    rings(page, 1)

    bell(page, 1).press("Enter")
    expect(page.get_by_role("dialog", name="Notifications")).to_be_visible()
    rings(page, 0)
    page.keyboard.press("Escape")
    expect(bell(page, 0)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("listitem").filter(has_text="Ada assigned you").first).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("Enter")

    expect(bell(page, 0)).to_be_focused()
    expect(page.locator(".card", has_text=STORY)).to_have_class(re.compile("pointed-at"))
    for name in ("Go offline for 10 s", "Restart the stream", "Send 50 at once"):
        page.get_by_role("button", name=name).focus()
        expect(page.get_by_role("button", name=name)).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Send 50 to")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("region", name="Frames of the stream")).to_be_focused()
    all_arrived(page)
    # Fifty at once are not fifty toasts.
    expect(page.locator("tidings-inbox .toasts")).to_contain_text("new notifications")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1360), ("dark", 390)])
def test_an_audit_finds_nothing(
    context: BrowserContext, demo: WebServer, scheme: str, width: int
) -> None:
    page = open_page(context, demo, "as=margaret")
    page.set_viewport_size({"width": width, "height": 860})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.get_by_role("button", name="Go offline for 10 s").click()
    send_fifty(page, "Margaret")
    expect(tally(page, "sent")).to_have_text("50")
    audit(page, "offline")
    page.get_by_role("button", name="Come back now").click()
    all_arrived(page)
    assign(page, "Linus", "Search across projects")
    audit(page, "live")
    page.goto(demo.url)
    audit(page, "two people")


def audit(page: Page, what: str) -> None:
    """Fail with all that axe-core finds in the page."""
    results = Axe().run(page)
    assert results.violations_count == 0, f"{what}:\n{results.generate_report()}"


def test_whoever_opens_a_story_without_a_name_picks_one(
    context: BrowserContext, demo: WebServer
) -> None:
    page = context.new_page()
    page.goto(f"{demo.url}/inbox?story=42")

    page.get_by_role("link", name="Margaret").click()

    expect(page.get_by_role("heading", name="Margaret")).to_be_visible()
    expect(page.locator(".card", has_text=STORY)).to_have_class(re.compile("pointed-at"))


def test_a_page_that_lost_its_server_comes_back_with_what_it_missed(
    context: BrowserContext, demo: WebServer, tmp_path: Path
) -> None:
    with WebServer(demo.settings, tmp_path) as other:
        page = open_page(context, other, "as=grace")

        other.terminate()
        expect(page.locator("#connection")).to_have_text("Reconnecting…", timeout=PATIENCE_MS)
        with demo.http(token_of(demo, "ada")) as http:
            http.post("/board/api/stories/42/assign", json={"assignee": "grace"}).raise_for_status()
        other.start()

        expect(bell(page, 1)).to_be_visible(timeout=2 * PATIENCE_MS)
        is_live(page)
