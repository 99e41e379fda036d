"""`python -m bench.check BASE [HEAD]`: what became slower between two commits.

Both are checked out into temporary folders, get this bench, and run its quick rows in turn; once
more, if something is slower by more than noise. Ends with 1 if it is so both times, with 2 if the
comparison failed.
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from app.ops.tether import tethered
from bench.pairs import Comparison, compare
from bench.servers import PROJECT

ROWS = "deliveries,shapes,unix-socket,memory,connects,consumer-sqlite,inbox-sqlite"
# The same in both commits, and measured in the same rounds as what is compared: how fast the
# machine is differs by a third between two runs, and by that it is taken out. The first one counts
# that took part.
ALIKE = ("floor", "naive")
PAIRS = 5
LEAST_PAIRS = 3
REQUIREMENTS = ("requirements.txt", "requirements-dev.txt")
RUN_SECONDS = 600.0

# (row, what) -> the line of results.json.
Lines = Mapping[tuple[str, str], dict[str, object]]


class CheckError(RuntimeError):
    """The two commits could not be compared; why."""


@dataclass(frozen=True, slots=True)
class Side:
    """One commit, ready to be measured."""

    commit: str
    folder: Path
    python: str

    def run(self, rows: str) -> Lines:
        """Measure it once. Raises CheckError."""
        results = self.folder / "bench-check.json"
        command = [self.python, "-m", "bench", "--check", "--no-yardsticks", "--only", rows]
        done = subprocess.run(
            tethered([*command, "--output", str(results)]),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
        )
        if done.returncode != 0:
            raise CheckError(f"the bench failed on {self.commit}:\n{done.stdout}{done.stderr}")
        lines = json.loads(results.read_text())["lines"]
        return {(line["row"], line["what"]): line for line in lines}


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare two commits, print a table."""
    options = _parser().parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        with tempfile.TemporaryDirectory(prefix="tidings-check-") as folder:
            compared = _compare(options, Path(folder))
    except CheckError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; everything is cleaned up", file=sys.stderr)
        return 130
    print(f"\n{table(compared)}")
    slower = [each.what for each in compared if each.is_slower]
    print(f"\nslower by more than noise: {', '.join(slower)}" if slower else "\nnothing is slower")
    return 1 if slower else 0


def table(compared: Sequence[Comparison]) -> str:
    """The comparisons as a table in Markdown."""
    rows = [["", "before", "after", "worse by", "noise", ""]]
    for each in compared:
        verdict = "SLOWER" if each.is_slower else "faster" if each.is_faster else ""
        rows.append(
            [
                f"{each.what} ({each.unit})",
                f"{each.before:,.4g}",
                f"{each.after:,.4g}",
                f"{each.percent:+.1f} %",
                f"±{each.noise_percent:.1f} %",
                verdict,
            ]
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rows.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    )


def in_turn(pairs: int) -> Iterator[int]:
    """0 for the base and 1 for the head: 0 1 1 0 0 1…, so that neither is always the first."""
    for number in range(pairs):
        yield from (0, 1) if number % 2 == 0 else (1, 0)


def _compare(options: argparse.Namespace, folder: Path) -> list[Comparison]:
    with _side(options.base, folder, "base") as base, _side(options.head, folder, "head") as head:
        first = _look((base, head), options)
        if not any(each.is_slower for each in first):
            return first
        print("something looks slower: once more, as chance would hardly have it twice", flush=True)
        return confirmed(first, _look((base, head), options))


def _look(sides: Sequence[Side], options: argparse.Namespace) -> list[Comparison]:
    """Measure both in turn, and compare."""
    runs: tuple[list[Lines], list[Lines]] = ([], [])
    for number, which in enumerate(in_turn(options.pairs), start=1):
        name = sides[which].commit[:10]
        print(f"[{number}/{2 * options.pairs}] {('base', 'head')[which]} {name}", flush=True)
        runs[which].append(sides[which].run(options.only))
    return list(comparisons(*runs))


