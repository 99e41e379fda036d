"""A PostgreSQL that hangs, which is worse than one that is away: nobody gets even an error."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg


@contextmanager
def database_hanging(url: str) -> Iterator[None]:
    """PostgreSQL takes connections and answers nobody, whether they were open before or not."""
    with psycopg.connect(url) as connection:
        [(folder,)] = connection.execute("SHOW data_directory").fetchall()
        sessions = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        ).fetchall()
    postmaster = int((Path(folder) / "postmaster.pid").read_text().splitlines()[0])
    pids = [postmaster, *(pid for (pid,) in sessions)]
    _send(signal.SIGSTOP, pids)
    try:
        yield
    finally:
        _send(signal.SIGCONT, pids)


def _send(signum: signal.Signals, pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signum)
