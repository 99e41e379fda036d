"""Runs the commands of a page of documentation in one shell, and holds it to what it shows."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

BLOCK = re.compile(r"^```(sh|json|text)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# In what a page shows, this stands for whatever differs from one day to another.
ANYTHING = "…"
END = "-- end of the block --"


@dataclass(frozen=True, slots=True)
class Step:
    """Commands, and what the page shows of their output, if it does."""

    commands: str
    kind: str | None = None
    shown: str | None = None


def steps(page: str) -> Iterator[Step]:
    """Every block of commands with the block of output that follows it."""
    blocks = BLOCK.findall(page)
    for number, (kind, text) in enumerate(blocks):
        if kind == "sh":
            after = blocks[number + 1] if number + 1 < len(blocks) else ("sh", "")
            yield Step(text) if after[0] == "sh" else Step(text, *after)


class Shell:
    """One bash, in which each step finds the variables of those before."""

    def __init__(self, settings: Mapping[str, str], folder: Path) -> None:
        self._process = subprocess.Popen(
            ["bash", "-u"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **settings},
            cwd=folder,
            text=True,
        )

    def run(self, commands: str) -> str:
        """What the commands print."""
        assert self._process.stdin
        assert self._process.stdout
        commands = commands.replace(".venv/bin/flask", f"{sys.executable} -m flask")
        self._process.stdin.write(f"{commands}\necho; echo '{END}'\n")
        self._process.stdin.flush()
        printed = iter(self._process.stdout.readline, "")
        return "".join(_until_the_end(printed))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()


def _until_the_end(printed: Iterator[str]) -> Iterator[str]:
    for line in printed:
        if line.strip() == END:
            return
        yield line
    raise AssertionError("the shell ended")


def differs(step: Step, printed: str) -> str | None:
    """What the page shows otherwise than the commands print it; None if it shows the truth."""
    if step.shown is None:
        return None
    if step.kind == "json":
        # Several documents may be printed one after the other; the page shows the last one.
        return _differs(json.loads(step.shown), list(_documents(printed))[-1], "")
    wanted = [line for line in step.shown.splitlines() if line.strip()]
    lines = iter(printed.splitlines())
    for line in wanted:
        pattern = re.escape(line).replace(re.escape(ANYTHING), ".*")
        if not any(re.fullmatch(pattern, one) for one in lines):
            return f"{line!r} is not in {printed!r}"
    return None


def _documents(printed: str) -> Iterator[Any]:
    decoder, at = json.JSONDecoder(), 0
    while at < len(printed.rstrip()):
        value, end = decoder.raw_decode(printed, at)
        yield value
        at = end + len(printed[end:]) - len(printed[end:].lstrip())


def _differs(shown: Any, printed: Any, where: str) -> str | None:
    if isinstance(shown, dict) and isinstance(printed, dict):
        if shown.keys() != printed.keys():
            return f"{where}: {sorted(shown.keys() ^ printed.keys())} are in one of them alone"
        pairs = [(value, printed[name], f"{where}.{name}") for name, value in shown.items()]
    elif isinstance(shown, list) and isinstance(printed, list):
        if len(shown) != len(printed):
            return f"{where}: {len(shown)} are shown, {len(printed)} printed"
        pairs = [(*pair, f"{where}.{n}") for n, pair in enumerate(zip(shown, printed, strict=True))]
    elif shown == ANYTHING and isinstance(printed, str):
        return None
    else:
        return None if shown == printed else f"{where}: {shown!r} is shown, {printed!r} printed"
    return next((fault for one in pairs if (fault := _differs(*one))), None)
