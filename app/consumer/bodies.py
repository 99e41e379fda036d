"""What `POST /events` takes, for the description of the API. What checks it is `posting`."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field, RootModel
from pydantic.config import JsonDict

from app.consumer.envelope import Event
from app.consumer.posting import MAX_EVENTS

_EXAMPLE: JsonDict = {
    "specversion": "1.0",
    "id": "b2f7",
    "source": "/billing",
    "type": "notification.requested",
    "data": {"recipients": ["grace"], "title": "The invoice for March is here"},
}


class CloudEvent(Event):
    """A CloudEvents 1.0 event in JSON, of at most 64 KiB.

    `source` and `id` together name the event: nobody is told twice of the same. What `data` must
    have follows from the `type`. Attributes that are not named here are kept, and mean nothing.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    datacontenttype: Annotated[
        str | None, Field(pattern="^application/json$", description="Also with parameters.")
    ] = None
    data: Annotated[dict[str, Any], Field(default_factory=dict)]


class CloudEventBatch(
    RootModel[Annotated[list[CloudEvent], Field(min_length=1, max_length=MAX_EVENTS)]]
):
    """Several events, of at most 1 MiB together: all of them are taken, or none."""


class CloudEventOrBatch(RootModel[CloudEvent | CloudEventBatch]):
    """One event, or several."""
