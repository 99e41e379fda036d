"""The wire text of one event: what a browser makes of it, and what it can never be made to be."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app import bus
from app.sse import frame
from tests.support.sse import Frame, SseParser


def read(text: bytes) -> Frame:
    """The one event that `text` is to a browser."""
    [event] = SseParser().feed(text)
    return event


def test_a_frame_without_a_name_reaches_a_plain_onmessage_handler() -> None:
    event = read(frame.frame(b'{"a":1}', seq=7))
    assert (event.event, event.id, event.data) == ("message", "7", '{"a":1}')


def test_a_frame_carries_its_name_its_id_and_its_retry() -> None:
    event = read(frame.frame(b"{}", event="updated", seq=2**63 - 1, retry_ms=2_000))
    assert (event.event, event.id, event.retry_ms) == ("updated", str(2**63 - 1), 2_000)


def test_a_frame_without_an_id_leaves_the_last_one_alone() -> None:
    parser = SseParser()
    parser.feed(frame.frame(b"{}", seq=7) + frame.PING)
    assert parser.last_event_id == "7"


def test_seq_0_is_an_id_too() -> None:
    assert read(frame.frame(b"{}", seq=0)).id == "0"


@pytest.mark.parametrize("line_end", [b"\n", b"\r", b"\r\n"])
def test_data_can_not_forge_further_fields(line_end: bytes) -> None:
    with pytest.raises(ValueError, match="one line"):
        frame.frame(b"{}" + line_end + b"id: 99", seq=1)


@given(st.text())
@settings(deadline=None)
def test_any_text_arrives_as_it_was(text: str) -> None:
    payload = bus.encode_created({"seq": 1, "id": "x", "title": text})
    seq, whole = frame.of_push(payload)
    assert seq == 1
    assert read(whole).json()["title"] == text


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\x1c"])
def test_what_only_python_takes_for_a_line_end_stays_in_the_line(separator: str) -> None:
    assert read(frame.frame(f"a{separator}b".encode())).data == f"a{separator}b"


@pytest.mark.parametrize(
    ("encode", "name"),
    [
        (bus.encode_created, "message"),
        (bus.encode_updated, "updated"),
        (bus.encode_mailbox, "mailbox"),
    ],
)
def test_a_push_becomes_the_event_that_it_is(encode: Any, name: str) -> None:
    payload = encode({"seq": 12, "id": "x", "kind": "k", "unread": 1})
    event = read(frame.of_push(payload)[1])
    assert (event.event, event.id, event.data) == (name, "12", payload.decode())


def test_what_another_service_published_has_no_place_in_the_order() -> None:
    with pytest.raises(ValueError, match="not a Push"):
        frame.of_push(b'{"hello":"world"}')


def test_a_retry_alone_is_no_event_but_a_sign_of_life() -> None:
    parser = SseParser()
    assert parser.feed(frame.retry(2_000)) == []
    assert parser.retry_ms == 2_000


def test_draining_tells_a_script_and_the_browser_when_to_come_back() -> None:
    event = read(frame.draining(1_234))
    assert (event.event, event.id, event.retry_ms) == ("draining", None, 1_234)
    assert event.json() == {"retry_ms": 1_234}


def test_expired_and_ping_have_no_id() -> None:
    expired, ping = read(frame.expired("The token has expired.")), read(frame.PING)
    assert (expired.event, expired.id) == ("expired", None)
    assert json.loads(expired.data) == {"reason": "The token has expired."}
    assert (ping.event, ping.id, ping.data) == ("ping", None, "{}")


def test_every_frame_is_whole_so_that_frames_can_be_joined() -> None:
    parts = [frame.PING, frame.draining(1), frame.expired("x"), frame.frame(b"{}", seq=1)]
    assert [f.event for f in SseParser().feed(b"".join(parts))] == [
        "ping",
        "draining",
        "expired",
        "message",
    ]
