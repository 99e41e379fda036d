"""The check of pins fails on a known vulnerability, and on nothing else."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from app.config import PROJECT
from tests.support.processes import free_port

PINS = "gone==2.0 ; sys_platform == 'linux'\nsafe[extra]==1.0\n    # via\n    #   -r x.in\n"


class Index(ThreadingHTTPServer):
    """A package index that answers as it is told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.known: dict[str, list[dict[str, Any]]] = {}
        self.fields: dict[str, Any] = {"info": {}}
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), Answers)


class Answers(BaseHTTPRequestHandler):
    """/pypi/NAME/VERSION/json"""

    server: Index

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        _, _pypi, name, _version, _json = self.path.split("/")
        told = {"vulnerabilities": self.server.known.get(name, [])} | self.server.fields
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Not to the test's output."""


@pytest.fixture
def index() -> Iterator[Index]:
    """An index on this machine."""
    with Index() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def check(folder: Path, port: int) -> tuple[int, str]:
    """Run the check against the index there; its exit status, and what it says."""
    pins = folder / "requirements.txt"
    pins.write_text(PINS)
    done = subprocess.run(
        [sys.executable, "bin/check_pins.py", folder / "stamp", pins],
        cwd=PROJECT,
        env={**os.environ, "PIP_INDEX_URL": f"http://127.0.0.1:{port}/simple/", "NO_PROXY": "*"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_pins_without_a_known_vulnerability_pass_and_are_not_asked_for_again(
    index: Index, tmp_path: Path
) -> None:
    assert check(tmp_path, index.server_port) == (0, "pins: 2, no known vulnerability\n")
    assert sorted(index.asked) == ["/pypi/gone/2.0/json", "/pypi/safe/1.0/json"]
    status, said = check(tmp_path, index.server_port)
    assert (status, "last day" in said, len(index.asked)) == (0, True, 2)


def test_a_known_vulnerability_fails_each_time(index: Index, tmp_path: Path) -> None:
    index.known["safe"] = [
        {"id": "PYSEC-1", "aliases": ["CVE-1"], "fixed_in": ["1.1"], "withdrawn": None}
    ]
    index.known["gone"] = [{"id": "PYSEC-2", "withdrawn": "2026-01-01T00:00:00Z"}]
    for _ in range(2):
        expected = "safe 1.0: PYSEC-1 = CVE-1; fixed in: 1.1\n"
        assert check(tmp_path, index.server_port) == (1, expected)


def test_an_index_that_does_not_answer_or_does_not_tell_is_a_reason_to_skip(
    index: Index, tmp_path: Path
) -> None:
    status, said = check(tmp_path, free_port())
    assert (status, "not checked" in said, "ConnectError" in said) == (0, True, True)
    index.fields["vulnerabilities"] = None
    status, said = check(tmp_path, index.server_port)
    assert (status, "does not tell" in said) == (0, True)
    assert not (tmp_path / "stamp").exists()
