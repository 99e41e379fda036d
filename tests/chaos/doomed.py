"""A consumer that kills itself, as kill -9 would, the first time it gets to a named point.

`python -m tests.chaos.doomed POINT [arguments of flask consumer run]`
"""

import os
import signal
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from flask.cli import FlaskGroup
from sqlalchemy import event
from sqlalchemy.orm import Session

from app import bus
from app.consumer.stream import EventStream
from tests.support.processes import ForkedProcess

P = ParamSpec("P")
R = TypeVar("R")

POINTS = ("read", "inserted", "committed", "published", "acknowledged")


class DoomedConsumer(ForkedProcess):
    """`flask consumer run` that dies at `point`, taking `batch` events at a time."""

    def __init__(self, settings: dict[str, str], folder: Path, point: str, batch: int) -> None:
        log = folder / f"doomed-{point}.log"
        log.touch()
        super().__init__(
            ["tests.chaos.doomed", point, "--batch", str(batch)],
            settings,
            log,
        )


def die(*_: object) -> None:
    """End at once, without a word to anybody."""
    os.kill(os.getpid(), signal.SIGKILL)


def dying_after(do: Callable[P, R]) -> Callable[P, R]:
    """`do`, and the end."""

    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        result = do(*args, **kwargs)
        if result is None or result:
            die()
        return result

    return run


def doom(point: str) -> None:
    """Prepare the end."""
    match point:
        case "read":
            EventStream.new = dying_after(EventStream.new)  # type: ignore[method-assign]
        case "inserted":
            event.listen(Session, "before_commit", die_if_written)
        case "committed":
            event.listen(Session, "after_commit", die_if_written)
        case "published":
            # As an attribute of the module: the consumer looks it up there each time.
            setattr(bus, "publish", dying_after_publishing(bus.publish))  # noqa: B010
        case "acknowledged":
            EventStream.acknowledge = dying_after(EventStream.acknowledge)  # type: ignore[method-assign]
        case _:
            raise SystemExit(f"no such point: {point}")


def die_if_written(session: Session, *_: object) -> None:
    """A consumer's sessions only ever write."""
    die()


def dying_after_publishing(
    publish: Callable[[Any, Iterable[bus.Push]], None],
) -> Callable[[Any, Iterable[bus.Push]], None]:
    """`publish`, and the end if there was anything to publish."""

    def run(client: Any, pushes: Iterable[bus.Push]) -> None:
        wanted = list(pushes)
        publish(client, wanted)
        if wanted:
            die()

    return run


if __name__ == "__main__":
    doom(sys.argv[1])
    FlaskGroup(name="flask").main(["consumer", "run", *sys.argv[2:]])
