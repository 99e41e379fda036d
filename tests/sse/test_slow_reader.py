"""A reader that stops reading harms nobody else, and loses nothing by it."""

import http.client
import json
import re
import socket
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from app import bus
from tests.sse.clustered import revoke_user
from tests.sse.conftest import StartPlace, on_its_own, well
from tests.sse.place import Place, events, news
from tests.support.processes import STREAM_PATH
from tests.support.sse import Frame, SseParser
from tests.support.waiting import wait_for

# More than the sockets' buffers (4 MiB and some) and the queue (256 frames) hold together.
COUNT = 600
# Of which more than a Unix socket's buffer holds (208 KiB) come one by one.
SINGLY = 30
LARGE = {"text": "x" * 20_000}


@pytest.fixture(scope="module", params=["tcp", "unix"])
def shared_place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """One worker that waits long for a reader, who comes by TCP or by a Unix socket."""
    waiting = {"KEEPALIVE_SECONDS": "45", "REPLAY_LIMIT": "1000"}
    # With a short name: the path of a Unix socket has a limit.
    with tempfile.TemporaryDirectory(prefix="tidings-") as folder:
        unix_socket = Path(folder, "web.sock") if request.param == "unix" else None
        with on_its_own(request, tmp_path_factory, 1, unix_socket, **waiting) as place:
            yield place


@pytest.fixture
def place(shared_place: Place) -> Place:
    """The same, well."""
    return well(shared_place, 1)


@contextmanager
def slow_reader(place: Place, user: str) -> Iterator[Iterator[Frame]]:
    """A stream that is open, and of which nothing is read until its frames are asked for."""
    unix_socket = place.web.unix_socket
    with socket.socket(socket.AF_UNIX if unix_socket else socket.AF_INET) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(str(unix_socket) if unix_socket else ("127.0.0.1", place.web.port))
        with closing(http.client.HTTPConnection("127.0.0.1", place.web.port)) as connection:
            connection.sock = sock
            headers = {"Authorization": f"Bearer {place.token(user)}", "Last-Event-ID": "0"}
            connection.request("GET", STREAM_PATH, headers=headers)
            response = connection.getresponse()
            assert response.status == 200
            wait_for(lambda: place.subscribers(user) == 1, what="its subscription")
            yield _frames(sock, response)


def _frames(sock: socket.socket, response: http.client.HTTPResponse) -> Iterator[Frame]:
    parser = SseParser()
    sock.settimeout(20)
    while chunk := response.read1(65_536):
        yield from parser.feed(chunk)


def test_others_are_not_kept_waiting_and_it_gets_all_in_order_once_it_reads(
    place: Place, user: str
) -> None:
    other = f"{user}:other"
    with (
        slow_reader(place, user) as slow,
        place.live(user) as quick,
        place.live(other) as others,
    ):
        # One after the other: a Unix socket that is full takes nothing at all of the next one. Then
        # many together, of which a socket takes a part.
        for number in range(SINGLY):
            place.tell(user, data=LARGE)
            quick.wait_for_frames(number + 2)
        for _ in range(6):
            place.tell(user, (COUNT - SINGLY) // 6, data=LARGE)
            place.tell(other)
        frames = quick.wait_for_frames(COUNT + 1, 30)
        assert events(frames) == [("connected", "0"), *news(1, COUNT)]
        assert events(others.wait_for_frames(7)) == [("connected", "0"), *news(1, 6)]
        assert place.web.is_ready()

        seen = []
        for frame in slow:
            seen.append(frame)
            if frame.id == str(COUNT):
                break
        assert events(seen) == [("connected", "0"), *news(1, COUNT)]


def test_one_whose_token_is_revoked_gets_nothing_more_and_is_cut_off_at_once(
    place: Place, user: str
) -> None:
    with slow_reader(place, user) as slow, place.live(user) as quick:
        place.tell(user, COUNT, data=LARGE)
        quick.wait_for_frames(COUNT + 1, 60)
        revoke_user(place.app, user)
        quick.wait_for_end()
        assert quick.frames[-1].event == "expired"
        # By itself, its write would wait for a minute and a half.
        wait_for(lambda: place.subscribers(user) == 0, 20, "the end of both streams")
        seen = [frame for frame in _until_cut(slow) if frame.id is not None]
        assert int(seen[-1].id or 0) < COUNT
    assert "Traceback" not in place.web.output()


def test_what_another_service_sends_to_a_slow_reader_arrives_or_is_told_of_in_few_words(
    place: Place, user: str
) -> None:
    with slow_reader(place, user) as slow, place.live(user) as quick:
        for number in range(COUNT):
            payload = json.dumps({"number": number, **LARGE})
            place.redis.publish(bus.channel_of(user), payload)
            # One after the other: the quick reader is to be given all of them.
            quick.wait_for_frames(number + 2)
        place.tell(user)
        numbers = []
        for frame in slow:
            if frame.id == "1":
                break
            if frame.event == "message":
                numbers.append(frame.json()["number"])
        assert numbers == sorted(numbers)
        assert place.web.terminate() == 0
    assert events(quick.frames)[1 : COUNT + 1] == [("message", None)] * COUNT
    told = re.findall(
        r"dropped (?:(an)|(\d+) more) unnumbered push(?:es)? for a slow reader of " + user + r"\n",
        place.web.output(),
    )
    assert len(told) == 2
    assert sum(1 if one else int(more) for one, more in told) == COUNT - len(numbers) > 2


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_who_does_not_read_on_is_cut_off_and_holds_nothing_any_more(
    start_place: StartPlace,
) -> None:
    place = start_place(KEEPALIVE_SECONDS="0.5", REPLAY_LIMIT="1000")
    with slow_reader(place, "ada") as slow:
        place.tell("ada", COUNT, data=LARGE)
        place.web.wait_for_output("closed the connection of a reader that stopped reading")
        wait_for(lambda: place.subscribers("ada") == 0, what="the end of its subscription")
        assert "Traceback" not in place.web.output()
        got = [int(frame.id) for frame in _until_cut(slow) if frame.id is not None]
    assert got == list(range(len(got)))
    with place.stream("ada", got[-1]) as stream:
        rest = stream.wait_for_frames(COUNT - got[-1] + 1, 30)
        assert events(rest)[1:] == news(got[-1] + 1, COUNT)


def _until_cut(frames: Iterator[Frame]) -> Iterator[Frame]:
    try:
        yield from frames
    except (http.client.HTTPException, OSError):
        return  # in the middle of a chunk, which is how it is cut off
