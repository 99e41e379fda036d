"""Which handler takes which type of event. How to add one: docs/handlers.md."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from app.consumer.envelope import BadEvent, Event
from app.notifications.draft import Draft, ToFollowers

DataT = TypeVar("DataT", bound=BaseModel)
Handler = Callable[[Event, DataT], Iterable[Draft | ToFollowers]]


class UnknownType(BadEvent):
    """An event of a type that no handler takes."""


@dataclass(frozen=True, slots=True)
class Registration(Generic[DataT]):
    """A handler, and the model that an event's data must fit before the handler sees it."""

    model: type[DataT]
    handler: Handler[DataT]


_registrations: dict[str, Registration[Any]] = {}


def handles(event_type: str, model: type[DataT]) -> Callable[[Handler[DataT]], Handler[DataT]]:
    """Make the function the handler of `event_type`. A type has one handler: else ValueError."""

    def register(handler: Handler[DataT]) -> Handler[DataT]:
        if event_type in _registrations:
            raise ValueError(f"{event_type} has a handler already")
        _registrations[event_type] = Registration(model, handler)
        return handler

    return register


def registration(event_type: str) -> Registration[Any]:
    """The handler of `event_type` with its model. Raises UnknownType."""
    try:
        return _registrations[event_type]
    except KeyError:
        raise UnknownType(
            f'type: No handler for "{event_type}"; there are {", ".join(known_types())}'
        ) from None


def known_types() -> list[str]:
    """Every type of event that has a handler, sorted."""
    return sorted(_registrations)
