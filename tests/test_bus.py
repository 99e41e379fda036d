"""A Push of ours is told by its first bytes; what others publish gets no place in the order."""

import json
import math
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import bus
from app.bus import Push
from tests.support.processes import free_port
from tests.support.waiting import wait_for

MAX_SEQ = 2**63 - 1


def json_of(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """JSON with these at its ends."""
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    )


EXACT = st.none() | st.booleans() | st.integers() | st.text()
JSON = json_of(EXACT | st.floats(allow_nan=False, allow_infinity=False))
# Whatever the names of the rest are and in whichever order they come.
PUSHED = st.dictionaries(st.text(), JSON, max_size=4).flatmap(
    lambda rest: st.permutations(
        [*{**rest, "seq": 1, "id": "x", "kind": "k", "unread": 0, "title": "\n\r\u2028"}.items()]
    ).map(dict)
)
ENCODERS = {
    bus.encode_created: (b"id", None),
    bus.encode_updated: (b"kind", "updated"),
    bus.encode_mailbox: (b"unread", "mailbox"),
}


@pytest.mark.parametrize("encode", ENCODERS)
@given(value=PUSHED, seq=st.integers(1, MAX_SEQ))
# A busy machine is no defect.
@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
def test_a_push_says_in_its_first_bytes_which_change_it_is(
    encode: Any, value: dict[str, Any], seq: int
) -> None:
    second_key, event = ENCODERS[encode]
    payload: bytes = encode({**value, "seq": seq})
    assert payload.startswith(b'{"seq":%d,"%s":' % (seq, second_key))
    assert bus.seq_and_event(payload) == (seq, event)
    assert json.loads(payload) == {**value, "seq": seq}
    # Python takes more for line ends than SSE does, and so do readers written in it.
    assert len(payload.decode().splitlines()) == 1


def test_text_goes_as_it_is_and_not_as_escapes() -> None:
    assert bus.encode_json({"title": "Zoë 🙂"}) == '{"title":"Zoë 🙂"}'.encode()


# A float may be said in two ways: 0.00006 or 6e-05.
@given(st.dictionaries(st.text(), json_of(EXACT)))
@settings(deadline=None)
def test_json_is_written_as_python_writes_it(value: dict[str, Any]) -> None:
    plain = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for char in "\x85\u2028\u2029":
        plain = plain.replace(char, f"\\u{ord(char):04x}")
    assert bus.encode_json(value) == plain.encode()


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_javascript_could_not_parse_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        bus.encode_json({"data": {"number": number}})
    with pytest.raises(ValueError, match="JSON"):
        bus.encode_json({"nothing": None, "number": number})
    with pytest.raises(ValueError, match="JSON"):
        bus.json_text({"text": "null", "number": [number]})


@pytest.mark.parametrize(
    "payload",
    [
        b'{"seq":0,"id":"x"}',
        b'{"seq":-1,"id":"x"}',
        b'{"seq":+1,"id":"x"}',
        b'{"seq":01,"id":"x"}',
        b'{"seq":1.0,"id":"x"}',
        b'{"seq":1e3,"id":"x"}',
        b'{"seq":"1","id":"x"}',
        b'{"seq":null,"id":"x"}',
        b'{"seq":10000000000000000000,"id":"x"}',
        '{"seq":١,"id":"x"}'.encode(),
        b'{"seq":1}',
        b'{"seq":1,"title":"x","id":"y"}',
        b'{"seq":1,"ID":"x"}',
        b'{"seq":1,"identity":"x"}',
        b'{"seq":1, "id":"x"}',
        b'{"seq": 1,"id":"x"}',
        b' {"seq":1,"id":"x"}',
        b'{"id":"x","seq":1}',
        b'[{"seq":1,"id":"x"}]',
        b"",
    ],
)
def test_a_look_alike_is_not_taken_for_a_push_of_ours(payload: bytes) -> None:
    assert bus.seq_and_event(payload) is None


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"{}", b"{}"),
        (b'{\r\n  "a" : [1,\n 2]\n}\n', b'{"a":[1,2]}'),
        (b'{"a":"\\n\\r"}', b'{"a":"\\n\\r"}'),
        (b'\xef\xbb\xbf{"byte order":"mark"}', b'{"byte order":"mark"}'),
        ('{"a":"é\u2028"}'.encode("utf-16"), '{"a":"é\\u2028"}'.encode()),
        (
            b'{"seq":1,"id":\n"not one line, so not ours"}',
            b'{"seq":1,"id":"not one line, so not ours"}',
        ),
    ],
)
def test_an_object_of_another_service_is_made_one_line(payload: bytes, expected: bytes) -> None:
    assert bus.foreign_object(payload) == expected


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"hello",
        b'{"a":',
        b"{'a': 1}",
        b'{"a":1}{"b":2}',
        b"null",
        b"1",
        b'"text"',
        b'[{"a":1}]',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":1e999}',
        b'{"a":' + b"9" * 5_000 + b"}",
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\\ud800"}',
        b"\x00\x01\x02",
    ],
    ids=lambda payload: repr(payload[:20]),
)
def test_what_a_browser_could_not_read_is_no_object(payload: bytes) -> None:
    assert bus.foreign_object(payload) is None


@given(st.binary() | st.text().map(str.encode) | JSON.map(json.dumps).map(str.encode))
@settings(deadline=None)
def test_whatever_is_published_is_one_line_of_json_or_nothing(payload: bytes) -> None:
    line = bus.foreign_object(payload)
    if line is not None:
        assert not set(b"\r\n") & set(line)
        assert json.loads(line.decode()) == json.loads(payload)


@pytest.mark.parametrize("most", [1_000, 2])
def test_pushes_are_published_in_their_order_each_on_its_users_channel(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(bus, "MOST_IN_A_SCRIPT", most)
    client = bus.connect(redis_url)
    pubsub: Any = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
    pubsub.subscribe("user-notifications:bus-ada", "user-notifications:bus-grace")
    wait_for(lambda: client.pubsub_numsub("user-notifications:bus-grace")[0][1] == 1)
    users = ["bus-ada", "bus-grace", "bus-ada", "bus-nobody", "bus-ada"]
    bus.publish(client, [Push(user, b"%d" % number) for number, user in enumerate(users)])
    received = [wait_for(lambda: pubsub.get_message(timeout=0.1)) for _ in range(4)]
    assert [(m["channel"].decode(), m["data"]) for m in received] == [
        ("user-notifications:bus-ada", b"0"),
        ("user-notifications:bus-grace", b"1"),
        ("user-notifications:bus-ada", b"2"),
        ("user-notifications:bus-ada", b"4"),
    ]
    pubsub.close()
    client.close()


def test_to_publish_nothing_needs_no_redis() -> None:
    bus.publish(bus.connect("unix:///nonexistent/redis.sock"), [])


@pytest.mark.parametrize(
    "url",
    [
        pytest.param(f"redis://127.0.0.1:{free_port()}", id="tcp"),
        pytest.param("unix:///nonexistent/redis.sock", id="unix"),
    ],
)
def test_a_redis_that_is_not_there_is_an_error_and_not_a_wait(url: str) -> None:
    with pytest.raises(redis.RedisError):
        bus.publish(bus.connect(url), [Push("ada", b"{}")])
