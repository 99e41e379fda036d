"""The load client counts every notification once, however TCP cuts the stream."""

import pytest

from bench.report import Line, quantile
from bench.wire import FrameCounter, body_of, seqs

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(text: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(text), text)


def frame(seq: int) -> bytes:
    return b'id: %d\ndata: {"seq":%d,"title":"a\\n\\ndata: b"}\n\n' % (seq, seq)


CONNECTED = chunk(b'retry: 2000\nevent: connected\nid: 0\ndata: {"unread":0}\n\n')
PING = chunk(b"event: ping\ndata: {}\n\n")
STREAM = chunk(frame(1)) + PING + chunk(frame(2) + frame(3)) + PING + chunk(frame(4))


def test_a_frame_counts_once_wherever_one_cut_is() -> None:
    for cut in range(len(STREAM) + 1):
        counter = FrameCounter()
        assert counter.feed(STREAM[:cut]) + counter.feed(STREAM[cut:]) == 4, cut


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_a_frame_counts_once_in_small_pieces(size: int) -> None:
    counter = FrameCounter()
    pieces = [STREAM[start : start + size] for start in range(0, len(STREAM), size)]
    assert sum(map(counter.feed, pieces)) == 4


def test_an_unfinished_frame_does_not_count_yet() -> None:
    counter = FrameCounter()
    assert counter.feed(chunk(frame(1))[:-4]) == 0
    assert counter.feed(b"\n\n\r\n") == 1


def test_seqs_are_read_in_order_from_what_was_received() -> None:
    assert seqs(HEAD + CONNECTED + STREAM) == [1, 2, 3, 4]
    assert body_of(HEAD + CONNECTED + STREAM).endswith(frame(4))


def test_an_id_that_is_not_the_seq_is_refused() -> None:
    with pytest.raises(ValueError, match="id 2 on seq 1"):
        seqs(HEAD + chunk(frame(1).replace(b"id: 1", b"id: 2")))


def test_a_quantile_is_one_of_the_values() -> None:
    values = [float(number) for number in range(1, 101)]
    assert (quantile(values, 0.5), quantile(values, 0.99), quantile(values, 1)) == (50, 99, 100)
    assert quantile([3.0], 0.99) == 3.0


def test_a_ratio_above_one_is_better_whichever_way_is_better() -> None:
    assert Line("row", "rate", "1/s", ours=30, naive=20).ratio == 1.5
    assert Line("row", "time", "ms", ours=20, naive=30, better="less").ratio == 1.5
    assert Line("row", "alone", "ms", ours=20).ratio is None
