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


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short name: Redis' socket is below it, and such a path has a limit."""
    with tempfile.TemporaryDirectory(prefix="tidings-") as name:
        yield Path(name)


def bench(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the bench at its smallest; its temporary files and its results go to `folder`."""
    (folder / "scratch").mkdir()
    return subprocess.run(
        [sys.executable, "-m", "bench", "--tiny", "--output", results(folder), *arguments],
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


@pytest.mark.parametrize("row", ROWS)
def test_each_row_is_measured_and_leaves_nothing_behind(folder: Path, row: str) -> None:
    run = bench(folder, "--only", row)
    assert run.returncode == 0, run.stdout + run.stderr
    assert {line["row"] for line in lines(folder)} == {row}
    # So small a load may take less CPU than one tick of the kernel's clock: that is 0.
    assert all(line["ours"] > 0 for line in lines(folder) if "CPU" not in line["what"])
    assert all(line["what"] in run.stdout for line in lines(folder))
    assert list((folder / "scratch").iterdir()) == []


def test_every_delivery_was_read_and_in_order_in_both_shapes(folder: Path) -> None:
    run = bench(folder, "--only", "deliveries")
    assert run.returncode == 0, run.stdout + run.stderr
    details = lines(folder)[0]["details"]
    # At least one frame for each of the streams; a gap or a repeat fails the run.
    assert details["tidings"]["frames_verified"] >= 20
    assert details["naive"]["frames_verified"] >= 20


def test_an_unknown_row_is_named_with_those_that_exist(folder: Path) -> None:
    run = bench(folder, "--only", "speed")
    assert run.returncode != 0
    assert "speed" in run.stderr
    assert all(name in run.stderr for name in ROWS)
    assert not results(folder).exists()
