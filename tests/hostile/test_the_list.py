"""What a stranger tries first, one by one, at every place that takes it."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.conftest import JWT_SECRET_KEY
from tests.hostile.conftest import ATTACKER, CANARY, VICTIM, Fort
from tests.hostile.raw import Answer, Request, Wire
from tests.support.sse import SseParser

STREAM = b"/api/v1/notifications/subscribe"
JSON = (b"Content-Type", b"application/json")
# The largest header that a server must take is 8 kB; gunicorn takes a little less.
LONG = b"9" * 10_000


def bearer(token: str) -> tuple[bytes, bytes]:
    """The header with this token."""
    return b"Authorization", b"Bearer " + token.encode()


def assert_refused(answer: Answer, *statuses: int) -> None:
    """Refused with one of `statuses`, and with nothing of the victim's."""
    assert answer.status in statuses, answer
    assert CANARY.encode() not in answer.body


class TestLastEventId:
    """Where a stream starts is said by the client, who may say anything."""

    @pytest.mark.parametrize(
        "said",
        [b"-1", b"+1", b"1.0", b"0x1", b"1e3", b"1_000", str(2**63).encode(), LONG, b"1,2", b"NaN",
         "١".encode(), b"\xff", b"1\x0b", b"1;2", b"null", b"a" * 100],
    )  # fmt: skip
    @pytest.mark.parametrize("by", ["header", "query"])
    def test_what_is_no_seq_is_refused(self, wire: Wire, said: bytes, by: str) -> None:
        asked = Request("GET", STREAM, (bearer(Fort.token(ATTACKER)), (b"Last-Event-ID", said)))
        if by == "query":
            quoted = b"".join(b"%%%02X" % byte for byte in said)
            asked = Request(
                "GET", STREAM + b"?last_event_id=" + quoted, (bearer(Fort.token(ATTACKER)),)
            )
        assert_refused(wire.ask(asked), 400, 414, 431)

    @pytest.mark.parametrize("said", [b"1\r\n 2", b"1\n2", b"1\r2", b"1\0"])
    def test_one_with_line_breaks_or_nul_is_refused(self, wire: Wire, said: bytes) -> None:
        asked = Request("GET", STREAM, (bearer(Fort.token(ATTACKER)), (b"Last-Event-ID", said)))
        assert_refused(wire.ask(asked), 400)

    @pytest.mark.parametrize("said", [b"", b"0", b"00000", b"2"])
    def test_any_seq_opens_the_callers_own_stream_and_no_other(
        self, wire: Wire, said: bytes
    ) -> None:
        """2 is where the victim is."""
        asked = Request("GET", STREAM, (bearer(Fort.token(ATTACKER)), (b"Last-Event-ID", said)))
        answer = wire.ask(asked)
        assert answer.status == 200
        assert CANARY.encode() not in answer.body

    def test_one_of_the_future_is_told_to_start_anew(self, fort: Fort) -> None:
        with fort.web.stream(fort.token(ATTACKER), str(2**63 - 1)) as stream:
            frames = stream.wait_for_frames(2)
        assert [frame.event for frame in frames] == ["connected", "reset"]


def nested(depth: int) -> bytes:
    """So many lists in a list, in a body that is otherwise an object."""
    return b'{"ids":' + b"[" * depth + b"]" * depth + b"}"


# None of them is JSON that any place takes.
BODIES: Mapping[str, bytes] = {
    "of 10 MB": b'{"read":true,"x":"' + b"x" * 10_000_000 + b'"}',
    "nested 10,000 deep": nested(10_000),
    "nested without end": b"[" * 60_000,
    "NaN": b'{"up_to":NaN}',
    "Infinity": b'{"up_to":-Infinity}',
    "a number without end": b'{"up_to":' + b"9" * 5_000 + b"}",
    "a lone surrogate": b'{"muted_kinds":["\\ud800"]}',
    "half a surrogate in UTF-8": b'{"muted_kinds":["\xed\xa0\x80"]}',
    "no UTF-8": b'{"muted_kinds":["\xff"]}',
    "UTF-16": '{"read":true}'.encode("utf-16"),
    "NUL": b'{"muted_kinds":["a\\u0000b"]}',
    "a raw NUL": b'{"muted_kinds":["a\0b"]}',
    "a raw line break": b'{"muted_kinds":["a\nb"]}',
    "two values": b"{}{}",
    "a name said twice": b'{"up_to":1,"up_to":2}',
    "nothing": b"",
    "a list": b"[1]",
    "a text": b'"read"',
    "a comment": b'{"read":true}//',
}
PLACES = (
    ("PATCH", "/api/v1/notifications/{id}"),
    ("POST", "/api/v1/notifications/bulk"),
    ("PUT", "/api/v1/mailbox/seen"),
    ("PUT", "/api/v1/preferences"),
    ("POST", "/api/v1/events"),
    ("POST", "/api/v1/events?dry_run=true"),
)


