"""The one promise, against every order of events that Hypothesis can think of.

The room's own Hub, Client, stream and sweep, between a model of a database and of a Pub/Sub that
loses, doubles and reorders. Its browsers check every frame (tests/sse/model.py); what is checked
here is that nothing is missing in the end.
"""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from app.sse import client as client_module
from app.sse import stream as stream_module
from app.sse.hub import Hub
from app.sse.pulse import beat
from app.sse.sweep import sweep
from tests.sse.model import Browser, Mailbox, PubSub, Server
from tests.sse.parts import new_hub

USERS = ("ada", "grace")
MOST_BROWSERS = 4

number = st.integers(0, 7)
user = st.sampled_from(["ada", "ada", "ada", "grace"])
change = st.sampled_from(["create", "change", "change all"])
deed = st.sampled_from(["tell", "flow", "commit", "arrive", "confirm", "outage", "sweep"])
deeds = st.lists(st.tuples(deed, user, change, number), max_size=4)
Deeds = list[tuple[str, str, str, int]]


class Promise(RuleBasedStateMachine):
    """One worker, two users and some browsers, while everything around them goes wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(client_module, "QUEUE_FRAMES", 3)
        self.patch.setattr(stream_module, "OPENING_WAIT_SECONDS", 0)
        self.patch.setattr(stream_module, "FIRST_BACKOFF_SECONDS", 0)
        self.mailboxes = {name: Mailbox(name) for name in USERS}
        self.server = Server(self.mailboxes)
        self.pubsub = PubSub()
        self.hub = self.new_hub()
        self.browsers: list[Browser] = []
        # Users of whom something was lost in silence: only a sweep can find it.
        self.lost: set[str] = set()

    def teardown(self) -> None:
        try:
            self.settle()
            for browser in self.browsers:
                browser.disconnect()
            assert self.hub.streams == 0
            assert self.pubsub.wanted == set()
        finally:
            self.patch.undo()

    def new_hub(self) -> Hub:
        return new_hub(self.pubsub, max_streams=1_000, max_streams_per_user=1_000)

    # What happens to mailboxes

    @initialize(count=number, outlets=st.lists(st.booleans(), max_size=2))
    def begin(self, count: int, outlets: list[bool]) -> None:
        """Ada has notifications, and tabs that are up to date."""
        for _ in range(count):
            self.mailboxes["ada"].create()
        for outlet in outlets:
            self.open("ada", back=0, eager=True, meanwhile=[], outlet=outlet)
        self.read_all()

    @rule(user=user, change=change, number=number)
    def tell(self, user: str, change: str, number: int) -> None:
        """Something changes and is published."""
        mailbox = self.mailboxes[user]
        self.pubsub.publish(mailbox.channel, self.committed(user, change, number))

    @rule(user=user, change=change, number=number)
    def commit(self, user: str, change: str, number: int) -> None:
        """Something changes, and who should publish it dies."""
        self.committed(user, change, number)
        self.lost.add(user)

    def committed(self, user: str, change: str, number: int) -> bytes:
        mailbox = self.mailboxes[user]
        if change == "create" or not mailbox.created:
            return mailbox.create()
        return mailbox.change(number) if change == "change" else mailbox.change_all()

    @rule(
        user=user,
        change=change,
        count=number,
        lost=st.none() | number,
        chunk=number,
        room=st.none() | st.integers(0, 100),
        together=st.booleans(),
    )
    def flow(
        self,
        user: str,
        change: str,
        count: int,
        lost: int | None = None,
        chunk: int = 0,
        room: int | None = None,
        together: bool = False,
    ) -> None:
        """Changes, one after the other or all in one read, of which one may be lost in silence.

        In between, each browser takes one chunk, and is slow about it. Its socket may have room for
        a part of the first frame, or for nothing.
        """
        for browser in self.open_browsers():
            browser.take_less(room)
        for one in range(count):
            if one == lost:
                self.commit(user, change, one)
            else:
                self.tell(user, change, one)
            while self.pubsub.flying and not together:
                self.arrive(0)
            if one + 1 == chunk:
                for browser in self.open_browsers():
                    browser.step()
        self.arrive(0, len(self.pubsub.flying))

    @rule(user=user, number=number)
    def tell_again(self, user: str, number: int) -> None:
        """A consumer takes over an event that was stored already."""
        mailbox = self.mailboxes[user]
        if mailbox.created:
            self.pubsub.publish(mailbox.channel, mailbox.push_of(mailbox.name(number)))

    # What happens to pushes

    @precondition(lambda self: self.pubsub.flying)
    @rule(number=st.just(0) | number, count=number, twice=st.booleans())
    def arrive(self, number: int, count: int = 1, twice: bool = False) -> None:
        """Pushes arrive together, perhaps before others that were published earlier, or twice."""
        arrived: list[tuple[bytes, bytes]] = []
        while self.pubsub.flying and len(arrived) < max(1, count):
            arrived.append(self.pubsub.flying.pop(number % len(self.pubsub.flying)))
        self.hub.deliver(arrived * (1 + twice))

    @precondition(lambda self: self.pubsub.flying)
    @rule(number=number)
    def lose(self, number: int) -> None:
        """A push is lost in silence."""
        channel, _ = self.pubsub.flying.pop(number % len(self.pubsub.flying))
        self.lost.update(name for name in USERS if self.mailboxes[name].channel == channel)

    @rule()
    def lose_link(self) -> None:
        """The connection breaks, with all that was on its way."""
        self.pubsub.lose_link()

    @rule(user=user, change=change, number=number)
    def outage(self, user: str, change: str, number: int) -> None:
        """The connection breaks, something is published that nobody hears, and it is back."""
        self.lose_link()
        self.tell(user, change, number)
        self.confirm(user)

    @rule(user=user)
    def confirm(self, user: str) -> None:
        """A subscription is confirmed, for the first time or again."""
        channel = self.mailboxes[user].channel
        if channel in self.pubsub.wanted - self.pubsub.confirmed:
            self.pubsub.confirmed.add(channel)
            self.hub.confirmed(channel)

    # What browsers do

    @precondition(lambda self: len(self.browsers) < MOST_BROWSERS)
    @rule(
        user=user,
        back=st.none() | number,
        eager=st.booleans(),
        meanwhile=deeds,
        outlet=st.booleans(),
    )
    def open(
        self, user: str, back: int | None, eager: bool, meanwhile: Deeds, outlet: bool
    ) -> None:
        """A new tab, without a position or with that of a list which it read a while ago."""
        mailbox = self.mailboxes[user]
        position = None if back is None else max(0, mailbox.seq - back)
        self.plan([], meanwhile)
        self.connect(Browser(mailbox, position, outlet=outlet), eager)

    @precondition(lambda self: len(self.browsers) < MOST_BROWSERS)
    @rule(user=user, ahead=st.integers(10**6, 2**62))
    def open_with_a_made_up_position(self, user: str, ahead: int) -> None:
        mailbox = self.mailboxes[user]
        self.connect(Browser(mailbox, mailbox.seq + ahead, hostile=True), eager=False)

    def connect(self, browser: Browser, eager: bool) -> None:
        self.pubsub.eager = eager
        browser.connect(self.hub, self.server)
        self.browsers.append(browser)
        browser.step()

    @precondition(lambda self: self.browsers)
    @rule(number=number)
    def disconnect(self, number: int) -> None:
        self.browsers[number % len(self.browsers)].disconnect()

    @precondition(lambda self: self.browsers)
    @rule(number=number, eager=st.booleans(), meanwhile=deeds)
    def reconnect(self, number: int, eager: bool, meanwhile: Deeds) -> None:
        """A tab comes back with the last id that it was told."""
        browser = self.browsers.pop(number % len(self.browsers))
        browser.disconnect()
        self.plan([], meanwhile)
        self.connect(browser, eager)

    @precondition(lambda self: self.browsers)
    @rule(number=number, chunks=st.integers(1, 4))
    def read(self, number: int, chunks: int) -> None:
        """A browser reads on. Between two chunks its stream hangs in the write of the first."""
        browser = self.browsers[number % len(self.browsers)]
        for _ in range(chunks):
            if browser.reading is not None:
                browser.step()

    # What the server does

    @rule()
    def pulse(self) -> None:
        """Whoever is idle is given a sign of life."""
        beat(list(self.hub.clients()))

    @rule()
    def sweep(self) -> None:
        """Who lacks something knows it now, were it in the middle of a read."""
        planned = bool(self.server.plans)
        sweep(self.hub, self.server.last_seqs)
        if not planned:
            self.lost.clear()

    @rule(before=deeds, after=deeds)
    def plan(self, before: Deeds, after: Deeds) -> None:
        """Let things happen in the middle of the next look at the database."""
        self.server.plans.append((lambda: self.do(before), lambda: self.do(after)))

    def do(self, deeds: Deeds) -> None:
        acts: dict[str, Callable[[str, str, int], object]] = {
            "tell": self.tell,
            "commit": self.commit,
            "arrive": lambda _user, _change, number: self.arrive(number),
            "flow": self.flow,
            "confirm": lambda user, _change, _number: self.confirm(user),
            "outage": self.outage,
            "sweep": lambda _user, _change, _number: self.sweep(),
        }
        for name, user, change, number in deeds:
            acts[name](user, change, number)

    @rule(reads=st.integers(1, 3))
    def database_goes_away(self, reads: int) -> None:
        self.server.away = reads

    @rule()
    def deploy(self) -> None:
        """The worker drains, and another one takes its place."""
        self.hub.drain(0)
        for browser in self.browsers:
            while browser.reading is not None:
                browser.step()
        assert self.hub.streams == 0
        self.pubsub.flying.clear()
        self.hub = self.new_hub()

    @rule()
    def settle(self) -> None:
        """All that is on its way arrives. Then nobody lacks anything."""
        self.server.plans.clear()
        for name in USERS:
            self.confirm(name)
        while self.pubsub.flying:
            self.arrive(0)
        self.read_all()
        for browser in self.open_browsers():
            if browser.mailbox.user not in self.lost:
                browser.assert_it_knows_all()
        sweep(self.hub, self.server.last_seqs)
        self.lost.clear()
        self.read_all()
        for browser in self.open_browsers():
            browser.assert_it_knows_all()

    def open_browsers(self) -> list[Browser]:
        return [browser for browser in self.browsers if browser.reading is not None]

    def read_all(self) -> None:
        """Let every browser read until there is nothing more."""
        self.server.away = 0
        for browser in self.open_browsers():
            for _ in range(20):
                browser.step()
                if browser.idle:
                    break
            else:
                pytest.fail("a stream that never comes to rest")


TestPromise = pytest.mark.timeout(600)(Promise.TestCase)  # it finds the smallest failure
TestPromise.settings = settings(
    max_examples=300,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],  # a busy machine is no defect
)
