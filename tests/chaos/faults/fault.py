"""A fault: what is broken, in what surroundings, and the function that breaks it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from tests.chaos.scale import Scale
from tests.chaos.world import World

BOTH = ("sqlite", "postgresql")
NO_SWEEP = {"SWEEP_SECONDS": "3600"}
DURABLE = ("--appendfsync", "always")


@dataclass(frozen=True)
class Fault:
    """`run` gets a world in which only Redis has been started; it starts the rest, the load too.

    The short form uses `short_databases`: both where the fault touches the database. It has one web
    worker, whose start is most of what it costs, and `short_web_workers` where the fault is about
    what one worker does while another one is broken, or about each of them for itself.
    """

    name: str
    run: Callable[[World], None]
    databases: tuple[str, ...] = BOTH
    short_databases: tuple[str, ...] = BOTH
    settings: Mapping[str, str] = field(default_factory=dict)
    redis_options: tuple[str, ...] = DURABLE
    append_only: bool = True
    short_web_workers: int = 1

    def scaled(self, scale: Scale) -> Scale:
        """How much of everything this fault needs."""
        return replace(scale, web_workers=self.short_web_workers) if scale.short else scale

    @property
    def does(self) -> str:
        """What it does, in one line."""
        return (self.run.__doc__ or "").strip().splitlines()[0]


def fault(
    name: str,
    *,
    databases: tuple[str, ...] = BOTH,
    short: tuple[str, ...] | None = None,
    settings: Mapping[str, str] | None = None,
    redis_options: tuple[str, ...] = DURABLE,
    append_only: bool = True,
    short_web_workers: int = 1,
) -> Callable[[Callable[[World], None]], Fault]:
    """Make a fault of the function that causes it. The first line of its docstring describes it."""

    def make(run: Callable[[World], None]) -> Fault:
        return Fault(
            name,
            run,
            databases,
            short or databases,
            settings or {},
            redis_options,
            append_only,
            short_web_workers,
        )

    return make