def confirmed(first: Sequence[Comparison], again: Sequence[Comparison]) -> list[Comparison]:
    """What the first look says, but of what it calls slower what the second one says."""
    second = {each.what: each for each in again}
    return [second.get(each.what, each) if each.is_slower else each for each in first]


def comparisons(before: Sequence[Lines], after: Sequence[Lines]) -> Iterator[Comparison]:
    """Of each line that all runs have, unless the clock was too coarse for it."""
    for key, line in before[0].items():
        if not all(key in run for run in (*before, *after)):
            continue
        values = [[float(str(run[key]["ours"])) for run in runs] for runs in (before, after)]
        for name in ALIKE:
            alike = [[_of(name, run[key]) for run in runs] for runs in (before, after)]
            if min(*alike[0], *alike[1]) > 0:
                values = _evened(values, alike)
                break
        if min(*values[0], *values[1]) > 0:
            more = line["better"] == "more"
            yield compare(key[1], str(line["unit"]), *values, more_is_better=more)


def _of(name: str, line: Mapping[str, object]) -> float:
    """What that yardstick got in the same rounds; 0 if it took no part."""
    others = line["others"]
    return float(others.get(name, 0)) if isinstance(others, Mapping) else 0.0


def _evened(values: list[list[float]], alike: list[list[float]]) -> list[list[float]]:
    """`values` as they would be had the machine always been as fast as its median."""
    usual = statistics.median([*alike[0], *alike[1]])
    return [
        [value * usual / yard for value, yard in zip(*both, strict=True)]
        for both in zip(values, alike, strict=True)
    ]


@contextmanager
def _side(revision: str, folder: Path, name: str) -> Iterator[Side]:
    """A checkout of that commit with this bench in it, and a Python that has its packages."""
    commit = _git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    place = folder / name
    _git("worktree", "add", "--detach", "--quiet", str(place), commit)
    try:
        # An older bench may not know how to measure the same.
        shutil.rmtree(place / "bench", ignore_errors=True)
        ignored = shutil.ignore_patterns(".yardsticks", "__pycache__", "results.json")
        shutil.copytree(PROJECT / "bench", place / "bench", ignore=ignored)
        yield Side(commit, place, _python(place))
    finally:
        _git("worktree", "remove", "--force", str(place))


def _python(place: Path) -> str:
    """This Python if it has what the checkout requires, else a new environment's."""
    if all(_text(place / name) == _text(PROJECT / name) for name in REQUIREMENTS):
        return sys.executable
    home = place / ".venv"
    python = str(home / "bin" / "python")
    print(
        f"installing what {place.name} requires, which is not what this checkout does", flush=True
    )
    requirements = [word for name in REQUIREMENTS for word in ("-r", str(place / name))]
    for command in (
        [sys.executable, "-m", "venv", "--without-pip", str(home)],
        [sys.executable, "-m", "pip", "--python", python, "install", "-qq", *requirements],
    ):
        done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS)
        if done.returncode != 0:
            raise CheckError(f"could not install its packages:\n{done.stderr}")
    return python


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _git(*arguments: str) -> str:
    # Where this runs from a git hook, these would name another checkout.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", *arguments], cwd=PROJECT, env=environ, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise CheckError(done.stderr.strip() or f"git knows no {arguments[-1]}")
    return done.stdout.strip()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.check", description=__doc__)
    parser.add_argument("base", help="the commit to compare with")
    parser.add_argument("head", nargs="?", default="HEAD", help="the commit to judge")
    parser.add_argument("--pairs", type=_pairs, default=PAIRS, help="runs of each commit")
    parser.add_argument("--only", metavar="ROW,…", default=ROWS, help=f"rows, else {ROWS}")
    return parser


def _pairs(text: str) -> int:
    if not text.isdecimal() or int(text) < LEAST_PAIRS:
        raise argparse.ArgumentTypeError(f"must be {LEAST_PAIRS} or more")
    return int(text)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