class TestBodies:
    """What is no body for any place, at every place."""

    @pytest.mark.parametrize("place", PLACES, ids=lambda place: " ".join(place))
    def test_none_of_them_is_taken(
        self, fort: Fort, wire: Wire, place: tuple[str, str], subtests: pytest.Subtests
    ) -> None:
        method, path = place
        target = path.format(id=fort.ids[0]).encode()
        token = fort.token(VICTIM, "events:write")
        for name, body in BODIES.items():
            for chunked in (False, True):
                with subtests.test(name, chunked=chunked):
                    asked = Request(method, target, (bearer(token), JSON), body, chunked)
                    answer = wire.ask(asked)
                    assert 400 <= answer.status < 500, answer
        fort.assert_unharmed()

    @pytest.mark.parametrize("text", ["a\u2028b", "a\u2029b", "a\x85b", "\U0001f514", "\u202e"])
    def test_what_is_a_line_end_elsewhere_is_text_here(
        self, fort: Fort, wire: Wire, text: str
    ) -> None:
        user = f"reader-{uuid.uuid4()}"
        with fort.web.stream(fort.token(user)) as stream:
            stream.wait_for_frames(1)
            fort.tell(user, text)
            *_, notification = stream.wait_for_frames(2)
            assert notification.json()["title"] == text
            assert notification.id == "1"


def _part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forged(header: Mapping[str, Any], claims: Mapping[str, Any], key: bytes | None) -> str:
    """A token as no library would make it; signed with `key`, or not at all."""
    text = f"{_part(dict(header))}.{_part(dict(claims))}"
    if key is None:
        return f"{text}."
    return f"{text}.{_part(hmac.digest(key, text.encode(), hashlib.sha256))}"


HS256 = {"alg": "HS256", "typ": "JWT"}
KEY = JWT_SECRET_KEY.encode()


def claims(**changes: Any) -> dict[str, Any]:
    """Those of the victim, changed."""
    said = {"sub": VICTIM, "exp": int(time.time()) + 600, "iat": int(time.time()), "jti": "x"}
    return {name: value for name, value in {**said, **changes}.items() if value is not None}


TOKENS: Mapping[str, Callable[[], str]] = {
    "alg none": lambda: forged({"alg": "none"}, claims(), None),
    "alg None": lambda: forged({"alg": "None", "typ": "JWT"}, claims(), None),
    "alg nOnE, signed": lambda: forged({"alg": "nOnE"}, claims(), KEY),
    "no alg": lambda: forged({"typ": "JWT"}, claims(), KEY),
    "an asymmetric alg": lambda: forged({"alg": "RS256", "typ": "JWT"}, claims(), KEY),
    "another hash": lambda: forged({"alg": "HS512", "typ": "JWT"}, claims(), KEY),
    "another key": lambda: forged(HS256, claims(), b"x" * 48),
    "no key": lambda: forged(HS256, claims(), b""),
    "no exp": lambda: forged(HS256, claims(exp=None), KEY),
    "exp in the past": lambda: forged(HS256, claims(exp=int(time.time()) - 60), KEY),
    "exp a text": lambda: forged(HS256, claims(exp="never"), KEY),
    "exp a list": lambda: forged(HS256, claims(exp=[2**40]), KEY),
    "not yet": lambda: forged(HS256, claims(nbf=int(time.time()) + 600), KEY),
    "a refresh token": lambda: forged(HS256, claims(type="refresh"), KEY),
    "crit": lambda: forged({**HS256, "crit": ["x"], "x": 1}, claims(), KEY),
    "a key of its own": lambda: forged(
        {**HS256, "jwk": {"kty": "oct", "k": _part(b"x" * 32)}}, claims(), b"x" * 32
    ),
    "a key file": lambda: forged({**HS256, "kid": "../../../../dev/null"}, claims(), b""),
    "no sub": lambda: forged(HS256, claims(sub=None), KEY),
    "sub a number": lambda: forged(HS256, claims(sub=1), KEY),
    "sub with a pattern": lambda: forged(HS256, claims(sub="*"), KEY),
    "claims a list": lambda: (
        f"{_part(HS256)}.{_part([VICTIM])}."
        + _part(hmac.digest(KEY, f"{_part(HS256)}.{_part([VICTIM])}".encode(), "sha256"))
    ),
    "two dots": lambda: "..",
    "four parts": lambda: forged(HS256, claims(), KEY) + ".x",
    "not base64": lambda: "!.!.!",
    "nothing": lambda: "",
    "of 7 kB": lambda: forged(HS256, claims(sub="a" * 5_000), KEY),
}


