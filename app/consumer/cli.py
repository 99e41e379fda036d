"""`flask consumer`, `flask dead-letters`, `flask emit`."""

import gc
import json
import os
import socket
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar

import click
import redis
from flask import Flask
from flask.cli import with_appcontext
from redis.backoff import NoBackoff
from redis.retry import Retry

from app import bus, database
from app.audit import audit, operator
from app.consumer import info as consumer_info
from app.consumer import loop
from app.consumer.consumer import Consumer, Stored
from app.consumer.dead_letters import DeadLetter, DeadLetters
from app.consumer.envelope import BadEvent, decode, encode
from app.consumer.handlers import audience_of
from app.consumer.producer import emit
from app.consumer.sample import sample_event
from app.consumer.stream import EventStream, Names
from app.errors import DatabaseUnavailable
from app.extensions import settings, tidings
from app.identifiers import USER_ID_RULE, is_user_id
from app.notifications.audience import resolve
from app.notifications.delivery import deliver
from app.notifications.draft import Draft
from app.notifications.settling import settle_for
from app.notifications.snoozes import CHECK_SECONDS, wake_all

P = ParamSpec("P")
R = TypeVar("R")

# A batch is what is there, up to this: nobody waits for one to fill. In batches of 200 an event
# took 98 µs into SQLite, of 1,000 77, of 2,000 70, but those lock their mailboxes twice as long.
DEFAULT_BATCH = 1_000
MAX_BATCH = 10_000

# New objects, above those that went away, between two searches for cycles. With Python's own 700
# the searches in each batch took a quarter of the time.
OBJECTS_BETWEEN_SEARCHES = 100_000


def init_app(app: Flask) -> None:
    """Add the commands to `app`."""
    app.cli.add_command(consumer)
    app.cli.add_command(dead_letters)
    app.cli.add_command(emit_command)


def _says_what_is_away(command: Callable[P, R]) -> Callable[P, R]:
    """A service that does not answer ends the command with one line instead of a traceback."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except redis.RedisError as error:
            raise click.ClickException(
                f"Redis does not answer at {_shown(settings().redis_url)}: {error}. "
                "Start it (`make run` starts an embedded one), or set REDIS_URL."
            ) from None
        except DatabaseUnavailable as error:
            raise click.ClickException(f"{error}. Is it up, and `flask db upgrade` done?") from None

    return run


def _shown(url: str) -> str:
    """A URL without its password."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _names() -> Names:
    kept = settings()
    return Names(kept.event_stream, kept.consumer_group, kept.dead_letter_stream)


@click.group()
def consumer() -> None:
    """Turn events into notifications."""


@consumer.command()
@click.option("--burst", is_flag=True, help="Stop when the stream is empty.")
@click.option("--name", help="This consumer's name in the group. Default: host and process id.")
@click.option(
    "--batch",
    type=click.IntRange(1, MAX_BATCH),
    default=DEFAULT_BATCH,
    show_default=True,
    help="Most events in one transaction.",
)
@with_appcontext
@_says_what_is_away
def run(burst: bool, name: str | None, batch: int) -> None:
    """Consume events until told to stop (SIGTERM, Ctrl-C)."""
    stop = loop.StopFlag()
    stop.listen()
    # Without redis-py's own second try: an XREADGROUP whose reply was lost would be sent again, and
    # get the next entries. The loop tries again, and begins with what it was given.
    client = bus.connect(settings().redis_url, retry=Retry(NoBackoff(), 0))
    name = name or f"{socket.gethostname()}-{os.getpid()}"
    stream = EventStream(client, _names(), name)
    publish = partial(bus.publish, client)
    worker = Consumer(
        stream,
        audience_of,
        resolve,
        _store,
        publish,
        batch,
    )
    click.echo(f"consuming {settings().event_stream} as {name}", err=True)
    chore = loop.Chore(lambda: _look_after_mailboxes(publish), CHECK_SECONDS)
    _search_less_for_garbage()
    try:
        loop.run(worker, stream, stop, burst, chore)
    finally:
        database.close()


def _search_less_for_garbage() -> None:
    """What a batch needs goes by itself when it is done; what the program needs stays."""
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_SEARCHES)


def _look_after_mailboxes(publish: Callable[[Sequence[bus.Push]], None]) -> None:
    wake_all(datetime.now(UTC), publish)
    settle_for()


def _store(drafts: Sequence[Draft]) -> Stored:
    delivery = deliver(drafts, datetime.now(UTC))
    return Stored(delivery.pushes, delivery.created)


