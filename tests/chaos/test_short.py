"""The short form of every fault: a few hundred events, one seed, no loss, no repeat, no disorder.

The long form is `make chaos`.
"""

import os
from pathlib import Path

import pytest

from tests.chaos.faults.catalogue import FAULTS
from tests.chaos.run import run_fault
from tests.chaos.scale import SHORT

# Another seed is another order of events, recipients, victims and moments.
SEED = int(os.environ.get("CHAOS_SEED", "1"))

CASES = [
    pytest.param(name, engine, id=f"{name}-{engine}")
    for name, fault in FAULTS.items()
    for engine in fault.short_databases
]


@pytest.mark.parametrize(("name", "database_url"), CASES, indirect=["database_url"])
def test_nothing_is_lost_doubled_or_disordered(
    name: str, database_url: str, tmp_path: Path
) -> None:
    """Whatever breaks, each reader gets each of its notifications once, in order."""
    result = run_fault(FAULTS[name], database_url, tmp_path / "world", SHORT, SEED)
    assert result.verdict.good, f"seed {SEED}:\n" + "\n".join(result.verdict.problems[:20])
