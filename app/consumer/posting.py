"""What a producer posts: events that a consumer will be able to take, every one of them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic_core import from_json

from app.consumer.envelope import MAX_FAULTS, BadEvent, Event, TooLarge, decode, encode
from app.consumer.handlers import UnknownType, audience_of
from app.errors import BadRequest, InvalidInput

# The contract's bound on one batch.
MAX_EVENTS: Final = 1_000

# A stream may wait so long: a quarter of the 20 ms in which a notification is to arrive.
WORK_SECONDS: Final = 0.005
PAUSE_SECONDS: Final = 0.000_5

Fault = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Posted:
    """An event that is fine, and the stream entry that carries it, unknown attributes included."""

    event: Event
    entry: dict[str, str]


def parse(text: bytes) -> object:
    """The JSON in a body. Raises BadRequest: also for what no UTF-8 or no JSON can say again
    (lone surrogates, NaN), and for nesting past 200 levels."""
    try:
        value: object = from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise BadRequest(f"The body is not JSON: {error}.") from None
    return value


def take_one(value: object, *, unknown_type_is_fine: bool = False) -> Posted:
    """The event in `value`. Raises TooLarge, InvalidInput."""
    try:
        return _take(value, unknown_type_is_fine)
    except TooLarge:
        raise
    except BadEvent as error:
        raise InvalidInput(
            "The event is invalid; nothing was accepted.", _located(["body"], error, MAX_FAULTS)
        ) from None


def take_batch(values: Sequence[object], *, unknown_type_is_fine: bool = False) -> list[Posted]:
    """The events in `values`: all, or InvalidInput, which names each that is faulty."""
    if not 1 <= len(values) <= MAX_EVENTS:
        said = f"Should have 1 to {MAX_EVENTS:,} events; it has {len(values):,}"
        raise InvalidInput("The batch is invalid.", [{"loc": ["body"], "msg": said}])
    taken: list[Posted] = []
    faulty: dict[int, BadEvent] = {}
    breath = Breath()
    for index, value in enumerate(values):
        try:
            taken.append(_take(value, unknown_type_is_fine))
        except BadEvent as error:
            faulty[index] = error
        breath()
    if faulty:
        raise InvalidInput(
            f"{len(faulty):,} of {len(values):,} events are invalid; nothing was accepted.",
            _faults(faulty),
        )
    return taken


class Breath:
    """Called between two pieces of work that compute, it lets the worker's streams run in time."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    def __call__(self) -> None:
        """Pause, if the last pause was WORK_SECONDS ago."""
        if time.monotonic() - self._since > WORK_SECONDS:
            # Not 0: with that gevent runs what is ready, but does not look what has arrived.
            time.sleep(PAUSE_SECONDS)
            self._since = time.monotonic()


def _take(value: object, unknown_type_is_fine: bool) -> Posted:
    """By the very steps that a consumer takes with the entry, so that none is parked later."""
    if not isinstance(value, dict):
        raise BadEvent("Should be an event: an object")
    entry = encode(value)
    event = decode({name.encode(): text.encode() for name, text in entry.items()})
    try:
        audience_of(event)
    except UnknownType:
        if not unknown_type_is_fine:
            raise
    return Posted(event, entry)


def _faults(faulty: dict[int, BadEvent]) -> list[Fault]:
    """At least one fault of each event; as many more as keep it at about MAX_FAULTS."""
    most = max(1, MAX_FAULTS // len(faulty))
    return [
        fault for index, error in faulty.items() for fault in _located(["body", index], error, most)
    ]


def _located(place: list[str | int], error: BadEvent, most: int) -> list[Fault]:
    if isinstance(error, UnknownType):
        return [{"loc": [*place, "type"], "msg": str(error).removeprefix("type: ")}]
    return [{"loc": [*place, *fault["loc"]], "msg": fault["msg"]} for fault in error.errors[:most]]
