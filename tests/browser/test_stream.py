"""One tab against a real server: live, replayed, back again, expired."""

from playwright.sync_api import Route

from tests.browser.tab import Site
from tests.conftest import TokenFor
from tests.support.waiting import wait_for

SHORT_SECONDS = 10


def test_a_page_lists_and_is_then_told_of_what_is_new(
    shared: Site, token_for: TokenFor, user: str
) -> None:
    tab = shared.open(token=token_for(user))
    shared.tell(user, 3)
    tab.wait_for_seqs(3)
    assert tab.seqs == [1, 2, 3]
    assert [item["replayed"] for item in tab.told] == [False] * 3
    assert tab.get("[tidings.unread, tidings.unseen, tidings.seq]") == [3, 3, 3]

    page = tab.get("tidings.list({limit: 2})")
    assert [item["seq"] for item in page["items"]] == [3, 2]
    read = tab.get(f"tidings.markRead('{page['items'][0]['id']}')")
    assert read["read_at"]
    tab.wait_for_seqs(4)
    assert tab.told[-1]["event"] == "updated"
    assert tab.get("tidings.markSeen()")["unseen"] == 0
    wait_for(lambda: tab.get("[tidings.unread, tidings.unseen]") == [2, 0])
    assert shared.complaints == []


def test_every_method_does_what_its_name_says(shared: Site, token_for: TokenFor, user: str) -> None:
    tab = shared.open(token=token_for(user))
    shared.tell(user)
    tab.wait_for_seqs(1)
    notification = tab.told[0]["id"]

    def do(call: str) -> None:
        tab.get(f"tidings.{call}")

    def listed(status: str) -> list[str]:
        ids: list[str] = tab.get(
            f"tidings.list({{status: '{status}'}}).then(({{items}}) => items.map(({{id}}) => id))"
        )
        return ids

    for call, status in (
        (f"markRead('{notification}')", "inbox"),
        (f"markUnread('{notification}')", "unread"),
        (f"archive('{notification}')", "archived"),
        (f"unarchive('{notification}')", "inbox"),
        (f"snooze('{notification}', new Date(Date.now() + 3600e3))", "snoozed"),
        (f"unsnooze('{notification}')", "inbox"),
    ):
        do(call)
        assert listed(status) == [notification], call
    do("markAllRead()")
    assert listed("unread") == []
    do("follow('story/4 2')")
    assert tab.get("tidings.subject({type: 'story', id: '4 2'})")["following"]
    do("unfollow({type: 'story', id: '4 2'})")
    assert not tab.get("tidings.subject('story/4 2')")["following"]
    do("setPreferences({muted_kinds: ['a']})")
    assert tab.get("tidings.preferences()") == {"muted_kinds": ["a"], "muted_subjects": []}
    refused = tab.get(
        "tidings.snooze('x', 0).catch(({name, status, problem, retryAfter}) =>"
        " ({name, status, type: problem.type, retryAfter}))"
    )
    assert refused == {
        "name": "TidingsError",
        "status": 422,
        "type": "urn:tidings:problem:invalid-input",
        "retryAfter": None,
    }


def test_a_session_cookie_reads_streams_and_writes(shared: Site, user: str) -> None:
    shared.sign_in(user)
    tab = shared.open()
    shared.tell(user)
    tab.wait_for_seqs(1)
    assert tab.get("tidings.markRead(told[0].id)")["read_at"]
    tab.wait_for_seqs(2)


def test_what_another_service_publishes_is_passed_on(
    shared: Site, token_for: TokenFor, user: str
) -> None:
    first, second = (shared.open(token=token_for(user)) for _ in range(2))
    shared.publish(user, {"hello": "world"})
    for tab in (first, second):
        tab.wait_for_event("notification")
        assert tab.told == [{"event": "notification", "replayed": False, "hello": "world"}]


