"""The client's logic, by Node's own test runner: back-off, gaps, silence, who leads."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.require import require

UNIT_TESTS = sorted(Path(__file__).parent.glob("unit/*.test.mjs"))
# Debian 12's, which has all that is needed; what is experimental there has to be asked for.
OLDEST = (18, 19)
# From these on Node takes a file for a module because of what is in it, as browsers do.
KNOWS_MODULES = ((20, 19), (22, 7))


def flags(version: tuple[int, int]) -> list[str]:
    """What makes this Node run the client as a browser does."""
    since = KNOWS_MODULES[version >= (21, 0)]
    wanted = [] if version >= since else ["--experimental-default-type=module"]
    if version < (20, 0):
        wanted += ["--experimental-global-webcrypto", "--experimental-global-customevent"]
    return wanted


@pytest.mark.parametrize("file", UNIT_TESTS, ids=lambda path: path.name)
def test_the_logic_holds_in_node(file: Path) -> None:
    node = shutil.which("node")
    require(node, "node is not installed")
    assert node is not None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    major, minor, _ = said.removeprefix("v").split(".")
    version = (int(major), int(minor))
    require(version >= OLDEST, f"node {said.strip()} is too old")
    done = subprocess.run(
        [node, *flags(version), "--no-warnings", "--test", "--test-reporter=spec", str(file)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fail 0" in done.stdout
