"""The Event: CloudEvents 1.0 attributes and JSON data, in and out of a Redis Stream entry.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md and formats/json-format.md.
Of two JSON members with the same name the last one counts, as in a browser's JSON.parse.
"""

import json
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
)
from pydantic_core import from_json

from app.consumer.storable import parse_if_storable, storable
from app.identifiers import Worded
from app.times import UtcTime

# The contract's bound on one entry, names and values together: what CloudEvents asks every hop
# to carry. A batch of 1,000 such entries still fits in memory.
MAX_ENTRY_BYTES: Final = 64 * 1024
# A reason is read in a terminal's table and kept beside the dead letter: a paragraph, not a dump.
MAX_REASON_CHARS: Final = 500
# One entry has room for 16,000 bad user ids. Nobody reads past the first few.
MAX_FAULTS: Final = 50


class BadEvent(ValueError):
    """An entry that is no event, or an event that its handler can't take.

    Its text is one printable line of at most MAX_REASON_CHARS that names every fault. `errors` has
    the same, MAX_FAULTS at most, as the HTTP API shows them: `{"loc": [...], "msg": ...}`.
    """

    def __init__(self, reason: str, errors: Sequence[dict[str, Any]] = ()) -> None:
        line = "".join(char if char.isprintable() else "\ufffd" for char in reason)
        super().__init__(shorten(line, MAX_REASON_CHARS))
        self.errors = list(errors) or [{"loc": [], "msg": str(self)}]

    @classmethod
    def invalid(cls, error: ValidationError, *place: str) -> Self:
        """All that a model found wrong with what is at `place` in the event."""
        errors: list[dict[str, Any]] = [
            {"loc": [*place, *fault["loc"]], "msg": _IN_JSON.get(fault["type"], fault["msg"])}
            for fault in islice(
                error.errors(include_url=False, include_context=False, include_input=False),
                MAX_FAULTS,
            )
        ]
        return cls("; ".join(_said(error["loc"], error["msg"]) for error in errors), errors)


class TooLarge(BadEvent):
    """An entry, or an event that would make one, of more than MAX_ENTRY_BYTES."""


# Pydantic speaks Python to whoever writes JSON.
_IN_JSON: Final = {
    "dict_type": "Should be an object",
    "model_type": "Should be an object",
    "list_type": "Should be an array",
    "string_type": "Should be a text",
}


def _said(loc: Sequence[str | int], msg: str) -> str:
    return f"{'.'.join(map(str, loc))}: {msg}" if loc else msg


def shorten(text: str, max_chars: int) -> str:
    """The text, cut to `max_chars` with an ellipsis as the last one if it is longer."""
    return text if len(text) <= max_chars else text[: max_chars - 1].rstrip() + "…"


# CloudEvents' String has no control characters (section 3.1).
_TEXT: Final = r"^[^\x00-\x1f\x7f-\x9f]+$"
_JSON_MEDIA_TYPE: Final = r"^(?i:application/json)[ \t]*(;[^\x00-\x1f\x7f-\x9f]*)?$"

# `id` and `source` are columns of the index that makes a delivery idempotent.
_Id = Annotated[
    str,
    Field(max_length=256, pattern=_TEXT),
    Worded("Should be a text of 1 to 256 characters without control characters"),
]
_Type = Annotated[
    str,
    Field(max_length=200, pattern=_TEXT),
    Worded("Should be a text of 1 to 200 characters without control characters"),
]
_Subject = Annotated[
    str,
    Field(pattern=_TEXT),
    Worded("Should be a text of at least 1 character without control characters"),
]


# The context of a validation whose data `storable` need not look at.
_STORABLE: Final = object()


def _storable(data: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
    return data if info.context is _STORABLE else storable(data)


class Event(BaseModel):
    """What a producer wrote. One that exists can be stored: see `storable`.

    `time` is in UTC. Attributes that are not named here are CloudEvents extensions: dropped.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    specversion: Annotated[Literal["1.0"], Worded('Should be "1.0"')]
    id: _Id
    source: _Id
    type: _Type
    time: UtcTime | None = None
    subject: _Subject | None = None
    datacontenttype: (
        Annotated[str, Field(pattern=_JSON_MEDIA_TYPE), Worded("Should be application/json")] | None
    ) = None
    data: Annotated[dict[str, Any], AfterValidator(_storable)] = {}


def decode(fields: Mapping[bytes, bytes] | None) -> Event:
    """The event in one stream entry: the JSON in the field `event`, or flat fields.

    Flat: each attribute is a field, `data` is JSON text, and an empty value is one not given.
    Beside a field `event` all others are ignored. Raises BadEvent, and nothing else.
    """
    if not fields:
        # Redis answers so for an entry that was trimmed before it was acknowledged.
        raise BadEvent("The entry is empty: it was trimmed from the stream before it was read")
    size = sum(map(len, fields)) + sum(map(len, fields.values()))
    if size > MAX_ENTRY_BYTES:
        raise TooLarge(f"The entry has {size:,} bytes; at most {MAX_ENTRY_BYTES:,} are taken")
    try:
        if (text := fields.get(b"event")) is not None:
            return _of_json(text)
        return Event.model_validate(_of_flat(fields))
    except ValidationError as error:
        raise BadEvent.invalid(error) from None


def _of_json(text: bytes) -> Event:
    value = parse_if_storable(text)
    if value is not None:
        try:
            return Event.model_validate(value, context=_STORABLE)
        except ValidationError:
            pass  # once more, for what it has to say of JSON and not of Python
    return Event.model_validate_json(text)


def _of_flat(fields: Mapping[bytes, bytes]) -> dict[str, Any]:
    event: dict[str, Any] = {}
    for name, value in fields.items():
        if value:
            attribute = _text(name, "A field's name")
            event[attribute] = _text(value, attribute)
    if "data" in event:
        try:
            event["data"] = from_json(event["data"])
        except ValueError as error:
            raise BadEvent(f"data: Invalid JSON: {error}") from None
    return event


def _text(raw: bytes, what: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise BadEvent(f"{what}: Not UTF-8 at byte {error.start}") from None


def encode(event: Mapping[str, Any]) -> dict[str, str]:
    """The stream fields that carry the event. Attributes are not checked: `decode` does that.

    Raises BadEvent for what no entry can carry: not JSON, NaN, lone surrogates; TooLarge.
    """
    try:
        text = json.dumps(dict(event), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        size = len(b"event") + len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise BadEvent(f"The event is not JSON: {error}") from None
    if size > MAX_ENTRY_BYTES:
        raise TooLarge(f"The event takes {size:,} bytes; at most {MAX_ENTRY_BYTES:,} are taken")
    return {"event": text}
