"""The bench works at all and counts right. How fast anything is, no test asserts."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.rows import ROWS

PROJECT = Path(__file__).resolve().parents[2]
LONGEST_SECONDS = 100

# Rows that share code are measured once; and what one run starts once, its rows share.
GROUPS = {
    "streams": ["deliveries", "shapes", "growth", "profile", "memory"],
    "people": ["latency", "fairness", "connects", "reconnects"],
    "unix sockets": ["unix-socket", "hundred-thousand-unix-socket"],
    "databases": ["end-to-end", "sizes", "comments-postgres", "inbox-postgres", "hundred-thousand"],
}
SHARED = {
    "consumer-sqlite": "comments-postgres",
    "consumer-postgres": "comments-postgres",
    "comments-sqlite": "comments-postgres",
    "inbox-sqlite": "inbox-postgres",
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short name: Redis' socket is below it, and such a path has a limit."""
    with tempfile.TemporaryDirectory(prefix="tidings-") as name:
        yield Path(name)


def bench(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the bench at its smallest; its temporary files and its results go to `folder`."""
    (folder / "scratch").mkdir()
    fixed = ["--tiny", "--no-yardsticks", "--output", str(results(folder))]
    return subprocess.run(
        [sys.executable, "-m", "bench", *fixed, *arguments],
        cwd=PROJECT,
        env={**os.environ, "TMPDIR": str(folder / "scratch")},
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
    )


def results(folder: Path) -> Path:
    return folder / "results.json"


def lines(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(results(folder).read_text())["lines"]
    return found


def test_every_row_is_in_a_group_or_shares_the_code_of_one() -> None:
    grouped = [row for rows in GROUPS.values() for row in rows]
    assert sorted([*grouped, *SHARED]) == sorted(ROWS)
    assert set(SHARED.values()) <= set(grouped)


@pytest.mark.parametrize("group", GROUPS)
def test_the_rows_are_measured_and_leave_nothing_behind(folder: Path, group: str) -> None:
    run = bench(folder, "--only", ",".join(GROUPS[group]))
    assert run.returncode == 0, run.stdout + run.stderr
    # So small a load may take less CPU or memory than can be told: that is 0.
    assert all(line["ours"] > 0 for line in lines(folder) if line["unit"] in ("1/s", "ms", "s"))
    assert all(line["what"] in run.stdout for line in lines(folder))
    assert list((folder / "scratch").iterdir()) == []
    for line in lines(folder):
        for server in ("tidings", "naive"):
            if line["row"] == "deliveries" and server in line["details"]:
                # At least one frame for each stream; a gap or a repeat fails the run.
                assert line["details"][server]["frames_verified"] >= 12


def test_an_unknown_row_is_named_with_those_that_exist(folder: Path) -> None:
    run = bench(folder, "--only", "speed")
    assert run.returncode != 0
    assert "speed" in run.stderr
    assert all(name in run.stderr for name in ROWS)
    assert not results(folder).exists()
