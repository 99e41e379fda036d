"""The bench works at all and counts right. How fast anything is, no test asserts."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.rows import ROWS

PROJECT = Path(__file__).resolve().parents[2]
LONGEST_SECONDS = 100


def bench(tmp_path: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[str], Path]:
    """Run the bench with its temporary files below `tmp_path`."""
    output = tmp_path / "results.json"
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    run = subprocess.run(
        [sys.executable, "-m", "bench", "--tiny", "--output", str(output), *arguments],
        cwd=PROJECT,
        env={**os.environ, "TMPDIR": str(scratch)},
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
    )
    return run, output


def lines_by_row(output: Path) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for line in json.loads(output.read_text())["lines"]:
        found.setdefault(line["row"], []).append(line)
    return found


def test_bench_measures_both_shapes_and_leaves_nothing_behind(tmp_path: Path) -> None:
    run, output = bench(tmp_path, "--only", "deliveries,latency,memory,connects")
    assert run.returncode == 0, run.stdout + run.stderr
    rows = lines_by_row(output)
    assert list(rows) == ["deliveries", "latency", "memory", "connects"]
    deliveries = rows["deliveries"][0]
    assert deliveries["ours"] > 0
    assert deliveries["naive"] > 0
    for shape in ("tidings", "naive"):
        assert deliveries["details"][shape]["frames_verified"] >= 20
    assert "times better" in run.stdout
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize("row", ["end-to-end", "consumer-sqlite", "consumer-postgres"])
def test_bench_measures_the_consumer(tmp_path: Path, row: str) -> None:
    run, output = bench(tmp_path, "--only", row)
    assert run.returncode == 0, run.stdout + run.stderr
    assert all(line["ours"] > 0 for line in lines_by_row(output)[row])


def test_an_unknown_row_is_named_with_those_that_exist(tmp_path: Path) -> None:
    run, output = bench(tmp_path, "--only", "speed")
    assert run.returncode != 0
    assert "speed" in run.stderr
    assert all(name in run.stderr for name in ROWS)
    assert not output.exists()
