"""The client's logic, by Node's own test runner: back-off, gaps, silence, who leads."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.require import require

UNIT_TESTS = sorted(Path(__file__).parent.glob("unit/*.test.mjs"))
# The first that takes a file for a module because of what is in it, as browsers do.
NODE_MAJOR = 20


@pytest.mark.parametrize("file", UNIT_TESTS, ids=lambda path: path.name)
def test_the_logic_holds_in_node(file: Path) -> None:
    node = shutil.which("node")
    require(node, "node is not installed")
    assert node is not None
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    require(int(version[1:].partition(".")[0]) >= NODE_MAJOR, f"node {version.strip()} is too old")
    done = subprocess.run(
        [node, "--no-warnings", "--test", "--test-reporter=spec", str(file)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fail 0" in done.stdout
