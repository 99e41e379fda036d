"""What an operator types: `flask consumer info`, `flask dead-letters …`, `flask emit`."""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import redis
from click.testing import Result
from flask import Flask
from pydantic import BaseModel

from app.consumer.envelope import Event
from app.consumer.handlers import known_types
from app.consumer.registry import handles
from app.consumer.stream import EventStream
from app.notifications.draft import Draft
from tests.support.consuming import (
    DEAD_LETTERS,
    GROUP,
    NAMES,
    STREAM,
    Json,
    consumer,
    dead_letters,
    event,
    finish,
    pending,
    send,
    send_fields,
    told,
)
from tests.support.processes import free_port, run_flask

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

Run = Callable[..., Result]

ENTRY_ID = re.compile(r"\d{13}-\d+")


class NoData(BaseModel):
    """The data of an event whose handler needs none."""


@pytest.fixture
def run(app: Flask) -> Run:
    """Runs `flask …`, in this process; whatever it was, it did not end with a traceback."""
    runner = app.test_cli_runner()

    def invoke(*arguments: str) -> Result:
        with app.app_context():
            result = runner.invoke(args=arguments)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return invoke


@pytest.fixture
def run_on_each(environment: dict[str, str], each_redis_url: str, request: Any) -> Run:
    """The same, on each version of Redis."""
    environment["REDIS_URL"] = each_redis_url
    runs: Run = request.getfixturevalue("run")
    return runs