def test_nothing_lies_between_the_list_and_the_stream(
    shared: Site, token_for: TokenFor, user: str
) -> None:
    shared.tell(user, 2)
    tab = shared.open(token=token_for(user))
    tab.wait_for_position(2)

    def late(route: Route) -> None:
        """What comes after the list was read, and before anything else is asked."""
        shared.context.unroute("**/mailbox")
        shared.tell(user, 3)
        with shared.web.http(token_for(user)) as http:
            wait_for(lambda: http.get("/api/v1/mailbox").json()["seq"] == 5)
        route.continue_()

    shared.context.route("**/mailbox", late)
    page = tab.page.evaluate(
        """async () => {
            const { Tidings } = await import("/static/tidings.js");
            tidings.close();
            told.length = 0;
            const own = window.tidings = new Tidings(options);
            own.addEventListener("notification", ({ detail }) => told.push(detail));
            return own.list();
        }"""
    )
    tab.wait_for_position(5)
    assert page["seq"] == 2
    assert tab.seqs == [3, 4, 5]


def test_a_server_that_is_away_when_the_page_opens_is_waited_for(
    shared: Site, token_for: TokenFor, user: str
) -> None:
    shared.context.route("**/api/v1/**", lambda route: route.abort())
    tab = shared.open(token=token_for(user), live=False)
    tab.wait_for_state("offline")
    shared.context.unroute("**/api/v1/**")
    tab.wait_for_state("live")
    assert tab.get("states") == ["offline", "live"]


def test_a_network_that_goes_and_comes_back_costs_nothing(
    shared: Site, token_for: TokenFor, user: str
) -> None:
    tab = shared.open(token=token_for(user))
    shared.context.set_offline(True)
    shared.tell(user, 3)
    wait_for(lambda: not tab.get("navigator.onLine"))
    shared.context.set_offline(False)
    tab.wait_for_seqs(3)
    tab.wait_for_state("live")
    assert tab.seqs == [1, 2, 3]


def test_a_laptop_that_slept_looks_for_what_it_missed_at_once(
    shared: Site, token_for: TokenFor, user: str
) -> None:
    shared.context.clock.install()
    tab = shared.open(token=token_for(user))
    before = set(tab.streams)
    shared.context.clock.fast_forward("08:00:00")  # as if the lid was closed
    wait_for(lambda: tab.leads and tab.streams.isdisjoint(before), 20, "another stream")
    shared.tell(user, 2)
    tab.wait_for_seqs(2)
    assert tab.seqs == [1, 2]


def test_a_token_that_ends_ends_its_own_client_and_one_that_is_fetched_is_fetched_anew(
    shared: Site, token_for: TokenFor, user: str
) -> None:
    # Side by side, as it is mostly waiting; the time is what a busy machine may need to open a tab.
    other, third = f"other-{user}", f"third-{user}"
    alone = shared.open(token=token_for(other, ttl_seconds=SHORT_SECONDS))
    long = shared.open(token=token_for(user))
    follower = shared.open(token=token_for(user, ttl_seconds=SHORT_SECONDS))
    fetched = shared.open(way="fetched", token=token_for(third, ttl_seconds=SHORT_SECONDS))
    fetched.page.evaluate("token => { options.token = token }", token_for(third))
    assert long.leads

    alone.wait_for_state("expired")
    assert alone.get("states") == ["live", "expired"]
    assert not alone.leads

    # It does not live on another tab's token.
    follower.wait_for_state("expired")
    shared.tell(user)
    long.wait_for_seqs(1)
    assert long.state == "live"
    assert follower.told == []

    wait_for(lambda: fetched.get("states.length") >= 3, 40, "another stream")
    fetched.wait_for_state("live")
    shared.tell(third)
    fetched.wait_for_seqs(1)
    assert "expired" not in fetched.get("states")


def test_a_token_that_ended_on_its_way_is_fetched_once_more(
    shared: Site, token_for: TokenFor, user: str
) -> None:
    tab = shared.open(way="fetched", token=token_for(user))
    tab.page.evaluate(
        """tokens => Object.defineProperty(options, "token", { get: () => tokens.shift() })""",
        [
            token_for(user, ttl_seconds=-60),
            token_for(user),
            *[token_for(user, ttl_seconds=-60)] * 2,
        ],
    )
    assert tab.get("tidings.list()")["items"] == []
    assert tab.state == "live"
    assert tab.get("tidings.list().catch(({status}) => status)") == 401
    assert tab.state == "expired"


def test_no_token_is_expired_from_the_start(shared: Site, token_for: TokenFor, user: str) -> None:
    tab = shared.open(live=False, token=token_for(user, ttl_seconds=-60))
    tab.wait_for_state("expired")
    assert tab.get("tidings.list().catch(({status}) => status)") == 401
