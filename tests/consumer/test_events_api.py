"""POST /events: what is taken is on the stream, whole; what is not leaves nothing there."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from flask import Flask

from app import MAX_BODY_BYTES
from app.consumer.envelope import MAX_ENTRY_BYTES, encode
from app.consumer.posting import MAX_EVENTS
from app.consumer.routes import MAX_POST_BYTES
from tests.conftest import TokenFor
from tests.consumer.producing import BATCH, JSON, ONE, PATH, Json, Producer, entries, faults
from tests.notifications.world import Caller
from tests.support.consuming import STREAM, event

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def producer(app: Flask, token_for: TokenFor) -> Producer:
    """A backend that may produce."""
    return Producer(app, token_for("backend", "events:write"))


@pytest.fixture
def nothing_written(redis_client: redis.Redis) -> Iterator[None]:
    """Fails if there is anything on the stream after the test."""
    yield
    assert redis_client.exists(STREAM) == 0


class TestTaken:
    """202: the events are on the stream."""

    @pytest.mark.parametrize("content_type", [ONE, JSON, f"{ONE}; charset=UTF-8"])
    def test_one_event_is_on_the_stream_as_the_command_would_have_written_it(
        self, producer: Producer, redis_client: redis.Redis, content_type: str
    ) -> None:
        posted = event("grace", time="2026-01-01T12:00:00+02:00", subject="é", dataschema="x:y")
        [entry_id] = producer.accepted(posted, content_type)
        fields = {name.encode(): text.encode() for name, text in encode(posted).items()}
        assert entries(redis_client) == [(entry_id, fields)]

    @pytest.mark.parametrize("content_type", [BATCH, JSON])
    def test_a_batch_is_on_the_stream_in_its_order(
        self, producer: Producer, redis_client: redis.Redis, content_type: str
    ) -> None:
        posted = [event() for _ in range(MAX_EVENTS)]
        ids = producer.accepted(posted, content_type)
        assert [entry_id for entry_id, _ in entries(redis_client)] == ids
        assert [json.loads(fields[b"event"]) for _, fields in entries(redis_client)] == posted

    def test_attributes_that_tidings_does_not_know_go_through(
        self, producer: Producer, redis_client: redis.Redis
    ) -> None:
        extensions = {"traceparent": "00-ab-cd-01", "sequence": 7, "flag": True, "none": None}
        producer.accepted({**event(), **extensions})
        [(_, fields)] = entries(redis_client)
        assert json.loads(fields[b"event"]).items() >= extensions.items()

    def test_the_answer_is_not_kept_by_caches(self, producer: Producer) -> None:
        assert producer.post(event()).headers["Cache-Control"] == "no-store"
        assert producer.post({}).headers["Cache-Control"] == "no-store"


@pytest.mark.usefixtures("nothing_written")
class TestRefused:
    """Nothing of it is written."""

    def test_without_a_token_or_without_the_scope(self, app: Flask, token_for: TokenFor) -> None:
        body = json.dumps(event())
        anonymous = app.test_client().post(f"/api/v1{PATH}", data=body, content_type=JSON)
        assert anonymous.status_code == 401
        for scopes in ((), ("admin",), ("events:write:all", "events")):
            caller = Caller(app, token_for("grace", *scopes))
            for query in ({}, {"dry_run": "true"}):
                answer = caller.request("POST", PATH, json=event(), query_string=query)
                assert (answer.status_code, answer.content_type) == (
                    403,
                    "application/problem+json",
                )
                assert "events:write" in answer.get_json()["detail"]

    @pytest.mark.parametrize(
        "content_type",
        [None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data",
         "application/cloudevents", "application/cloudevents+xml", "application/jsonp",
         "application/json; charset=iso-8859-1"],
    )  # fmt: skip
    def test_another_content_type(self, producer: Producer, content_type: str | None) -> None:
        """A form of another origin needs no preflight; it must not get through as JSON."""
        answer = producer.send(json.dumps(event()), content_type)
        assert (answer.status_code, answer.get_json()["status"]) == (415, 415)

    def test_a_compressed_body(self, producer: Producer) -> None:
        answer = producer.request("POST", PATH, json=event(), headers={"Content-Encoding": "gzip"})
        assert answer.status_code == 415

    def test_an_array_that_is_called_one_event_and_the_other_way_round(
        self, producer: Producer
    ) -> None:
        assert BATCH in faults(producer.post([event()], ONE))["body"]
        assert ONE in faults(producer.post(event(), BATCH))["body"]

    @pytest.mark.parametrize(
        "body",
        [b"", b"{", b"{]", b"nonsense", b"{} {}", b"\xef\xbb\xbf{}", b'{"id": "\xff"}',
         b'{"id": "\\ud800"}', b'{"data": {"x": NaN}}', b"[Infinity]", b"[" * 100_000,
         b'{"a":' * 5_000, b"9" * 5_000, "{}".encode("utf-16")],
    )  # fmt: skip
    def test_what_is_not_json(self, producer: Producer, body: bytes) -> None:
        answer = producer.send(body)
        assert (answer.status_code, answer.content_type) == (400, "application/problem+json")
        assert answer.get_json()["detail"].startswith("The body is not JSON: ")

    @pytest.mark.parametrize("value", [None, True, 1, 1.5, "text", "", [[]], [None], [event(), 1]])
    def test_json_that_is_no_event(self, producer: Producer, value: Any) -> None:
        assert "object" in "".join(faults(producer.post(value)).values())

    @pytest.mark.parametrize("count", [0, MAX_EVENTS + 1])
    def test_a_batch_of_none_or_of_too_many(self, producer: Producer, count: int) -> None:
        said = faults(producer.post([event()] * count))["body"]
        assert said == f"Should have 1 to 1,000 events; it has {count:,}"

    @pytest.mark.parametrize("query", ["dry_run=1", "dry_run=", "dry_run=yes", "dryrun=true",
                                       "dry_run=true&dry_run=false", "dry-run=true"])  # fmt: skip
    def test_a_query_that_is_not_understood(self, producer: Producer, query: str) -> None:
        """Whoever misspells it must not find that the events were sent."""
        answer = producer.request("POST", PATH, json=event(), query_string=query)
        assert list(faults(answer)) == [f"query.{query.split('=')[0]}"]


@pytest.mark.usefixtures("nothing_written")
class TestFaults:
    """422 says where."""

    def test_of_one_event(self, producer: Producer) -> None:
        posted = event("not a user id", id="", source=5, time="yesterday", specversion="0.3")
        found = faults(producer.post(posted))
        assert set(found) == {"body.id", "body.source", "body.time", "body.specversion"}

    def test_of_its_data(self, producer: Producer) -> None:
        data = {"recipients": ["grace", "no one"], "title": "", "url": "javascript:alert(1)"}
        found = faults(producer.post(event(data=data)))
        assert set(found) == {"body.data.recipients.1", "body.data.title", "body.data.url"}

    def test_of_a_batch_every_faulty_event_is_named(self, producer: Producer) -> None:
        posted = [event(), event(id=""), event(), event(data={}), event(type="x"), "event", event()]
        answer = producer.post(posted)
        assert set(faults(answer)) == {
            "body.1.id",
            "body.3.data.recipients",
            "body.3.data.title",
            "body.4.type",
            "body.5",
        }
        assert answer.get_json()["detail"] == "4 of 7 events are invalid; nothing was accepted."

    def test_of_a_batch_where_all_are_faulty_each_is_named_and_no_more(
        self, producer: Producer
    ) -> None:
        found = faults(producer.post([{}] * MAX_EVENTS))
        assert list(found) == [f"body.{index}.specversion" for index in range(MAX_EVENTS)]

    def test_are_bounded(self, producer: Producer) -> None:
        data = {"story": {"id": 1}, "assignee_id": "grace", "watcher_ids": ["?"] * 5_000}
        posted = event(type="story.assigned", data=data)
        assert len(producer.post(posted).get_json()["errors"]) == 50
        assert len(producer.post([event(), posted]).get_json()["errors"]) == 50

    @pytest.mark.parametrize("batch", [False, True])
    def test_an_unknown_type_is_told_which_there_are(self, producer: Producer, batch: bool) -> None:
        posted = event(type="story.deleted")
        found = faults(producer.post([posted] if batch else posted))
        said = found["body.0.type" if batch else "body.type"]
        assert '"story.deleted"' in said
        assert "story.assigned" in said
        assert "notification.requested" in said

    @pytest.mark.parametrize("number", ["1e999", "-1e999"])
    def test_a_number_that_json_cannot_say_again(self, producer: Producer, number: str) -> None:
        for posted in (event(data={"recipients": ["grace"], "title": "t", "x": 0}), event(x=0)):
            body = json.dumps(posted).replace('"x": 0', f'"x": {number}')
            assert producer.send(body).status_code == 422

    def test_data_that_no_database_can_keep(self, producer: Producer) -> None:
        deep: Json = {}
        for _ in range(100):
            deep = {"deeper": deep}
        for kept in ("a\0b", deep):
            data = {"recipients": ["grace"], "title": "t", "data": {"kept": kept}}
            assert set(faults(producer.post([event(data=data)]))) == {"body.0.data"}


def sized(size: int) -> Json:
    """An event whose entry takes so many bytes."""
    padded = event(id="padded", padding="")
    taken = sum(len(name) + len(text) for name, text in encode(padded).items())
    return {**padded, "padding": "x" * (size - taken)}


class TestSize:
    """Limits, each to the byte."""

    def test_an_event_of_the_largest_size_is_taken(
        self, producer: Producer, redis_client: redis.Redis
    ) -> None:
        producer.accepted(sized(MAX_ENTRY_BYTES))
        producer.accepted([event(), sized(MAX_ENTRY_BYTES)])
        assert len(entries(redis_client)) == 3

    @pytest.mark.usefixtures("nothing_written")
    def test_a_larger_event_is_refused(self, producer: Producer) -> None:
        posted = sized(MAX_ENTRY_BYTES + 1)
        one = producer.post(posted)
        assert (one.status_code, one.get_json()["status"]) == (413, 413)
        assert "65,536" in one.get_json()["detail"]
        assert "65,536" in faults(producer.post([event(), posted]))["body.1"]

    def test_a_body_of_the_largest_size_is_taken(self, producer: Producer) -> None:
        assert MAX_POST_BYTES > MAX_BODY_BYTES
        body = json.dumps([event()]).ljust(MAX_POST_BYTES)
        assert producer.send(body).status_code == 202

    @pytest.mark.usefixtures("nothing_written")
    def test_a_larger_body_is_refused(self, producer: Producer) -> None:
        body = json.dumps([event()]).ljust(MAX_POST_BYTES + 1)
        answer = producer.send(body)
        assert (answer.status_code, answer.get_json()["status"]) == (413, 413)
        assert f"{MAX_POST_BYTES:,}" in answer.get_json()["detail"]

    def test_a_larger_body_whose_size_is_not_said_is_refused_too(self, producer: Producer) -> None:
        def post(size: int) -> int:
            return producer.request(
                "POST",
                PATH,
                data=json.dumps([event()]).ljust(size),
                content_type=JSON,
                headers={"Transfer-Encoding": "chunked"},
                environ_overrides={"wsgi.input_terminated": True},  # as gunicorn says
            ).status_code

        assert post(MAX_POST_BYTES + 1) == 413
        assert post(MAX_POST_BYTES - 1) == 202
