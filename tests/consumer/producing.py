"""A producer on the API, and a look at what its posts leave on the stream."""

import json
from typing import Any

import redis
from flask import Flask
from werkzeug.test import TestResponse

from tests.notifications.world import Caller
from tests.support.consuming import STREAM

Json = dict[str, Any]

PATH = "/events"
JSON = "application/json"
ONE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"


class Producer(Caller):
    """Posts events: `producer.post([event()])`."""

    def __init__(self, app: Flask, token: str) -> None:
        super().__init__(app, token)
        self.app = app

    def post(self, events: Any, content_type: str = JSON, **query: str) -> TestResponse:
        """POST what is JSON."""
        return self.send(json.dumps(events), content_type, **query)

    def send(
        self, body: bytes | str, content_type: str | None = JSON, **query: str
    ) -> TestResponse:
        """POST a body as it is."""
        return self.request("POST", PATH, data=body, content_type=content_type, query_string=query)

    def accepted(self, events: Any, content_type: str = JSON) -> list[str]:
        """The stream entries' ids of a post that succeeds."""
        answer = self.post(events, content_type)
        assert answer.status_code == 202, answer.get_data(as_text=True)
        ids: list[str] = answer.get_json()["ids"]
        assert answer.get_json() == {"accepted": len(ids), "ids": ids}
        return ids

    def dry_run(self, events: Any) -> list[Json]:
        """What a dry run says of each event."""
        answer = self.post(events, dry_run="true")
        assert answer.status_code == 200, answer.get_data(as_text=True)
        found: list[Json] = answer.get_json()["events"]
        return found


def faults(answer: TestResponse) -> dict[str, str]:
    """What is wrong where, in a 422: `{"body.0.id": "Field required"}`."""
    problem = answer.get_json()
    assert (answer.status_code, problem["status"]) == (422, 422), problem
    assert answer.content_type == "application/problem+json"
    return {".".join(map(str, error["loc"])): error["msg"] for error in problem["errors"]}


def entries(client: redis.Redis) -> list[tuple[str, dict[bytes, bytes]]]:
    """All of the stream: ids and fields."""
    found: Any = client.xrange(STREAM)
    return [(entry_id.decode(), fields) for entry_id, fields in found]


def events_on(client: redis.Redis) -> list[Json]:
    """All events on the stream."""
    return [json.loads(fields[b"event"]) for _, fields in entries(client)]
