"""The command: `python -m tests.chaos`. Ends with 1 if anything was lost, doubled or disordered."""

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path

from tests.chaos.faults.catalogue import FAULTS
from tests.chaos.faults.fault import BOTH
from tests.chaos.run import Result
from tests.chaos.scale import LONG, SHORT
from tests.chaos.series import Run, performed, place
from tests.chaos.table import table

SHOWN_PROBLEMS = 12


def main() -> int:
    """Run what the arguments ask for, and print the table."""
    arguments = parsed()
    seeds = range(arguments.seed, arguments.seed + arguments.seeds)
    names = arguments.fault.split(",") if arguments.fault else list(FAULTS)
    wanted = BOTH if arguments.database == "both" else (arguments.database,)
    runs = [
        Run(name, database, seed)
        for name in names
        for seed in seeds
        for database in wanted
        if database in FAULTS[name].databases
    ]
    print(f"seeds {seeds[0]} to {seeds[-1]}; replay one with --seed N --seeds 1", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="tidings-chaos-"))
    scale = SHORT if arguments.short else LONG
    results: dict[Run, Result] = {}
    shown = ""
    for run, result in performed(runs, folder, scale, arguments.jobs):
        if run.fault != shown:
            print(f"{run.fault}: {FAULTS[run.fault].does}", flush=True)
            shown = run.fault
        report(result, place(folder, run))
        results[run] = result
    print(f"\n{table(results[run] for run in runs)}", flush=True)
    good = all(result.verdict.good for result in results.values())
    if good:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if good else 1


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1, help="how many, from --seed on")
    parser.add_argument("--seed", type=int, default=random.randint(1, 1_000_000))
    parser.add_argument("--fault", help=f"comma-separated, of: {', '.join(FAULTS)}")
    parser.add_argument("--database", choices=[*BOTH, "both"], default="both")
    parser.add_argument(
        "--jobs", type=int, default=1, help="runs at the same time; each keeps two cores busy"
    )
    parser.add_argument("--short", action="store_true", help="the form that runs in `make test`")
    return parser.parse_args()


def report(result: Result, where: Path) -> None:
    """One line for a run; if it failed, why, and where its logs are."""
    verdict = result.verdict
    heal = "-" if result.heal_seconds is None else f"{result.heal_seconds:.1f} s"
    print(
        f"  {result.database:<10} seed {result.seed:<7} {result.events} events, "
        f"{result.rows} notifications: "
        f"lost {verdict.lost}, duplicated {verdict.duplicated}, out of order "
        f"{verdict.disordered}, other {verdict.other}, counted {verdict.counted}; "
        f"healed in {heal}; took {result.seconds:.0f} s",
        flush=True,
    )
    for note in result.notes:
        print(f"    {note}")
    if verdict.good:
        shutil.rmtree(where, ignore_errors=True)
        return
    for problem in verdict.problems[:SHOWN_PROBLEMS]:
        print(f"    {problem[:300]}")
    print(f"    logs: {where}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
