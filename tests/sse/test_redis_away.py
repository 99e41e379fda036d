"""Redis, or the way to it, fails: readiness says so, it heals by itself, and nothing is lost.

The sweep is an hour away here; what arrives was found without it. The tests share one Tidings and
its Redis, and leave them well.
"""

import random
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
import redis

from app import bus
from app.ops.embedded import EmbeddedRedis
from tests.chaos.background import Background
from tests.chaos.proxy import Proxy
from tests.conftest import JWT_SECRET_KEY
from tests.sse.conftest import SETTINGS, running
from tests.sse.place import Place, events, news
from tests.support.databases import SqliteDatabases
from tests.support.processes import free_port
from tests.support.sse import SseStream
from tests.support.tokens import sign_token
from tests.support.waiting import wait_for

# Longer than any of the app's own time-outs, so that the answer is the app's.
PATIENCE_SECONDS = 30


class Dropper:
    """Loses what is said to Redis while it holds `words`: Redis never gets to see it."""

    def __init__(self) -> None:
        self.words: bytes | None = None
        self.dropped = 0

    def __call__(self, chunk: bytes) -> bytes:
        if self.words is not None and self.words in chunk:
            self.dropped += 1
            return b""
        return chunk


@dataclass(frozen=True)
class Outages(Place):
    """A Tidings that reaches its Redis through a proxy; the test reaches it without."""

    server: EmbeddedRedis
    proxy: Proxy
    dropper: Dropper
    background: Background

    def send(self, signum: signal.Signals) -> None:
        """Send Redis a signal."""
        assert self.server.process is not None
        self.server.process.send_signal(signum)

    def swallow(self, words: bytes) -> int:
        """From now on the connections that have said `words` carry nothing, and do not end."""

        async def swallow() -> int:
            return self.proxy.swallow(words)

        return self.background.call(swallow())

    def checks(self) -> dict[str, str]:
        """What /readyz says of each part; its status must agree."""
        url = f"{self.web.url}/readyz"
        answer = httpx.get(url, timeout=PATIENCE_SECONDS, trust_env=False, verify=False)
        found: dict[str, str] = answer.json()["checks"]
        assert answer.status_code == (200 if set(found.values()) == {"ok"} else 503)
        return found

    def notice(self) -> dict[str, str]:
        """What /readyz says once the listener has given up its connection."""
        found: list[dict[str, str]] = []

        def noticed() -> bool:
            found.append(self.checks())
            return found[-1]["listener"].startswith("connecting: ")

        wait_for(noticed, PATIENCE_SECONDS, "its notice")
        return found[-1]

    def wait_until_ready(self) -> None:
        """Wait until it has healed."""
        wait_for(self.web.is_ready, PATIENCE_SECONDS, "a server that is ready again")


@pytest.fixture(scope="module")
def shared_outages(
    sqlite_databases: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Outages]:
    """One Tidings, its Redis, and the proxy between them."""
    folder = tmp_path_factory.mktemp("outages")
    dropper = Dropper()
    with (
        Background() as background,
        EmbeddedRedis(folder / "redis", port=free_port()) as server,
        sqlite_databases.fresh(folder) as database_url,
    ):
        proxy = Proxy(server.port, random.Random(0), lambda: dropper)
        background.call(proxy.start())
        proxied, direct = (f"redis://127.0.0.1:{port}/0" for port in (proxy.port, server.port))
        with (
            running(database_url, proxied, folder, SETTINGS) as place,
            redis.Redis.from_url(direct) as client,
        ):
            yield Outages(place.web, place.app, client, server, proxy, dropper, background)
        server.stop()
        wait_for(lambda: not proxy.connections, what="the end of the proxy's connections")


@pytest.fixture
def outages(shared_outages: Outages) -> Iterator[Outages]:
    """The same, well at the beginning and again at the end."""
    shared_outages.wait_until_ready()
    yield shared_outages
    shared_outages.dropper.words = None
    shared_outages.send(signal.SIGCONT)


def assert_it_goes_on(place: Place, user: str, stream: SseStream, last: int) -> None:
    """The stream has everything up to `last`, and gets what comes next."""
    if last:
        stream.wait_for_event(lambda frame: frame.id == str(last), PATIENCE_SECONDS)
    place.tell(user)
    frames = stream.wait_for_frames(last + 2)
    assert events(frames) == [("connected", "0"), *news(1, last + 1)]


