"""The reader follows the standard (HTML, 9.2.6), so that tests of the stream can rely on it."""

import pytest

from tests.support.sse import SseParser

EVERY_CASE = (
    b"\xef\xbb\xbf: first\n\nretry: 2000\nevent: connected\nid: 7\ndata: {}\n\n"
    b"data: a\r\ndata:  b\r\n\r\ndata: c\rdata\r\rid\ndata: d\xc3\xa9\n\n"
)


def read(stream: bytes) -> list[tuple[str, str, str]]:
    return [(f.event, f.data, f.last_event_id) for f in SseParser().feed(stream)]


def test_all_line_endings_and_fields_are_read() -> None:
    assert read(EVERY_CASE) == [
        ("connected", "{}", "7"),
        ("message", "a\n b", "7"),
        ("message", "c\n", "7"),
        ("message", "dé", ""),
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
def test_it_does_not_matter_where_the_bytes_are_cut(size: int) -> None:
    parser = SseParser()
    pieces = [EVERY_CASE[at : at + size] for at in range(0, len(EVERY_CASE), size)]
    frames = [frame for piece in pieces for frame in parser.feed(piece)]
    assert [(f.event, f.data, f.last_event_id) for f in frames] == read(EVERY_CASE)


def test_a_block_without_data_is_no_event_but_its_id_and_retry_count() -> None:
    parser = SseParser()
    assert parser.feed(b"event: nothing\nid: 5\nretry: 300\n\n") == []
    assert (parser.last_event_id, parser.retry_ms) == ("5", 300)
    [frame] = parser.feed(b"data: x\n\n")
    assert (frame.event, frame.last_event_id, frame.id, frame.retry_ms) == (
        "message",
        "5",
        None,
        None,
    )


def test_an_empty_data_field_is_an_event() -> None:
    assert read(b"data\n\n") == [("message", "", "")]


def test_an_unfinished_block_is_no_event_and_its_id_does_not_count() -> None:
    parser = SseParser()
    assert parser.feed(b"id: 9\ndata: x\n") == []
    assert parser.last_event_id == ""


def test_only_line_feeds_and_carriage_returns_end_a_line() -> None:
    text = "a\u2028b\u0085c\x0bd\x0ce"
    assert read(f"data: {text}\n\n".encode()) == [("message", text, "")]


@pytest.mark.parametrize("value", ["1e3", "-1", "", "٣"])
def test_a_retry_that_is_not_all_digits_is_ignored(value: str) -> None:
    parser = SseParser()
    parser.feed(f"retry: {value}\n\n".encode())
    assert parser.retry_ms is None


def test_an_id_with_nul_and_an_unknown_field_are_ignored() -> None:
    assert read(b"id: 1\ndata: x\n\nid: 2\0\nData: no\nfoo: bar\ndata: y\n\n") == [
        ("message", "x", "1"),
        ("message", "y", "1"),
    ]


def test_comments_are_kept_aside() -> None:
    parser = SseParser()
    assert parser.feed(b": hello\n:\n\n") == []
    assert parser.comments == [" hello", ""]
