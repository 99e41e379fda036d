"""`python -m bench`: measure all rows, or some, and print one table."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from bench import picture, report
from bench.crowd import CrowdError
from bench.plan import CHECK, FULL, QUICK, TINY
from bench.processes import StartError
from bench.progress import Progress
from bench.report import Line
from bench.rows import ROWS
from bench.rows.consumer import LostEventsError
from bench.servers import PROJECT
from bench.stage import Stage
from bench.usage import LINUX
from bench.yardsticks.versions import pinned_versions

RESULTS = PROJECT / "bench" / "results.json"
PICTURE = PROJECT / "docs" / "images" / "deliveries.svg"
# Processes that wanted to run, on average over the last minute, before the bench began.
QUIET_LOAD = 0.8
# What a row may fail with; the other rows are measured all the same.
FAILURES = (CrowdError, StartError, LostEventsError, OSError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench; 0 if every row was measured and nothing was lost."""
    options = _parser().parse_args(arguments)
    names = _chosen(options.only)
    # Both clean up, also where a shell has started this in the background, ignoring Ctrl-C.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        lines, failed = _measure(names, options)
    except KeyboardInterrupt:
        print("stopped; everything is cleaned up", file=sys.stderr)
        return 130
    print(f"\n{report.table(lines)}\n\nwritten to {options.output}")
    if any(line.row == "deliveries" for line in lines):
        drawn = PICTURE if options.output == RESULTS else options.output.with_suffix(".svg")
        drawn.write_text(picture.of_results(options.output))
        print(f"drawn in {drawn}")
    for name in failed:
        print(f"NOT MEASURED: {name}", file=sys.stderr)
    return 1 if failed else 0


def _measure(names: list[str], options: argparse.Namespace) -> tuple[list[Line], list[str]]:
    lines: list[Line] = []
    failed: list[str] = []
    plan = options.plan
    progress = Progress({name: ROWS[name].seconds * plan.time for name in names})
    with Stage(plan, progress.say, yardsticks=options.yardsticks) as stage:
        print(f"Tidings bench ({plan.name}): {stage.cores.describe()}", flush=True)
        if (load := os.getloadavg()[0]) > QUIET_LOAD:
            progress.say(
                f"this machine is busy (load {load:.1f}): rates will be too low and latencies too "
                "high; memory and CPU time for each delivery, connect and event hold"
            )
        for name in names:
            progress.begin(name)
            started = time.monotonic()
            stage.clear()
            try:
                lines += ROWS[name].measure(stage)
            except FAILURES as error:
                failed.append(name)
                progress.say(f"FAILED: {error}")
            progress.say(f"{time.monotonic() - started:.0f} s")
            progress.end()
        versions = {**stage.stores(), **pinned_versions()}
        report.write(
            options.output,
            plan.name,
            stage.cores.describe(),
            versions,
            lines,
            keeping=bool(options.only),
        )
    return lines, failed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    sizes = parser.add_mutually_exclusive_group()
    for plan, says in (
        (QUICK, "less of everything"),
        (CHECK, "what a comparison of two commits repeats"),
        (TINY, "only to see that the kit works"),
    ):
        sizes.add_argument(
            f"--{plan.name}", dest="plan", action="store_const", const=plan, help=says
        )
    parser.add_argument("--only", metavar="ROW,…", help=f"some rows of: {', '.join(ROWS)}")
    parser.add_argument(
        "--no-yardsticks",
        dest="yardsticks",
        action="store_false",
        help="compare with the naive shape alone, and install nothing",
    )
    parser.add_argument("--output", type=Path, default=RESULTS, help="where the JSON goes")
    parser.set_defaults(plan=FULL)
    return parser


def _chosen(only: str | None) -> list[str]:
    if not only:
        usual = {name: row for name, row in ROWS.items() if row.is_usual}
        left_out = [name for name, row in usual.items() if row.needs_linux and not LINUX]
        if left_out:
            print(f"left out, as they need Linux: {', '.join(left_out)}")
        return [name for name in usual if name not in left_out]
    names = only.split(",")
    if unknown := [name for name in names if name not in ROWS]:
        raise SystemExit(f"no such row: {', '.join(unknown)}; there are: {', '.join(ROWS)}")
    return names


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