def test_what_is_published_while_the_pubsub_connection_is_down_arrives(
    outages: Outages, user: str
) -> None:
    other, told = f"{user}:other", 0
    with outages.live(user) as stream, outages.live(other) as others:

        def unheard() -> bool:
            nonlocal told
            told += 1
            [push] = outages.commit(user)
            outages.redis.client_kill_filter(_type="pubsub")
            return outages.redis.publish(bus.channel_of(user), push.payload) == 0

        wait_for(unheard, what="a push that reaches nobody")
        assert_it_goes_on(outages, user, stream, told)
        assert_it_goes_on(outages, other, others, 0)
    assert len(outages.listeners()) == 1


def test_a_redis_that_hangs_is_noticed_and_named_and_all_is_well_when_it_goes_on(
    outages: Outages, user: str
) -> None:
    outages.tell(user)
    with outages.stream(user, 0) as stream:
        stream.wait_for_frames(2)
        outages.send(signal.SIGSTOP)
        with outages.stream(f"{user}:late") as late:
            # It opens without its subscription: a router waits for a first byte, but not for ever.
            late.wait_for_frames(1)
            outages.commit(user)
            outages.commit(f"{user}:late")
            # Readiness is right the first time, before the listener has found out by itself.
            first = outages.checks()
            assert (first["database"], first["redis"] == "ok") == ("ok", False)
            assert first["listener"].startswith("listening, but nothing has come for ")
            said = outages.notice()
            assert (said["database"], said["redis"] == "ok") == ("ok", False)
            lost = "lost the Pub/Sub connection to Redis, trying again: the probe did not come back"
            assert lost in outages.web.output()
            assert "another greenlet" not in outages.web.output()
            # The process is not to blame: nothing would be won by a restart.
            healthz = httpx.get(f"{outages.web.url}/healthz", timeout=5, trust_env=False)
            assert healthz.status_code == 200
            outages.send(signal.SIGCONT)
            assert_it_goes_on(outages, user, stream, 2)
            assert_it_goes_on(outages, f"{user}:late", late, 1)
    outages.wait_until_ready()


def test_a_redis_that_is_killed_and_started_again_costs_no_stream_and_no_notification(
    outages: Outages, user: str
) -> None:
    with outages.live(user) as stream:
        assert outages.server.process is not None
        outages.server.process.kill()
        outages.server.process.wait()
        said = outages.notice()
        assert (said["database"], said["redis"] == "ok") == ("ok", False)
        outages.commit(user)
        with outages.live(f"{user}:late") as late:
            outages.commit(f"{user}:late")
            outages.server.stop()
            outages.server.start()
            outages.wait_until_ready()
            assert_it_goes_on(outages, user, stream, 1)
            assert_it_goes_on(outages, f"{user}:late", late, 1)


def test_without_redis_nobody_is_told_how_many_streams_there_are(outages: Outages) -> None:
    outages.server.stop()
    admin = sign_token(JWT_SECRET_KEY, "admin", "admin")
    with outages.web.http(admin, timeout=PATIENCE_SECONDS) as api:
        answer = api.get("/api/v1/presence", params={"user": "ada"})
    assert (answer.status_code, answer.json()["status"]) == (503, 503)
    outages.server.start()
    outages.wait_until_ready()


def test_a_link_that_swallows_everything_is_replaced(outages: Outages, user: str) -> None:
    with outages.live(user) as stream:
        assert outages.swallow(b"SUBSCRIBE") == 1
        outages.tell(user)  # Redis sends it, and it comes no further
        assert_it_goes_on(outages, user, stream, 1)


def test_a_subscription_that_is_never_confirmed_is_not_waited_for_for_ever(
    outages: Outages, user: str
) -> None:
    with outages.live(user) as stream:
        dropped = outages.dropper.dropped
        outages.dropper.words = b"SUBSCRIBE"
        outages.redis.client_kill_filter(_type="pubsub")
        wait_for(lambda: outages.dropper.dropped > dropped, what="a subscription that gets lost")
        outages.tell(user)
        outages.dropper.words = None
        assert_it_goes_on(outages, user, stream, 1)
