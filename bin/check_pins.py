"""Ask the package index that pip uses whether a pinned version has a known vulnerability.

`python bin/check_pins.py STAMP FILE…`; part of `make check`. Ends with 1 if one has. Where the
index does not answer, or does not tell, it says why the check is skipped, and ends with 0: who is
offline can work. What was found to be fine is noted in STAMP, and not asked again for a day.
"""

import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import httpx

TIMEOUT_SECONDS = 5.0
AT_ONCE = 8
FINE_FOR_SECONDS = 24 * 3600

PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;]+)", re.MULTILINE)

# Vulnerabilities that do not concern us, by their ids, each with the reason and until when.
ACCEPTED: dict[str, str] = {}


class Pin(NamedTuple):
    """A package at the version that is installed."""

    name: str
    version: str


class Skipped(Exception):
    """The check could not be done; why."""


def pins_of(files: Iterable[Path]) -> list[Pin]:
    """All pins, each once."""
    return sorted({Pin(*found) for file in files for found in PIN.findall(file.read_text())})


def index() -> str:
    """Where pip gets packages from, without `/simple`. Raises Skipped."""
    said = (
        os.environ.get("PIP_INDEX_URL")
        or subprocess.run(
            [sys.executable, "-m", "pip", "config", "get", "global.index-url"],
            capture_output=True,
            text=True,
            check=False,
        ).stdout.strip()
    )
    if not said:
        try:
            from pip._internal.models.index import PyPI
        except ImportError:
            raise Skipped("pip, which knows the index, is not installed") from None
        said = PyPI.simple_url
    return said.rstrip("/").removesuffix("/simple")


def vulnerabilities(client: httpx.Client, pin: Pin) -> list[str]:
    """What is known of a pin, a line each. Raises Skipped."""
    try:
        answer = client.get(f"/pypi/{pin.name}/{pin.version}/json")
        if answer.status_code != httpx.codes.OK:
            raise Skipped(f"the index answers {answer.status_code} for {pin.name}")
        return list(_lines(pin, answer.json()["vulnerabilities"]))
    except httpx.HTTPError as error:
        raise Skipped(f"the index does not answer ({type(error).__name__})") from None
    except (ValueError, KeyError, TypeError):
        raise Skipped("the index does not tell of vulnerabilities") from None


def _lines(pin: Pin, known: list[dict[str, Any]]) -> Iterator[str]:
    for each in known:
        ids = [each["id"], *each.get("aliases", [])]
        if not each.get("withdrawn") and not ACCEPTED.keys() & set(ids):
            fixed = ", ".join(each.get("fixed_in") or []) or "none yet"
            yield f"{pin.name} {pin.version}: {' = '.join(ids)}; fixed in: {fixed}"


def check(pins: list[Pin]) -> list[str]:
    """All that is known of any pin. Raises Skipped unless all of them could be asked for."""
    certificates = os.environ.get("PIP_CERT") or True
    with (
        httpx.Client(base_url=index(), timeout=TIMEOUT_SECONDS, verify=certificates) as client,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        found = vulnerabilities(client, pins[0])  # alone: an index that is away is asked once
        for lines in pool.map(lambda pin: vulnerabilities(client, pin), pins[1:]):
            found += lines
    return found


def main(stamp: Path, files: list[Path]) -> int:
    """The exit status."""
    pins = pins_of(files)
    digest = hashlib.sha256(repr(pins).encode()).hexdigest()
    if _is_fine(stamp, digest):
        print(f"pins: {len(pins)}, found to have no known vulnerability within the last day")
        return 0
    try:
        found = check(pins)
    except Skipped as reason:
        print(f"pins: not checked for known vulnerabilities: {reason}")
        return 0
    print("\n".join(found) or f"pins: {len(pins)}, no known vulnerability")
    if not found:
        stamp.write_text(digest)
    return 1 if found else 0


def _is_fine(stamp: Path, digest: str) -> bool:
    try:
        fresh = time.time() - stamp.stat().st_mtime < FINE_FOR_SECONDS
        return fresh and stamp.read_text() == digest
    except OSError:
        return False


if __name__ == "__main__":
    stamp, *files = map(Path, sys.argv[1:])
    sys.exit(main(stamp, files))
