"""What the bench compares with is pinned, and left out with its reason where it can't be had."""

import json
from pathlib import Path

import pytest

from bench import yardsticks
from bench.plan import TINY
from bench.stage import Stage
from bench.yardsticks import PINS_OF_NODE, PINS_OF_PYTHON, NotInstalledError
from bench.yardsticks.versions import OF_NODE, OF_PYTHON, pinned_versions


def test_each_version_is_pinned_and_no_index_is_named() -> None:
    assert len(pinned_versions()) == len(OF_PYTHON) + len(OF_NODE)
    packages = json.loads(PINS_OF_NODE.read_text())["packages"]
    assert all("resolved" not in package for package in packages.values())
    assert all("integrity" in package for name, package in packages.items() if name)
    assert "://" not in PINS_OF_PYTHON.read_text()


def test_under_the_python_yardsticks_are_the_versions_that_tidings_has() -> None:
    ours = set((PINS_OF_PYTHON.parents[2] / "requirements.txt").read_text().splitlines())
    theirs = PINS_OF_PYTHON.read_text().splitlines()
    for name in ("gevent", "hiredis", "redis", "flask"):
        (pin,) = (line for line in theirs if line.startswith(f"{name}=="))
        assert pin in ours


def test_without_node_the_reason_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotInstalledError, match="no Node with npm"):
        yardsticks.install_node(tmp_path)


def test_a_yardstick_that_cant_be_installed_is_left_out_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(_home: Path) -> None:
        raise NotInstalledError("there is no network")

    left_out = tuple(
        yardsticks.Yardstick(each.name, offline, each.start) for each in yardsticks.YARDSTICKS
    )
    monkeypatch.setattr("bench.stage.YARDSTICKS", left_out)
    said: list[str] = []
    with Stage(TINY, said.append) as stage:
        assert list(stage.yardsticks()) == []
    assert said == [f"{each.name} is left out: there is no network" for each in left_out]
