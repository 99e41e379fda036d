"""The command: `python -m tests.chaos`. Ends with 1 if anything was lost, doubled or disordered."""

import argparse
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from pathlib import Path

from tests.chaos.faults.catalogue import FAULTS
from tests.chaos.faults.fault import BOTH
from tests.chaos.run import Result, run_fault
from tests.chaos.scale import LONG, SHORT
from tests.chaos.table import table
from tests.support.databases import PostgresDatabases, PostgresServer, SqliteDatabases

SHOWN_PROBLEMS = 12


def main() -> int:
    """Run what the arguments ask for, and print the table."""
    arguments = parsed()
    seeds = list(range(arguments.seed, arguments.seed + arguments.seeds))
    names = arguments.fault.split(",") if arguments.fault else list(FAULTS)
    wanted = BOTH if arguments.database == "both" else (arguments.database,)
    scale = SHORT if arguments.short else LONG
    print(f"seeds {seeds[0]} to {seeds[-1]}; replay one with --seed N --seeds 1", flush=True)
    results: list[Result] = []
    folder = Path(tempfile.mkdtemp(prefix="tidings-chaos-"))
    with databases(folder, wanted) as engines:
        for name in names:
            fault = FAULTS[name]
            print(f"{name}: {fault.does}", flush=True)
            for seed in seeds:
                for engine in (one for one in wanted if one in fault.databases):
                    where = folder / f"{name}-{engine}-{seed}"
                    where.mkdir()
                    with (
                        engines[engine].fresh(where) as url,
                        (where / "output").open("w") as output,
                        redirect_stdout(output),
                    ):
                        result = run_fault(fault, url, where / "world", scale, seed)
                    results.append(result)
                    report(result, where)
    print(f"\n{table(results)}", flush=True)
    good = all(result.verdict.good for result in results)
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
    parser.add_argument("--short", action="store_true", help="the form that runs in `make test`")
    return parser.parse_args()


@contextmanager
def databases(
    folder: Path, wanted: tuple[str, ...]
) -> Iterator[dict[str, SqliteDatabases | PostgresDatabases]]:
    """What makes databases, for each wanted engine."""
    engines: dict[str, SqliteDatabases | PostgresDatabases] = {}
    with ExitStack() as stack:
        if "sqlite" in wanted:
            engines["sqlite"] = SqliteDatabases(folder)
        if "postgresql" in wanted:
            server = PostgresServer()
            stack.callback(server.stop)
            engines["postgresql"] = PostgresDatabases(server, folder)
        yield engines


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
    if verdict.good:
        shutil.rmtree(where, ignore_errors=True)
        return
    for problem in verdict.problems[:SHOWN_PROBLEMS]:
        print(f"    {problem[:300]}")
    print(f"    logs: {where}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
