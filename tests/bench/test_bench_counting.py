"""The load client counts every notification once, however TCP cuts the stream."""

import select
import socket
import sys
import time
from array import array
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.crowd import Crowd
from bench.native import NativeCounter, StreamEnded, compiled
from bench.samples import Publishes, user_ids
from bench.wire import FRAME_END, MARK, FrameCounter, body_of, seqs
from tests.support.require import require

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(text: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(text), text)


def frame(seq: int) -> bytes:
    return b'id: %d\ndata: {"seq":%d,"title":"a\\n\\ndata: b"}\n\n' % (seq, seq)


CONNECTED = chunk(b'retry: 2000\nevent: connected\nid: 0\ndata: {"unread":0}\n\n')
PING = chunk(b"event: ping\ndata: {}\n\n")
STREAM = chunk(frame(1)) + PING + chunk(frame(2) + frame(3)) + PING + chunk(frame(4))


# A mark, and what ends a frame.
NewCounter = Callable[[bytes, bytes], FrameCounter | NativeCounter]


def in_c(mark: bytes = MARK, frame_end: bytes = FRAME_END, streams: int = 2) -> NativeCounter:
    require(sys.platform == "linux", "the load client reads in C on Linux alone")
    library = compiled()
    require(library, "there is no C compiler")
    assert library is not None
    return NativeCounter(library, mark, frame_end, streams)


@pytest.fixture(params=[FrameCounter, in_c], ids=["python", "c"])
def new_counter(request: pytest.FixtureRequest) -> NewCounter:
    chosen: NewCounter = request.param
    return chosen


def test_a_frame_counts_once_wherever_one_cut_is(new_counter: NewCounter) -> None:
    for cut in range(len(STREAM) + 1):
        counter = new_counter(MARK, FRAME_END)
        assert counter.feed(0, STREAM[:cut]) + counter.feed(0, STREAM[cut:]) == 4, cut


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_a_frame_counts_once_in_small_pieces(new_counter: NewCounter, size: int) -> None:
    counter = new_counter(MARK, FRAME_END)
    pieces = [STREAM[start : start + size] for start in range(0, len(STREAM), size)]
    assert sum(counter.feed(0, piece) for piece in pieces) == 4


def test_an_unfinished_frame_does_not_count_yet(new_counter: NewCounter) -> None:
    counter = new_counter(MARK, FRAME_END)
    assert counter.feed(0, chunk(frame(1))[:-4]) == 0
    assert counter.feed(0, b"\n\n\r\n") == 1


def test_two_streams_unfinished_frames_are_not_mixed_up(new_counter: NewCounter) -> None:
    counter = new_counter(MARK, FRAME_END)
    assert counter.feed(0, chunk(frame(1))[:20]) == 0
    assert counter.feed(1, chunk(frame(1))) == 1
    assert counter.feed(0, chunk(frame(1))[20:]) == 1


def test_frames_of_a_yardstick_count_with_its_own_mark_and_line_ends(
    new_counter: NewCounter,
) -> None:
    text = chunk(b'data:{"a": 1, "seq": 1}\r\n\r\n')
    for cut in range(len(text) + 1):
        counter = new_counter(b"data:{", b"\r\n\r\n")
        assert counter.feed(0, text[:cut]) + counter.feed(0, text[cut:]) == 1, cut


@given(st.lists(st.sampled_from([MARK, MARK[:5], MARK[5:], b"\n", b"\n\n", b"\r\n", b"x" * 70])))
def test_both_count_the_same_whatever_comes(pieces: list[bytes]) -> None:
    python, c = FrameCounter(), in_c()
    for piece in pieces:
        assert python.feed(1, piece) == c.feed(1, piece)