@consumer.command()
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@with_appcontext
@_says_what_is_away
def info(as_json: bool) -> None:
    """Show the stream's length, lag, pending and lost entries, consumers and dead letters."""
    facts = consumer_info.info(tidings().redis, _names())
    if as_json:
        click.echo(json.dumps(facts))
        return
    for name in ("stream", "group", "length", "lag", "pending", "dead_letters", "trimmed"):
        click.echo(f"{name.replace('_', ' '):>12}  {facts[name]}")
    for member in facts["consumers"]:
        idle = member["idle_ms"] / 1000
        click.echo(
            f"{'consumer':>12}  {member['name']}: {member['pending']} pending, idle {idle:.0f} s"
        )


@click.group("dead-letters")
def dead_letters() -> None:
    """Look at events that could not be processed, put them back, delete them."""


def _dead_letters() -> DeadLetters:
    kept = settings()
    return DeadLetters(tidings().redis, kept.dead_letter_stream, kept.event_stream)


@dead_letters.command("list")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@with_appcontext
@_says_what_is_away
def list_command(as_json: bool) -> None:
    """Show every dead letter with its reason."""
    letters = [_shown_letter(letter) for letter in _dead_letters()]
    if as_json:
        click.echo(json.dumps(letters))
        return
    for letter in letters:
        click.echo(f"{letter['id']}  {letter['parked_at']}  {letter['reason']}")
    click.echo(f"{len(letters)} dead letters", err=True)


def _shown_letter(letter: DeadLetter) -> dict[str, Any]:
    fields = {
        name.decode(errors="replace"): value.decode(errors="replace")
        for name, value in letter.fields.items()
    }
    return {
        "id": letter.id,
        "entry": letter.entry,
        "reason": letter.reason,
        "parked_at": letter.parked_at.isoformat(),
        "fields": fields,
    }


@dead_letters.command()
@click.argument("ids", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every dead letter there is now.")
@with_appcontext
@_says_what_is_away
def retry(ids: tuple[str, ...], everything: bool) -> None:
    """Put parked events back on the stream."""
    if bool(ids) == everything:
        raise click.UsageError("Name the dead letters, or say --all.")
    letters = _dead_letters()
    wanted = list(letters) if everything else _found(letters, ids)
    for letter in wanted:
        entry_id = letters.retry(letter)
        audit("dead_letters.retried", operator=operator(), letter=letter.id, entry=entry_id)
        click.echo(f"{letter.id} -> {entry_id}")


@dead_letters.command()
@click.argument("ids", nargs=-1, required=True)
@with_appcontext
@_says_what_is_away
def drop(ids: tuple[str, ...]) -> None:
    """Delete parked events for good."""
    letters = _dead_letters()
    wanted = [letter.id for letter in _found(letters, ids)]
    count = letters.drop(wanted)
    for letter_id in wanted:
        audit("dead_letters.dropped", operator=operator(), letter=letter_id)
    click.echo(f"dropped {count}")


def _found(letters: DeadLetters, ids: tuple[str, ...]) -> list[DeadLetter]:
    found: list[DeadLetter] = []
    for wanted in dict.fromkeys(ids):
        try:
            found += letters.find([wanted])
        except redis.ResponseError:
            raise click.UsageError(f"{wanted!r} is not the id of a dead letter") from None
    missing = set(ids) - {letter.id for letter in found}
    if missing:
        raise click.ClickException(f"there is no dead letter {', '.join(sorted(missing))}")
    return found


def _user_id(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """Refuse what is no user id now, and not in a dead letter that nobody looks for."""
    if value is not None and not is_user_id(value):
        raise click.BadParameter(f"{value!r} is not a user id ({USER_ID_RULE})")
    return value


def _user_ids(
    context: click.Context, option: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    for value in values:
        _user_id(context, option, value)
    return values


@click.command("emit")
@click.argument("event_type", metavar="TYPE")
@click.option(
    "--to",
    "users",
    required=True,
    multiple=True,
    callback=_user_ids,
    help="Who is to be told; may be said for each of many.",
)
@click.option("--actor", callback=_user_id, help="Who did it.")
@click.option("--data", default="{}", help="JSON object; it goes over the sample data of TYPE.")
@click.option("--id", "event_id", help="The event's id. Default: a new UUID.")
@with_appcontext
@_says_what_is_away
def emit_command(
    event_type: str, users: Sequence[str], actor: str | None, data: str, event_id: str | None
) -> None:
    """Write one event of TYPE and print its stream entry's id.

    The event's data is not checked: this is also how to see what becomes of bad events.
    """
    try:
        given = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise click.BadParameter(f"not JSON: {error}", param_hint="--data") from None
    if not isinstance(given, dict):
        raise click.BadParameter("not a JSON object", param_hint="--data")
    event = sample_event(event_type, users, actor, given, event_id)
    try:
        decode({name.encode(): value.encode() for name, value in encode(event).items()})
    except BadEvent as error:
        raise click.UsageError(str(error)) from None
    entry_id = emit(tidings().redis, settings().event_stream, event)
    audit("events.emitted", operator=operator(), type=event_type, id=event["id"], entry=entry_id)
    click.echo(entry_id)
