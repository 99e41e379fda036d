"""Whatever is in a notification or is published: a frame is one event, with a name and an id of
ours."""

import json
from typing import Any

import pytest
import redis
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app import bus
from app.sse import frame
from tests.conftest import StartConsumer, StartWeb, TokenFor
from tests.sse.parts import ADA, Channels, new_client, new_hub
from tests.support.sse import Frame, SseParser

NAMES = {"message", "updated", "mailbox"}

FORGERIES = [
    "x\nevent: expired\ndata: {}\n\n",
    "x\r\nid: 9\r\n\r\n",
    "x\rid: 9\rretry: 1\r\r",
    "\n\n",
    ":\n",
    "data: {}\n\ndata: ",
    '"}\n\nevent: reset\ndata: {"seq":9',
    "\u2028id: 9\u2029event: expired\x85\x0b\x0c\x1c\x1d\x1e",
    "\ufeffevent: draining",
    "\\n\\nevent: expired",
]
TEXT = st.text() | st.sampled_from(FORGERIES)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
# What a Push of ours begins with, and what may stand for a foreign one's.
KEYS = st.sampled_from(["seq", "id", "kind", "unread", "event", "retry", "data"]) | TEXT
FOREIGN = (
    st.dictionaries(KEYS, JSON, max_size=4).map(json.dumps).map(str.encode)
    | st.dictionaries(KEYS, JSON, max_size=4).map(lambda it: json.dumps(it, indent=1).encode())
    | JSON.map(lambda it: json.dumps(it, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    | TEXT.map(lambda it: it.encode("utf-8", "surrogatepass"))
    | st.binary()
    | TEXT.map(lambda it: b'{"seq":1,"id":"' + it.encode("utf-8", "surrogatepass") + b'"}')
)


def delivered(*payloads: bytes) -> tuple[bytes, list[Frame]]:
    """The bytes that a stream of Ada's would send for these messages, and what a browser sees."""
    channels = Channels()
    channels.there.add(ADA)
    hub = new_hub(channels, 1, 1)
    client = new_client("ada", 0)
    assert hub.join(client)
    client.begin_catch_up()
    client.caught_up(0)
    for payload in payloads:
        hub.deliver([(ADA, payload)])
    chunk = client.take()
    # An end that a browser sees: a block that is open would take in what follows.
    [*frames, last] = SseParser().feed(chunk + frame.PING)
    assert (last.event, last.data) == ("ping", "{}")
    return chunk, frames


@settings(deadline=None)
@given(text=TEXT, more=JSON)
@pytest.mark.parametrize(
    ("encode", "name"),
    [
        (bus.encode_created, "message"),
        (bus.encode_updated, "updated"),
        (bus.encode_mailbox, "mailbox"),
    ],
)
def test_a_notification_is_one_event_whatever_it_says(
    encode: Any, name: str, text: str, more: Any
) -> None:
    told = {"seq": 1, "id": text, "kind": text, "unread": 0, "title": text, "data": {text: more}}
    _, [got] = delivered(encode(told))
    assert (got.event, got.id, got.retry_ms) == (name, "1", None)
    assert got.json() == told


@settings(deadline=None, max_examples=300)
@example(b'{"seq":1,"id":"x"}\n\nevent: expired\ndata: {}')
@example(b'{"seq":1,"id":"x",\n"title":"pretty"}')
@example(b'{"seq":1,"event":"expired"}')
@example(b'{"seq":"1\\nid: 9","id":"x"}')
@example(b'{"seq":-1,"id":"x"}')
@example(b'{"seq":1e3,"id":"x"}')
@example(b'{"a":' * 100_000)
@given(FOREIGN)
def test_what_others_publish_is_one_event_or_none(payload: bytes) -> None:
    chunk, frames = delivered(payload)
    assert len(frames) <= 1
    for got in frames:
        assert got.event in NAMES
        assert got.id in (None, "1")
        assert got.retry_ms is None
    if frames and frames[0].id is None:
        assert frames[0].event == "message"
        assert isinstance(frames[0].json(), dict)
    # As readers see it that know more line ends than the standard does.
    fields = {line.partition(":")[0] for line in chunk.decode("utf-8", "replace").split("\n")}
    assert fields <= {"", "event", "id", "data"}


@pytest.mark.parametrize("name", ["message", "", "expired\nid: 9", "expired\rid: 9", "Ping", "é"])
def test_no_frame_has_a_name_that_is_not_on_the_list(name: str) -> None:
    with pytest.raises(ValueError, match="no such event"):
        frame.frame(b"{}", event=name)


@pytest.mark.parametrize("seq", ["9", "9\nevent: expired"])
def test_no_frame_has_an_id_that_is_not_a_number(seq: Any) -> None:
    with pytest.raises(TypeError):
        frame.frame(b"{}", seq=seq)


def requested(number: int, text: str) -> dict[str, Any]:
    """An event that says `text` wherever an event may."""
    return {
        "specversion": "1.0",
        "id": f"forged-{number}",
        "source": "/tests",
        "type": "notification.requested",
        "data": {
            "recipients": ["ada"],
            "title": f"t{text}"[:200],
            "body": text,
            "data": {text: [text, {text: text}]},
            "group_key": f"{number}{text}",
        },
    }


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_no_event_forges_a_frame_on_its_way_from_a_producer_to_a_browser(
    start_web: StartWeb,
    start_consumer: StartConsumer,
    redis_client: redis.Redis,
    token_for: TokenFor,
) -> None:
    web = start_web()
    start_consumer()
    with web.stream(token_for("ada")) as stream:
        stream.wait_for_frames(1)
        # Nobody can take these: they are parked, and what comes after them goes through.
        deep = '{"specversion":"1.0","id":"deep","source":"/t","type":"notification.requested"'
        redis_client.xadd("events", {"event": f'{deep},"data":' + '{"a":' * 10_000})
        redis_client.xadd("events", {"event": json.dumps(requested(0, "\0"))})
        for number, text in enumerate(FORGERIES, start=1):
            redis_client.xadd("events", {"event": json.dumps(requested(number, text))})
        _, *news = stream.wait_for_frames(1 + len(FORGERIES), 60)
        for seq, (got, text) in enumerate(zip(news, FORGERIES, strict=True), start=1):
            assert (got.event, got.id, got.retry_ms) == ("message", str(seq), None)
            told = got.json()
            assert told["seq"] == seq
            assert told["body"] == text
            assert told["data"] == {text: [text, {text: text}]}
    assert redis_client.xlen("events:dead") == 2
