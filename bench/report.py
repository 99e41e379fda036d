"""What was measured: lines of the table, and `results.json`."""

import json
import os
import platform
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from bench.cores import Cores

PACKAGES = ("gunicorn", "gevent", "flask", "werkzeug", "redis", "hiredis", "sqlalchemy", "psycopg")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table. `details` go to results.json alone."""

    row: str
    what: str
    unit: str
    ours: float
    naive: float | None = None
    goal: str = ""
    better: Literal["more", "less"] = "more"
    warnings: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """How many times better ours is than the naive shape; above 1 is better."""
        if not self.naive or not self.ours:
            return None
        return self.ours / self.naive if self.better == "more" else self.naive / self.ours


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest of the sorted `values` that `share` of them do not exceed."""
    return values[max(0, min(len(values) - 1, round(share * len(values)) - 1))]


def spread(values: Sequence[float]) -> str:
    """The rounds behind a median, for people."""
    return f"{statistics.median(values):,.0f} (of {min(values):,.0f} to {max(values):,.0f})"


def table(lines: Sequence[Line]) -> str:
    """The lines as a table in Markdown, with aligned columns, warnings below it."""
    rows = [["", "ours", "naive", "times better", "goal"]]
    for line in lines:
        naive = _number(line.naive) if line.naive is not None else "–"
        ratio = f"{line.ratio:.2f}" if line.ratio is not None else "–"
        rows.append([f"{line.what} ({line.unit})", _number(line.ours), naive, ratio, line.goal])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rows.insert(1, ["-" * width for width in widths])
    text = ["| " + " | ".join(map(_pad, row, widths, range(len(row)))) + " |" for row in rows]
    text += [f"! {line.what}: {warning}" for line in lines for warning in line.warnings]
    return "\n".join(text)


def write(path: Path, plan: str, cores: Cores, stores: dict[str, str], lines: list[Line]) -> None:
    """Write everything that was measured, with the machine and all versions, as JSON."""
    result = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "plan": plan,
        "machine": {**machine(), "pinned": cores.describe()},
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in PACKAGES},
            **stores,
        },
        "lines": [{**asdict(line), "ratio": line.ratio} for line in lines],
    }
    path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


def machine() -> dict[str, Any]:
    """The processor and the system."""
    model = platform.processor()
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return {"cpu": model, "cores": os.cpu_count(), "system": platform.platform()}


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _pad(text: str, width: int, column: int) -> str:
    return text.rjust(width) if 0 < column < 4 else text.ljust(width)
