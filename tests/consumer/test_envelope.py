"""What is an event, and what is parked: every fault by name, and nothing but BadEvent raised."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from app.consumer.envelope import MAX_ENTRY_BYTES, MAX_REASON_CHARS, BadEvent, Event, decode, encode

GOOD: dict[str, Any] = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "/board",
    "type": "story.assigned",
    "time": "2026-01-31T13:00:00.5+01:00",
    "subject": "story/42",
    "data": {"story": {"id": 42}, "note": "für Ada ☃", "n": [1, 2.5, None, True]},
}


def entry(**changes: Any) -> dict[bytes, bytes]:
    """The stream entry of GOOD with changed members; one changed to `...` is left out."""
    event = {name: value for name, value in (GOOD | changes).items() if value is not ...}
    return {b"event": json.dumps(event).encode()}


def flat(**changes: bytes) -> dict[bytes, bytes]:
    """The flat stream entry of GOOD, with changed or further fields."""
    texts = {k: json.dumps(v) if k == "data" else v for k, v in GOOD.items()}
    fields = {name: text.encode() for name, text in texts.items()} | changes
    return {name.encode(): value for name, value in fields.items()}


def reason(fields: dict[bytes, bytes] | None) -> str:
    """Why the entry is parked."""
    with pytest.raises(BadEvent) as caught:
        decode(fields)
    return str(caught.value)


def test_one_json_field_and_flat_fields_carry_the_same_event() -> None:
    event = decode(entry())
    assert event == decode(flat())
    assert (event.id, event.source, event.type) == ("e-1", "/board", "story.assigned")
    assert event.subject == "story/42"
    assert event.data == GOOD["data"]
    assert event.time == datetime(2026, 1, 31, 12, 0, 0, 500_000, tzinfo=UTC)
    assert event.time.tzinfo is UTC


def test_what_encode_writes_decode_reads() -> None:
    fields = {name.encode(): value.encode() for name, value in encode(GOOD).items()}
    assert decode(fields) == decode(entry())


def test_an_event_cannot_be_changed() -> None:
    event = decode(entry())
    with pytest.raises(ValueError, match="frozen"):
        event.id = "other"  # type: ignore[misc]  # the point of the test


@pytest.mark.parametrize("absent", [..., None], ids=["absent", "null"])
@pytest.mark.parametrize("name", ["time", "subject", "datacontenttype"])
def test_optional_attributes_may_be_absent_or_null(name: str, absent: Any) -> None:
    assert getattr(decode(entry(**{name: absent})), name) is None


def test_without_data_the_data_is_empty() -> None:
    assert decode(entry(data=...)).data == {}
    assert decode(flat(data=b"")).data == {}


def test_empty_flat_fields_are_attributes_not_given() -> None:
    event = decode(flat(time=b"", subject=b"", datacontenttype=b""))
    assert (event.time, event.subject) == (None, None)
    assert reason(flat(id=b"")) == "id: Field required"


def test_extension_attributes_and_fields_beside_the_event_are_ignored() -> None:
    assert decode(entry(traceparent="00-ab", deep={"a": [1]})) == decode(entry())
    assert decode(flat(traceparent=b"00-ab")) == decode(flat())
    assert decode(entry() | {b"trace": b"\xff"}) == decode(entry())


@pytest.mark.parametrize("media", ["application/json", "Application/JSON; charset=utf-8"])
def test_data_of_json_media_types_is_taken(media: str) -> None:
    assert decode(entry(datacontenttype=media)).data == GOOD["data"]


@pytest.mark.parametrize(
    "time", ["2026-01-31T12:00:00Z", "2026-01-31t12:00:00.123456789z", "2026-01-31 07:00:00-05:00"]
)
def test_rfc_3339_times_are_taken(time: str) -> None:
    moment = decode(entry(time=time)).time
    assert moment is not None
    assert moment.replace(microsecond=0) == datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "time",
    [
        "2026-01-31T12:00:00",  # no offset
        "2026-01-31",
        "2026-01-31T12:00Z",
        "2026-01-31T12:00:00Z\n",
        "2026-02-30T12:00:00Z",
        "9999-12-31T23:59:59-23:59",  # no such moment in UTC
        "1769860800",
        1769860800,
        "",
        True,
    ],
)
def test_other_times_are_bad(time: Any) -> None:
    assert reason(entry(time=time)) == "time: Should be an RFC 3339 time with an offset"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("specversion", "0.3"),
        ("specversion", 1.0),
        ("id", ""),
        ("id", "x" * 257),
        ("id", 7),
        ("id", None),
        ("id", "a\0b"),
        ("id", "a\n"),
        ("source", ""),
        ("source", "x" * 257),
        ("source", "\x85"),
        ("type", ""),
        ("type", "x" * 201),
        ("subject", ""),
        ("subject", "\0"),
        ("datacontenttype", "text/xml"),
        ("datacontenttype", "application/jsonx"),
        ("data", None),
        ("data", []),
        ("data", "{}"),
    ],
)
def test_a_bad_attribute_is_named(name: str, value: Any) -> None:
    assert reason(entry(**{name: value})).startswith(f"{name}: Should be ")


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type"])
def test_a_missing_attribute_is_named(name: str) -> None:
    assert reason(entry(**{name: ...})) == f"{name}: Field required"


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(BadEvent) as caught:
        decode(entry(id=..., type="", data=[]))
    assert [error["loc"] for error in caught.value.errors] == [["id"], ["type"], ["data"]]
    assert str(caught.value).split("; ")[0] == "id: Field required"
    assert "data: Should be an object" in str(caught.value)


@pytest.mark.parametrize("limit", [MAX_ENTRY_BYTES, MAX_ENTRY_BYTES + 1])
def test_an_entry_of_64_kib_is_the_largest(limit: int) -> None:
    spare = limit - sum(len(name) + len(value) for name, value in flat(pad=b"").items())
    fields = flat(pad=b"x" * spare)
    if limit > MAX_ENTRY_BYTES:
        assert reason(fields) == "The entry has 65,537 bytes; at most 65,536 are taken"
    else:
        assert decode(fields).id == "e-1"


@pytest.mark.parametrize("fields", [None, {}])
def test_a_trimmed_entry_comes_back_empty_and_is_bad(fields: dict[bytes, bytes] | None) -> None:
    assert "trimmed" in reason(fields)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"id": "a"} {}',
        b"\xff\xfe\x00",
        b"\xef\xbb\xbf{}",
        b'{"id": "\xc3\x28"}',
        b'{"id": "\\ud800"}',
        b'{"other": "\\udfff"}',
        b'{"id": "\0"}',
        b"\x80\x04\x95\x10\x00.",
    ],
)
def test_what_is_no_json_object_is_bad(text: bytes) -> None:
    assert reason({b"event": text}).startswith(("Invalid JSON: ", "Should be an object"))


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        (flat(id=b"\xff"), "id: Not UTF-8 at byte 0"),
        (flat() | {b"a\xff": b"x"}, "A field's name: Not UTF-8 at byte 1"),
        (flat(data=b"\xff"), "data: Not UTF-8"),
        (flat(data=b'{"a": '), "data: Invalid JSON: "),
        (flat(data=b'{"a": "\\ud800"}'), "data: Invalid JSON: "),
        (flat(data=b"[]"), "data: Should be an object"),
        (flat(id=b"\0"), "id: Should be "),
        (flat(data=b'{"a": NaN}'), "data: a is not a finite number"),
    ],
)
def test_a_bad_flat_field_is_named(fields: dict[bytes, bytes], where: str) -> None:
    assert reason(fields).startswith(where)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (rb'{"a": {"b": ["x", "\u0000"]}}', "a.b.1 has a NUL character"),
        (rb'{"\u0000": 1}', "The object has a name that has a NUL character"),
        (b'{"a": NaN}', "a is not a finite number"),
        (b'{"a": [-Infinity]}', "a.0 is not a finite number"),
        (b'{"a": 1e999}', "a is not a finite number"),
        (b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}", "a.0.0 is nested deeper than 64 levels"),
    ],
)
def test_data_that_no_store_or_client_could_hold_is_bad(data: bytes, fault: str) -> None:
    assert reason(flat(data=data)) == f"data: {fault}"
    assert reason({b"event": entry(data="@")[b"event"].replace(b'"@"', data)}) == f"data: {fault}"


@pytest.mark.parametrize("deep", [b"[", b'{"a":'])
def test_bottomless_nesting_is_bad_and_exhausts_no_stack(deep: bytes) -> None:
    assert "Invalid JSON: recursion" in reason({b"event": deep * 10_000})
    assert "Invalid JSON: recursion" in reason(flat(data=b'{"a":' + deep * 10_000))


def test_an_event_made_in_python_is_checked_the_same_way() -> None:
    nested: Any = []
    for _ in range(100_000):
        nested = [nested]
    for data in ({"a": nested}, {"a": "\ud800"}, {"a": b"x"}, {"a": {1: 2}}, {"a": float("inf")}):
        with pytest.raises(ValueError, match="validation error"):
            Event.model_validate(GOOD | {"data": data})


@pytest.mark.parametrize(
    "event",
    [
        {"data": float("nan")},
        {"data": "\ud800"},
        {"data": datetime.now(UTC)},
        {"data": "x" * MAX_ENTRY_BYTES},
        {"data": "ü" * (MAX_ENTRY_BYTES // 2)},
    ],
)
def test_what_no_entry_can_carry_is_not_encoded(event: dict[str, Any]) -> None:
    with pytest.raises(BadEvent):
        encode(event)


def test_a_reason_is_one_short_printable_line() -> None:
    bad = BadEvent("a\nb\0\u202e\ud800" + "x" * 1_000)
    assert str(bad).startswith("a\ufffdb\ufffd\ufffd\ufffdx")
    assert len(str(bad)) == MAX_REASON_CHARS
    assert bad.errors == [{"loc": [], "msg": str(bad)}]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
NAMES = st.sampled_from([b"event", *(name.encode() for name in GOOD)]) | st.binary()
VALUES = st.binary() | JSON.map(lambda value: json.dumps(value).encode())
MEMBERS = st.dictionaries(st.sampled_from([*GOOD, "datacontenttype", "x"]), JSON)


@settings(deadline=None, database=None)
@given(
    st.dictionaries(NAMES, VALUES)
    | MEMBERS.map(lambda members: entry(**members))
    | st.builds(lambda more: flat() | more, st.dictionaries(NAMES, VALUES))
)
@example({b"": b""})
def test_any_entry_is_an_event_or_a_bad_event(fields: dict[bytes, bytes]) -> None:
    try:
        event = decode(fields)
    except BadEvent as error:
        bad = error
    else:
        stored = event.model_dump_json()
        assert "\\u0000" not in stored.replace("\\\\", "")
        assert json.loads(json.dumps(event.data, allow_nan=False)) == event.data
        return
    assert str(bad).isprintable()
    assert 0 < len(str(bad)) <= MAX_REASON_CHARS


NUMBERS = [
    b"1e999",
    b"-1E400",
    b"-0",
    b"-0.0",
    b"0.1",
    b"1" + b"0" * 400 + b".0",
    b"%d" % 2**63,
    b"%d" % -(2**63),
    b"%d" % 2**64,
    b"-%d" % 2**64,
    b"%d" % 10**30,
    b"1234567890123456789",
    b"[" * 40 + b"]" * 40,
    b"[" * 63 + b"]" * 63,
    b"[" * 64 + b"]" * 64,
]


@settings(deadline=None, database=None)
@given(st.sampled_from(NUMBERS) | JSON.map(lambda value: json.dumps(value).encode()))
def test_what_a_glance_passes_is_what_a_thorough_look_would_pass(value: bytes) -> None:
    text = entry(data={"x": "@"})[b"event"].replace(b'"@"', value)
    # As text: 1 equals 1.0 and True.
    assert outcome(lambda: decode({b"event": text})) == outcome(
        lambda: Event.model_validate_json(text)
    )


def outcome(take: Callable[[], Event]) -> str:
    """The event, or why there is none."""
    try:
        return repr(take())
    except ValidationError as error:
        return str(BadEvent.invalid(error))
    except BadEvent as error:
        return str(error)
