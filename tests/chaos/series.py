"""Many runs, some at the same time, each in a process of its own."""

import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from functools import cache, partial
from multiprocessing import get_context
from multiprocessing.util import Finalize
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

    Those at the same time share nothing: what one breaks is never another's.
    """
    # Spawned: a fork would share this process's locks and descriptors.
    with get_context("spawn").Pool(jobs, end_when_told) as pool:
        yield from pool.imap_unordered(partial(perform, folder, scale), runs)
        # Left alone the block ends with a SIGTERM, which would break off what cleans up.
        pool.close()
        pool.join()


def end_when_told() -> None:
    """On Ctrl-C, which reaches every process, only the first one decides; the others clean up."""
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, _end)


def _end(*_: object) -> None:
    # It may be said twice, and is not to break off what cleans up.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit()


def perform(folder: Path, scale: Scale, run: Run) -> tuple[Run, Result]:
    """One run, on a database of its own; what it prints is kept with its logs."""
    where = place(folder, run)
    where.mkdir()
    with (
        (where / "output").open("w") as output,
        redirect_stdout(output),
        databases(run.database).fresh(where) as url,
    ):
        return run, run_fault(FAULTS[run.fault], url, where / "world", scale, run.seed)


def place(folder: Path, run: Run) -> Path:
    """The folder of everything that a run writes."""
    return folder / f"{run.fault}-{run.database}-{run.seed}"


@cache
def databases(database: str) -> SqliteDatabases | PostgresDatabases:
    """What makes databases for this process, one run after the other."""
    folder = Path(tempfile.mkdtemp(prefix="tidings-chaos-databases-"))
    # Run however the process ends, but for a kill: multiprocessing skips `atexit`.
    Finalize(None, shutil.rmtree, (folder,), {"ignore_errors": True}, exitpriority=0)
    if database == "sqlite":
        return SqliteDatabases(folder)
    server = PostgresServer()
    Finalize(None, server.stop, exitpriority=1)
    return PostgresDatabases(server, folder)