def test_c_reads_all_streams_and_tells_which_one_ended() -> None:
    counter = in_c()
    received = array("q", [0, 5])
    with select.epoll() as epoll:
        pairs = [socket.socketpair() for _ in range(2)]
        stream_of = array("i", [-1] * (1 + max(there.fileno() for _, there in pairs)))
        for stream, (_, there) in enumerate(pairs):
            epoll.register(there.fileno(), select.EPOLLIN)
            stream_of[there.fileno()] = stream
        try:
            pairs[0][0].sendall(chunk(frame(1)) + chunk(frame(2))[:-4])
            pairs[1][0].sendall(PING + chunk(frame(1)))
            assert counter.read(epoll.fileno(), 5.0, stream_of, received) == 2
            pairs[0][0].sendall(chunk(frame(2))[-4:])
            assert counter.read(epoll.fileno(), 5.0, stream_of, received) == 1
            assert received == array("q", [2, 6])
            assert counter.read(epoll.fileno(), 0.0, stream_of, received) == 0
            before = time.perf_counter()
            pairs[1][0].sendall(chunk(frame(2) + frame(3)))
            [(stream, frames, moment)] = counter.arrivals(epoll.fileno(), 5.0, stream_of)
            assert (stream, frames) == (1, 2)
            assert before < moment < time.perf_counter()
            pairs[1][0].close()
            with pytest.raises(StreamEnded, match="stream 1 "):
                counter.read(epoll.fileno(), 5.0, stream_of, received)
            with pytest.raises(StreamEnded, match="stream 1 "):
                counter.arrivals(epoll.fileno(), 5.0, stream_of)
        finally:
            for pair in pairs:
                for each in pair:
                    each.close()


def test_more_streams_than_c_has_room_for_are_refused() -> None:
    crowd = Crowd(("127.0.0.1", 9), in_c(streams=2))
    try:
        with pytest.raises(ValueError, match="2 streams"):
            crowd.open([b"", b"", b""])
    finally:
        crowd.close()


@pytest.mark.parametrize("mark", [b"", b"x" * 65])
def test_c_refuses_a_mark_that_it_can_not_keep(mark: bytes) -> None:
    with pytest.raises(ValueError, match="mark"):
        in_c(mark)


def test_seqs_are_read_in_order_from_what_was_received() -> None:
    assert seqs(HEAD + CONNECTED + STREAM) == [1, 2, 3, 4]
    assert body_of(HEAD + CONNECTED + STREAM).endswith(frame(4))


def test_seqs_are_read_from_a_yardsticks_frames_too() -> None:
    named = b'event:message\nid:41f3-7d\ndata:{"seq":1}\n\n'
    crlf = b'data: {"seq":2}\r\n\r\n'
    assert seqs(HEAD + chunk(b"retry:2000\n\n") + chunk(named) + chunk(crlf)) == [1, 2]


def test_an_id_that_is_not_the_seq_is_refused() -> None:
    with pytest.raises(ValueError, match="id 2 on seq 1"):
        seqs(HEAD + chunk(frame(1).replace(b"id: 1", b"id: 2")))


@pytest.mark.parametrize("users", [1, 3])
def test_commands_are_the_same_however_they_are_cut(users: int) -> None:
    source = Publishes(user_ids("cut", users))
    whole = source(0, 25)
    assert whole.count(b"PUBLISH") == 25
    assert whole.count(b'{"seq":%d,' % (24 // users + 1)) == 24 % users + 1
    for cut in range(26):
        assert source(0, cut) + source(cut, 25 - cut) == whole, cut


def test_a_notification_is_as_large_as_asked_for_whatever_is_around_it() -> None:
    for wrapped in ((b"", b""), (b'{"data":', b"}")):
        payload = Publishes(user_ids("size", 1), wrapped, 1_000)(0, 1).split(b"\r\n")[-2]
        assert payload.startswith(wrapped[0])
        assert payload.endswith(wrapped[1])
        # Without the one digit of its seq.
        assert len(payload) - len(wrapped[0]) - len(wrapped[1]) == 1_000 + 1
