"""Many runs, some at the same time, each in a process of its own."""

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from tests.chaos.faults.catalogue import FAULTS
from tests.chaos.run import Result, run_fault
from tests.chaos.scale import Scale
from tests.support.databases import PostgresDatabases, PostgresServer, SqliteDatabases


class Run(NamedTuple):
    """Which fault, on which database, from which seed."""

    fault: str
    database: str
    seed: int


def performed(
    runs: Sequence[Run], folder: Path, scale: Scale, jobs: int
) -> Iterator[tuple[Run, Result]]:
    """What comes of each, as soon as it is known; `jobs` of them at the same time.

    Nothing that one run leaves behind, or breaks, is another's.
    """
    # Spawned: a fork would share this process's locks and descriptors.
    with get_context("spawn").Pool(jobs, end_when_told, maxtasksperchild=1) as pool:
        yield from pool.imap_unordered(partial(perform, folder, scale), runs)


def end_when_told() -> None:
    """On Ctrl-C, which reaches every process, only the first one decides; the others clean up."""
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())


def perform(folder: Path, scale: Scale, run: Run) -> tuple[Run, Result]:
    """One run, on a database server of its own; what it prints is kept with its logs."""
    where = place(folder, run)
    where.mkdir()
    with (
        (where / "output").open("w") as output,
        redirect_stdout(output),
        database_url(run.database, where) as url,
    ):
        return run, run_fault(FAULTS[run.fault], url, where / "world", scale, run.seed)


def place(folder: Path, run: Run) -> Path:
    """The folder of everything that a run writes."""
    return folder / f"{run.fault}-{run.database}-{run.seed}"


@contextmanager
def database_url(database: str, folder: Path) -> Iterator[str]:
    """A fresh, migrated database."""
    with ExitStack() as stack:
        engine: SqliteDatabases | PostgresDatabases
        if database == "sqlite":
            engine = SqliteDatabases(folder)
        else:
            server = PostgresServer()
            stack.callback(server.stop)
            engine = PostgresDatabases(server, folder)
        yield stack.enter_context(engine.fresh(folder))
