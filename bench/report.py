"""What was measured: lines of the table, whether they meet their goals, and `results.json`."""

import json
import os
import platform
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from bench.native import compiled

PACKAGES = ("gunicorn", "gevent", "flask", "werkzeug", "redis", "hiredis", "sqlalchemy", "psycopg")
# Columns of their own, in this order, where a line has them.
CONTENDERS = ("naive", "flask-sse", "sse-starlette", "better-sse", "floor")


@dataclass(frozen=True, slots=True)
class Goal:
    """What a line is to reach: a value, or so many times what it is compared with."""

    at_least: float | None = None
    at_most: float | None = None
    times: float | None = None

    def text(self, base: str) -> str:
        """For people."""
        if self.times is not None:
            return f"≥ {self.times:g} × {base}"
        if self.at_least is not None:
            return f"≥ {self.at_least:,g}"
        return f"≤ {self.at_most:,g}"

    def is_met(self, value: float, ratio: float | None) -> bool:
        """Whether a value, so many times better than what it is compared with, reaches it."""
        if self.times is not None:
            return ratio is not None and ratio >= self.times
        if self.at_least is not None:
            return value >= self.at_least
        return self.at_most is not None and value <= self.at_most


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table. `details` go to results.json alone."""

    row: str
    what: str
    unit: str
    ours: float
    # What the same took others in the same rounds, by name.
    others: Mapping[str, float] = field(default_factory=dict)
    # Whom the ratio compares with.
    base: str = "naive"
    better: Literal["more", "less"] = "more"
    goal: Goal | None = None
    warnings: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """How many times better ours is than `base`; above 1 is better."""
        other = self.others.get(self.base)
        if not other or not self.ours:
            return None
        return self.ours / other if self.better == "more" else other / self.ours

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is met; None without a goal."""
        return self.goal.is_met(self.ours, self.ratio) if self.goal else None

    def cells(self, contenders: Sequence[str]) -> list[str]:
        """The line's cells in the table."""
        others = [_number(self.others[name]) if name in self.others else "–" for name in contenders]
        ratio = f"{self.ratio:.2f}" if self.ratio is not None else "–"
        met = {True: "met", False: "missed", None: ""}[self.is_met]
        goal = f"{self.goal.text(self.base)}: {met}" if self.goal else ""
        return [f"{self.what} ({self.unit})", _number(self.ours), *others, ratio, goal]


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest of the sorted `values` that `share` of them do not exceed."""
    return values[max(0, min(len(values) - 1, round(share * len(values)) - 1))]


def spread(values: Sequence[float]) -> str:
    """The rounds behind a median, for people."""
    return f"{statistics.median(values):,.0f} (of {min(values):,.0f} to {max(values):,.0f})"


def table(lines: Sequence[Line]) -> str:
    """The lines as a table in Markdown, with aligned columns, warnings below it."""
    contenders = [name for name in CONTENDERS if any(name in line.others for line in lines)]
    rows = [["", "ours", *contenders, "times better", "goal"]]
    rows += [line.cells(contenders) for line in lines]
    last = len(rows[0]) - 1
    widths = [max(len(row[column]) for row in rows) for column in range(last + 1)]
    rows.insert(1, ["-" * width for width in widths])
    text = [
        "| "
        + " | ".join(
            cell.rjust(width) if 0 < column < last else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        + " |"
        for row in rows
    ]
    text += [f"! {line.what}: {warning}" for line in lines for warning in line.warnings]
    return "\n".join(text)


def write(
    path: Path,
    plan: str,
    pinned: str,
    versions: Mapping[str, str],
    lines: Sequence[Line],
    *,
    keeping: bool = False,
) -> None:
    """Write everything that was measured, with the machine and all versions, as JSON.

    `keeping`: what the file tells of other rows stays, if the same plan measured them.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    rows = {line.row for line in lines}
    kept = _lines_of(path, plan) if keeping else []
    result = {
        "measured_at": now,
        "plan": plan,
        "machine": {**machine(), "pinned": pinned},
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in PACKAGES},
            **versions,
        },
        "lines": [line for line in kept if line["row"] not in rows]
        + [
            {**asdict(line), "ratio": line.ratio, "met": line.is_met, "measured_at": now}
            for line in lines
        ],
    }
    path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


def _lines_of(path: Path, plan: str) -> list[dict[str, Any]]:
    try:
        result = json.loads(path.read_text())
    except (OSError, ValueError):
        return []
    # One of an older bench has lines without a date, and of another form.
    return [line for line in result["lines"] if result["plan"] == plan and "measured_at" in line]


def machine() -> dict[str, Any]:
    """The processor, the system, and in what the load client reads."""
    model = platform.processor()
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "load_client": "C" if compiled() else "Python",
    }


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
