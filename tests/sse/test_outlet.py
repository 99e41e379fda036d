"""What is written past gunicorn is what gunicorn would have written, wherever it is done."""

import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.client import HTTPResponse
from pathlib import Path

import pytest

from app.config import PROJECT
from tests.support.processes import ChildProcess, free_port, program
from tests.support.require import require
from tests.support.waiting import wait_for

Start = Callable[..., int]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start the app under gunicorn's gevent worker, with options; its port."""
    servers: list[ChildProcess] = []

    def start(*options: str) -> int:
        port = free_port()
        command = [sys.executable, "-m", "gunicorn", "tests.sse.outlet_app:app", "-k", "gevent"]
        # An empty configuration: this is about gunicorn, not about our settings of it.
        command += ["-c", "python:tests.sse", "-b", f"127.0.0.1:{port}", "--chdir", str(PROJECT)]
        server = ChildProcess([*command, *options], {}, tmp_path / "gunicorn.log").start()
        servers.append(server)
        wait_for(lambda: not server.alive or _listens(port), 30, "gunicorn")
        assert server.alive, server.output()
        return port

    yield start
    for server in servers:
        server.stop()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def answer(sock: socket.socket, version: str) -> tuple[HTTPResponse, bytes]:
    """The answer to one request, as a client of the standard library reads it."""
    sock.sendall(b"GET / HTTP/%s\r\nHost: x\r\nConnection: close\r\n\r\n" % version.encode())
    response = HTTPResponse(sock)
    response.begin()
    return response, response.read()


def test_over_plain_http_1_1_frames_are_written_directly_and_the_body_is_whole(
    start: Start,
) -> None:
    port = start()
    with socket.create_connection(("127.0.0.1", port), 30) as sock:
        response, body = answer(sock, "1.1")
        assert response.chunked
        assert body == b"before direct after"
    # A client of the last century gets a body without chunks: through gunicorn alone.
    with socket.create_connection(("127.0.0.1", port), 30) as sock:
        response, body = answer(sock, "1.0")
        assert not response.chunked
        assert body == b"before none after"


def test_over_tls_nothing_is_written_past_the_encryption(start: Start, tmp_path: Path) -> None:
    require(program("openssl"), "no openssl found; install it: apt-get install openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = "openssl req -x509 -days 2 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    name = "-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*make.split(), *name.split(), *files], check=True, capture_output=True)
    port = start("--certfile", str(certificate), "--keyfile", str(key))
    context = ssl.create_default_context(cafile=str(certificate))
    plain = socket.create_connection(("127.0.0.1", port), 30)
    with context.wrap_socket(plain, server_hostname="127.0.0.1") as sock:
        assert answer(sock, "1.1")[1] == b"before none after"
