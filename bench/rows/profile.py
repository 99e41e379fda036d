"""Where the microseconds of a delivery go: the worker sampled in the closed loop.

Sampling costs a little itself, so that the sum is above what the deliveries row tells.
"""

import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

from bench import usage
from bench.contender import contending
from bench.crowd import CrowdError
from bench.report import Line
from bench.sampler import ASKED
from bench.servers import PROJECT
from bench.stage import NO_SWEEP, Stage

CONFIGURATION = PROJECT / "bench" / "profiled.py"
MOST_PLACES = 24
TELL_SECONDS = 10.0


def measure(stage: Stage) -> list[Line]:
    """The functions in which most of it goes, and how much of it the kernel takes."""
    path = stage.folder / "profile.json"
    settings = {**NO_SWEEP, "BENCH_PROFILE": str(path), "PYTHONPATH": str(PROJECT)}
    with (
        stage.sqlite() as database,
        stage.tidings(database, settings, "-c", str(CONFIGURATION)) as server,
        contending(stage, server) as contender,
    ):
        (pid,) = server.pids
        contender.warm_up()
        _told(pid, path)
        before = usage.cpu_parts(pid)
        for _ in range(stage.plan.rounds):
            contender.round()
        user, system = (now - then for now, then in zip(usage.cpu_parts(pid), before, strict=True))
        told = _told(pid, path)
    micros = statistics.median(contender.server_micros)
    samples = sum(count for *_, count in told["own"]) or 1
    kernel = micros * system / (user + system or 1)
    stage.say(f"{micros:.1f} µs a delivery, {kernel:.1f} of them in the kernel; own time:")
    for file, name, count in told["own"][:MOST_PLACES]:
        stage.say(
            f"{micros * count / samples:6.2f} µs {100 * count / samples:5.1f} %  {file} {name}"
        )
    return [
        Line(
            row="profile",
            what="server CPU for a delivery, while it is sampled",
            unit="µs",
            ours=micros,
            better="less",
            details={"in_the_kernel": kernel, "samples": samples, **told},
        )
    ]


def _told(pid: int, path: Path) -> dict[str, Any]:
    """The counts since they were told last."""
    path.unlink(missing_ok=True)
    os.kill(pid, ASKED)
    deadline = time.monotonic() + TELL_SECONDS
    while not path.exists():
        if time.monotonic() > deadline:
            raise CrowdError("the profiled worker does not tell its counts")
        time.sleep(0.02)
    told: dict[str, Any] = json.loads(path.read_text())
    return told