class TestTokens:
    """Nobody is let in, and nobody is taken for nobody."""

    @pytest.mark.parametrize("name", TOKENS)
    def test_a_bad_token_opens_nothing_by_header_or_cookie(self, wire: Wire, name: str) -> None:
        token = TOKENS[name]().encode()
        good = bearer(Fort.token(ATTACKER))[1]
        for target in (b"/api/v1/notifications", b"/api/v1/mailbox", STREAM):
            # A good cookie does not make up for a bad header.
            for headers in (
                ((b"Authorization", b"Bearer " + token),),
                ((b"Authorization", b"Bearer " + token),
                 (b"Cookie", b"access_token_cookie=" + good.removeprefix(b"Bearer "))),
                ((b"Cookie", b"access_token_cookie=" + token),),
            ):  # fmt: skip
                assert_refused(wire.ask(Request("GET", target, headers)), 401)


class TestOrigins:
    """A page of another origin reads nothing."""

    @pytest.mark.parametrize(
        "origin",
        ["null", "https://app.example.com.evil.example", "https://evil-app.example.com",
         "https://app.example.co", "http://app.example.com", "https://app.example.com:8443",
         "https://app.example.com.", "https://APP.example.com", "HTTPS://app.example.com",
         "https://app-example.com", "https://appXexample.com", "https://app.example.com/",
         "https://app.example.com, https://evil.example", "https://evil.example#https://app.example.com",
         "https://app.example.com@evil.example", "", "*"],
    )  # fmt: skip
    def test_no_origin_but_the_listed_one_is_allowed(self, wire: Wire, origin: str) -> None:
        said = (b"Origin", origin.encode())
        preflight = (said, (b"Access-Control-Request-Method", b"PATCH"))
        for target in (b"/api/v1/notifications", STREAM):
            for request in (
                Request("GET", target, (bearer(Fort.token(VICTIM)), said)),
                Request("OPTIONS", target, preflight),
            ):
                answer = wire.ask(request)
                assert not [name for name in answer.headers if "access-control" in name], answer
                assert "Origin" in answer.headers["vary"]

    def test_the_listed_one_is(self, wire: Wire) -> None:
        said = (b"Origin", b"https://app.example.com")
        answer = wire.ask(Request("GET", STREAM, (bearer(Fort.token(ATTACKER)), said)))
        assert answer.headers["access-control-allow-origin"] == "https://app.example.com"
        assert answer.headers["access-control-allow-credentials"] == "true"


GOOD = {"specversion": "1.0", "id": "good", "source": "/hostile", "type": "notification.requested"}
ENTRIES: Mapping[str, Mapping[Any, Any]] = {
    "no field that counts": {b"x": b"y"},
    "an empty event": {b"event": b""},
    "a binary event": {b"event": bytes(range(256))},
    "a list": {b"event": b"[]"},
    "nested without end": {b"event": b"[" * 50_000},
    "without data": {b"event": json.dumps(GOOD).encode()},
    "without an id": {b"event": json.dumps({**GOOD, "id": ""}).encode()},
    "binary names": {b"\xff\xfe": b"\xff", b"": b""},
    "empty flat fields": dict.fromkeys([b"specversion", b"id", b"source", b"type", b"data"], b""),
    "flat data that is no JSON": {
        b"specversion": b"1.0", b"id": b"1", b"source": b"/x", b"type": b"notification.requested",
        b"data": b"\xff{",
    },
    "too large": {b"event": b"x" * 70_000},
}  # fmt: skip


def test_what_is_no_event_is_parked_and_the_next_one_comes_through(fort: Fort) -> None:
    user = f"reader-{uuid.uuid4()}"
    parked = fort.redis.xlen("events:dead")
    with fort.web.stream(fort.token(user)) as stream:
        stream.wait_for_frames(1)
        for fields in ENTRIES.values():
            fort.redis.xadd("events", dict(fields))
        extra = {"recipients": [user], "title": "Still here"}
        event = json.dumps({**GOOD, "id": str(uuid.uuid4()), "data": extra, "more": {"x": 1}})
        fort.redis.xadd("events", {"event": event, "trace": b"\xff"})
        *_, notification = stream.wait_for_frames(2, 60)
    assert notification.json()["title"] == "Still here"
    assert fort.redis.xlen("events:dead") == parked + len(ENTRIES)
    fort.assert_unharmed()


def test_a_stream_says_nothing_that_data_made_up(fort: Fort) -> None:
    """No text ends a frame and begins another one."""
    user = f"reader-{uuid.uuid4()}"
    forgery = 'x\r\n\r\nevent: expired\r\nid: 99\r\ndata: {"reason":"forged"}\n\nretry: 1\n\nx'
    with fort.web.stream(fort.token(user)) as stream:
        stream.wait_for_frames(1)
        fort.tell(user, forgery)
        *_, notification = stream.wait_for_frames(2)
    assert (notification.event, notification.id) == ("message", "1")
    assert notification.json()["title"] == forgery
    assert isinstance(stream.parser, SseParser)
    assert stream.parser.retry_ms != 1
