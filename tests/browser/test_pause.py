"""A client that lets go of its stream on purpose, and what a page sees of the stream itself."""

from tests.browser.tab import Site, Tab
from tests.conftest import TokenFor
from tests.support.waiting import wait_for

FRAMES = """() => {
    window.frames_seen = [];
    tidings.addEventListener("frame", ({ detail, replayed }) => {
        if (detail.event !== "ping") frames_seen.push([detail.event, detail.id, replayed]);
    });
}"""


def is_at(shared: Site, token: str, seq: int) -> None:
    """Wait until the mailbox has come so far, whoever is told."""
    with shared.web.http(token) as http:
        wait_for(lambda: http.get("/api/v1/mailbox").json()["seq"] == seq, 20, f"seq {seq}")


def test_a_client_that_is_paused_has_no_stream_and_goes_on_from_where_it_was(
    shared: Site, token_for: TokenFor, user: str
) -> None:
    token = token_for(user)
    tab = shared.open(token=token)
    tab.page.evaluate(FRAMES)
    shared.tell(user)
    tab.wait_for_seqs(1)

    tab.get("tidings.pause()")
    assert tab.state == "offline"
    wait_for(lambda: not tab.leads, what="no stream")
    shared.tell(user, 3)
    is_at(shared, token, 4)
    tab.get("dispatchEvent(new Event('online'))")
    assert tab.seqs == [1]

    tab.get("tidings.resume()")
    tab.wait_for_seqs(4)
    assert tab.seqs == [1, 2, 3, 4]
    assert [item["replayed"] for item in tab.told] == [False, True, True, True]
    assert tab.get("frames_seen") == [
        ["message", 1, False],
        ["connected", 1, False],
        ["message", 2, True],
        ["message", 3, True],
        ["message", 4, True],
    ]
    assert tab.state == "live"
    assert shared.complaints == []


def test_a_list_that_was_read_in_a_pause_is_where_the_stream_begins(
    shared: Site, token_for: TokenFor, user: str
) -> None:
    token = token_for(user)
    tab = shared.open(token=token, live=False)
    tab.get("tidings.close()")
    start = f"""async () => {{
        const {{ Tidings }} = await import("/static/tidings.js");
        window.late = new Tidings({{ token: "{token}" }});
        late.pause();
        window.heard = [];
        late.addEventListener("notification", ({{ detail }}) => heard.push(detail.seq));
        return (await late.list()).seq;
    }}"""
    assert tab.page.evaluate(start) == 0
    shared.tell(user, 2)
    is_at(shared, token, 2)
    tab.get("late.resume()")
    wait_for(lambda: tab.get("heard") == [1, 2], what="both")


def test_another_tab_takes_over_from_one_that_is_paused(
    shared: Site, token_for: TokenFor, user: str
) -> None:
    first, second = (shared.open(token=token_for(user)) for _ in range(2))
    first.get("tidings.pause()")
    wait_for(lambda: second.leads, what="the second tab's stream")
    shared.tell(user, 2)
    second.wait_for_seqs(2)

    first.get("tidings.resume()")
    first.wait_for_seqs(2)
    told(first, 2)
    told(second, 2)


def told(tab: Tab, last: int) -> None:
    """It was told of everything once, in order."""
    assert tab.seqs == list(range(1, last + 1))