def output(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


def park(client: redis.Redis, *fields: dict[bytes, bytes]) -> list[str]:
    """Have the consumer park these entries; the ids of the dead letters."""
    for entry in fields:
        send_fields(client, entry)
    finish(consumer(client))
    found: Any = client.xrange(DEAD_LETTERS)
    return [letter_id.decode() for letter_id, _ in found][-len(fields) :]


# --- flask consumer info


def test_info_before_there_is_a_stream_shows_an_empty_one_and_makes_none(
    run_on_each: Run, each_redis: redis.Redis
) -> None:
    assert json.loads(output(run_on_each("consumer", "info", "--json"))) == {
        "stream": STREAM,
        "group": GROUP,
        "length": 0,
        "lag": 0,
        "pending": 0,
        "consumers": [],
        "dead_letters": 0,
        "trimmed": 0,
    }
    assert re.search(r"length +0\b", output(run_on_each("consumer", "info")))
    assert each_redis.keys() == []


def test_info_counts_what_waits_what_is_in_hand_and_what_is_parked(
    run_on_each: Run, each_redis: redis.Redis
) -> None:
    consumer(each_redis)
    one = EventStream(each_redis, NAMES, "one")
    for _ in range(2):
        send(each_redis, event())
        one.new(1, None)
    each_redis.xtrim(STREAM, maxlen=0)
    finish(consumer(each_redis))
    park(each_redis, {b"event": b"not JSON"})
    send(each_redis, *(event() for _ in range(9)))
    one.acknowledge([one.new(3, None)[0].id])
    EventStream(each_redis, NAMES, "two").new(1, None)

    facts = json.loads(output(run_on_each("consumer", "info", "--json")))
    members = {member.pop("name"): member for member in facts.pop("consumers")}
    assert facts == {
        "stream": STREAM,
        "group": GROUP,
        "length": 10,
        "lag": 5,
        "pending": 3,
        "dead_letters": 1,
        "trimmed": 2,
    }
    assert {name: member["pending"] for name, member in members.items()} == {"one": 2, "two": 1}
    assert all(0 <= member["idle_ms"] < 60_000 for member in members.values())

    text = output(run_on_each("consumer", "info"))
    for line in (
        *(r"stream +events", r"length +10", r"lag +5", r"pending +3"),
        *(r"dead letters +1", r"trimmed +2"),
    ):
        assert re.search(rf"^ *{line}$", text, re.MULTILINE), text
    assert re.search(r"consumer +one: 2 pending, idle \d+ s$", text, re.MULTILINE), text


def test_the_lag_is_right_without_a_group_and_after_entries_were_deleted_or_trimmed(
    run_on_each: Run, each_redis: redis.Redis
) -> None:
    def lag() -> object:
        return json.loads(output(run_on_each("consumer", "info", "--json")))["lag"]

    ids = send(each_redis, *(event() for _ in range(10)))
    assert lag() == 10
    stream = EventStream(each_redis, NAMES, "one")
    stream.ensure_group()
    assert lag() == 10
    stream.new(4, None)
    assert lag() == 6
    each_redis.xdel(STREAM, ids[6])
    assert lag() == 5
    # A producer that sends with MAXLEN drops what nobody has read.
    each_redis.xtrim(STREAM, maxlen=3, approximate=False)
    assert lag() == 3
    each_redis.xtrim(STREAM, maxlen=0)
    assert lag() == 0
    send(each_redis, event())
    assert lag() == 1


# --- flask dead-letters


def test_the_list_shows_each_dead_letter_with_reason_time_and_fields(
    run: Run, redis_client: redis.Redis
) -> None:
    ids = park(redis_client, {b"event": b"not JSON"}, {b"\xff": b"\x00\x80", b"id": b"7"})
    letters = json.loads(output(run("dead-letters", "list", "--json")))
    assert [letter["id"] for letter in letters] == ids
    assert [letter["fields"] for letter in letters] == [
        {"event": "not JSON"},
        {"\ufffd": "\0\ufffd", "id": "7"},
    ]
    assert all(ENTRY_ID.fullmatch(letter["entry"]) for letter in letters)
    assert all(letter["parked_at"].endswith("+00:00") for letter in letters)
    assert "JSON" in letters[0]["reason"]

    lines = output(run("dead-letters", "list")).splitlines()
    assert [line.split()[0] for line in lines] == ids
    assert letters[0]["reason"] in lines[0]


def test_the_list_of_nothing_is_empty(run: Run) -> None:
    assert json.loads(output(run("dead-letters", "list", "--json"))) == []
    assert output(run("dead-letters", "list")) == ""
    assert output(run("dead-letters", "retry", "--all")) == ""


@pytest.mark.usefixtures("in_app")
def test_a_retry_puts_the_event_back_and_it_is_processed_once_the_cause_is_gone(
    run: Run, redis_client: redis.Redis, own_handlers: None
) -> None:
    events = [event(id=f"e-{n}", type="test.new") for n in range(3)]
    ids = park(redis_client, *({b"event": json.dumps(sent).encode()} for sent in events))
    # The cause is still there: it comes back.
    assert ENTRY_ID.findall(output(run("dead-letters", "retry", ids[1])))[0] == ids[1]
    assert len(dead_letters(redis_client)) == 2
    finish(consumer(redis_client))
    assert len(dead_letters(redis_client)) == 3

    @handles("test.new", NoData)
    def new(event: Event, data: NoData) -> Iterable[Draft]:
        yield Draft(user_id="grace", kind=event.type, reason="requested", title=event.id)

    said = ENTRY_ID.findall(output(run("dead-letters", "retry", "--all")))
    assert len(said) == 6
    assert dead_letters(redis_client) == []
    finish(consumer(redis_client))
    assert sorted(told("grace")) == ["e-0", "e-1", "e-2"]
    assert pending(redis_client) == []


def test_a_retry_keeps_the_fields_byte_for_byte_and_writes_an_event_once(
    run: Run, redis_client: redis.Redis
) -> None:
    fields = {b"\xff\x00": b"\x80\r\n", b"": b"", b"reason": b"mine", b"original:x": b"y"}
    [letter_id] = park(redis_client, fields)
    before = redis_client.xlen(STREAM)
    output(run("dead-letters", "retry", letter_id, letter_id))
    assert redis_client.xlen(STREAM) == before + 1
    *_, (_, again) = entries(redis_client)
    assert again == fields


def test_a_retry_of_all_takes_many_pages(run: Run, redis_client: redis.Redis) -> None:
    park(redis_client, *({b"event": b"%d" % number} for number in range(1_200)))
    output(run("dead-letters", "retry", "--all"))
    assert dead_letters(redis_client) == []
    entries: Any = redis_client.xrevrange(STREAM, count=1_200)
    numbers = [int(fields[b"event"]) for _, fields in reversed(entries)]
    assert numbers == list(range(1_200))


def test_what_is_dropped_is_gone_and_the_rest_stays(run: Run, redis_client: redis.Redis) -> None:
    ids = park(redis_client, *({b"event": b"%d" % number} for number in range(4)))
    assert "2" in output(run("dead-letters", "drop", ids[0], ids[2]))
    assert [letter[b"original:event"] for letter in dead_letters(redis_client)] == [b"1", b"3"]


@pytest.mark.parametrize("command", ["retry", "drop"])
@pytest.mark.parametrize(
    ("wrong", "status"),
    [("1-1", 1), ("1", 1), ("-", 1), ("+", 1), ("no-id", 2), ("", 2), ("١-١", 2)],
)
def test_an_unknown_id_is_named_and_nothing_is_done(
    run: Run, redis_client: redis.Redis, command: str, wrong: str, status: int
) -> None:
    [letter_id] = park(redis_client, {b"event": b"not JSON"})
    length = redis_client.xlen(STREAM)
    result = run("dead-letters", command, "--", letter_id, wrong)
    assert result.exit_code == status, result.output
    assert result.output.splitlines()[-1].startswith("Error: ")
    assert wrong in result.output
    assert len(dead_letters(redis_client)) == 1
    assert redis_client.xlen(STREAM) == length


@pytest.mark.parametrize("arguments", [["retry"], ["retry", "--all", "1-1"], ["drop"]])
def test_which_dead_letters_must_be_said(run: Run, arguments: list[str]) -> None:
    assert run("dead-letters", *arguments).exit_code == 2


# --- flask emit


@pytest.mark.parametrize("event_type", known_types())
@pytest.mark.usefixtures("in_app")
def test_each_known_type_arrives_as_a_notification(
    run: Run, redis_client: redis.Redis, event_type: str
) -> None:
    said = output(run("emit", event_type, "--to", "grace", "--actor", "ada", "--id", "e"))
    assert [entry_id.decode() for entry_id, _ in entries(redis_client)] == said.split()
    finish(consumer(redis_client))
    assert told("grace") == ["e"]
    assert told("ada") == []
    assert dead_letters(redis_client) == []


@pytest.mark.parametrize("event_type", known_types())
@pytest.mark.usefixtures("in_app")
def test_one_event_tells_everybody_that_it_is_for(
    run: Run, redis_client: redis.Redis, event_type: str
) -> None:
    people = ["grace", "ada", "linus"]
    output(run("emit", event_type, *(part for one in people for part in ("--to", one))))
    finish(consumer(redis_client))
    assert [len(told(one)) for one in people] == [1, 1, 1]


def entries(client: redis.Redis) -> list[tuple[bytes, dict[bytes, bytes]]]:
    found: Any = client.xrange(STREAM)
    return list(found)


def test_data_goes_over_the_sample(run: Run, redis_client: redis.Redis) -> None:
    data = {"title": "Überraschung", "data": {"n": 1}}
    output(run("emit", "notification.requested", "--to", "grace", "--data", json.dumps(data)))
    [(_, fields)] = entries(redis_client)
    sent: Json = json.loads(fields[b"event"])
    assert sent["data"] == {"recipients": ["grace"], **data}
    assert sent["specversion"] == "1.0"


@pytest.mark.usefixtures("in_app")
def test_the_same_id_twice_makes_one_notification_and_no_id_makes_new_ones(
    run: Run, redis_client: redis.Redis
) -> None:
    said = [output(run("emit", "story.assigned", "--to", "grace", "--id", "7")) for _ in range(2)]
    assert said[0] != said[1]
    finish(consumer(redis_client))
    assert told("grace") == ["7"]
    for _ in range(2):
        output(run("emit", "story.assigned", "--to", "grace"))
    finish(consumer(redis_client))
    assert len(set(told("grace"))) == 3


@pytest.mark.usefixtures("in_app")
def test_a_type_that_no_handler_takes_is_written_and_parked(
    run: Run, redis_client: redis.Redis
) -> None:
    output(run("emit", "story.exploded", "--to", "grace"))
    finish(consumer(redis_client))
    [letter] = dead_letters(redis_client)
    assert b"story.exploded" in letter[b"reason"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--to", "grace", "--data", "{"], "--data"),
        (["--to", "grace", "--data", "[1]"], "--data"),
        (["--to", "grace", "--data", "[" * 100_000], "--data"),
        (["--to", "grace", "--data", '{"x": NaN}'], "JSON"),
        (["--to", "grace", "--data", '{"x": "\\ud800"}'], "JSON"),
        (["--to", "grace", "--data", json.dumps({"x": "y" * 65_536})], "bytes"),
        (["--to", "a b"], "--to"),
        (["--to", ""], "--to"),
        (["--to", "x" * 129], "--to"),
        (["--to", "grace", "--actor", "a/b"], "--actor"),
        (["--to", "grace", "--id", "x" * 257], "id"),
        ([], "--to"),
    ],
)
def test_what_can_never_arrive_is_refused_at_once(
    run: Run, redis_client: redis.Redis, arguments: list[str], named: str
) -> None:
    result = run("emit", "story.assigned", *arguments)
    assert result.exit_code == 2, result.output
    error = result.stderr.splitlines()[-1]
    assert error.startswith("Error: ")
    assert named in error
    assert result.stdout == ""
    assert redis_client.keys() == []


# --- all of them


@pytest.mark.parametrize(
    "command",
    [
        "emit story.assigned --to grace",
        "consumer info",
        "consumer info --json",
        "dead-letters list --json",
        "dead-letters retry --all",
        "dead-letters retry 1-1",
        "dead-letters drop 1-1",
    ],
)
def test_without_redis_a_command_fails_with_one_line_that_says_where_it_looked(
    environment: dict[str, str], request: pytest.FixtureRequest, command: str
) -> None:
    port = free_port()
    environment["REDIS_URL"] = f"redis://user:secret@127.0.0.1:{port}/0"
    run: Run = request.getfixturevalue("run")
    result = run(*command.split())
    assert result.exit_code == 1
    [line] = result.output.splitlines()
    assert line.startswith(f"Error: Redis does not answer at redis://127.0.0.1:{port}")
    assert "secret" not in line


def test_standard_output_is_for_scripts(
    environment: dict[str, str], redis_client: redis.Redis
) -> None:
    emitted = run_flask(environment, "emit", "story.assigned", "--to", "grace")
    assert ENTRY_ID.fullmatch(emitted.stdout.strip()), emitted.stderr
    facts = run_flask(environment, "consumer", "info", "--json")
    assert json.loads(facts.stdout)["length"] == 1
