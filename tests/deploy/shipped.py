"""nginx with the configuration that Tidings ships, in front of a web server."""

import os
import ssl
import subprocess
from pathlib import Path

import httpx

from app.config import PROJECT
from tests.support.processes import STREAM_PATH, ChildProcess, WebServer, free_port, program
from tests.support.require import require
from tests.support.sse import SseStream
from tests.support.waiting import wait_for

CONFIGURATION = PROJECT / "deploy" / "nginx.conf"

# nginx makes these folders where it was built for; a test may not be allowed to.
TEMPORARY = "".join(
    f"\n    {kind}_temp_path {{folder}}/{kind};"
    for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
)


class ShippedNginx(ChildProcess):
    """deploy/nginx.conf with the places changed that belong to a machine, and nothing else.

    Skips the test where nginx or openssl is not installed.
    """

    def __init__(self, folder: Path, target: int | Path) -> None:
        """In front of what listens on a port of this machine, or on a Unix socket."""
        binary = program("nginx", "/usr/sbin/nginx")
        require(binary, "no nginx found; install it: apt-get install nginx-light")
        require(program("openssl"), "no openssl found; install it: apt-get install openssl")
        folder.mkdir()
        self.folder = folder
        self.port, self.plain_port = free_port(), free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.certificate = _make_certificate(folder)
        self.tls = ssl.create_default_context(cafile=str(self.certificate))
        configuration = folder / "nginx.conf"
        configuration.write_text(self._in_this_place(CONFIGURATION.read_text(), target))
        command = [str(binary), "-c", str(configuration), "-g", "daemon off;"]
        super().__init__(command, {}, folder / "nginx.log")

    def _in_this_place(self, text: str, target: int | Path) -> str:
        folder = str(self.folder)
        by_port, by_socket = "server 127.0.0.1:8000;", "server unix:/run/tidings/web.sock;"
        upstream = (
            {by_port: f"server 127.0.0.1:{target};"}
            if isinstance(target, int)
            else {by_port: "", f"# {by_socket}": f"server unix:{target};"}
        )
        for shipped, here in {
            "user www-data;": "user root;" if os.getuid() == 0 else "",
            "/run/nginx.pid": f"{folder}/nginx.pid",
            "/var/log/nginx/": f"{folder}/",
            "/etc/ssl/tidings/": f"{folder}/",
            "http {": "http {" + TEMPORARY.format(folder=folder),
            "listen 80;": f"listen 127.0.0.1:{self.plain_port};",
            "listen 443 ": f"listen 127.0.0.1:{self.port} ",
            **upstream,
        }.items():
            assert shipped in text, f"{shipped} is not in {CONFIGURATION}"
            text = text.replace(shipped, here)
        return text

    def start(self) -> "ShippedNginx":
        """Start it and wait until it listens."""
        super().start()
        wait_for(lambda: (self.folder / "nginx.pid").exists() or not self.alive, 30, "nginx")
        assert self.alive, self.output() + self.logs()
        return self

    def logs(self) -> str:
        """All that its two logs hold."""
        names = ("access.log", "error.log")
        return "".join((self.folder / name).read_text(errors="replace") for name in names)

    def empty_logs(self) -> None:
        """Forget what they hold."""
        for name in ("access.log", "error.log"):
            (self.folder / name).write_text("")

    def http(self, token: str | None = None, address: str | None = None) -> httpx.Client:
        """A client over TLS; `address` is where it calls from."""
        return httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            transport=httpx.HTTPTransport(verify=self.tls, local_address=address),
            timeout=30,
        )

    def stream(self, query: str = "", **headers: str) -> SseStream:
        """Open a stream; close it, or use it with `with`. `_` in a header's name is a hyphen."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return SseStream(f"{self.url}{STREAM_PATH}{query}", named, 30, tls=self.tls)


def in_front_of(web: WebServer, folder: Path) -> ShippedNginx:
    """The shipped nginx for a web server, to be started."""
    return ShippedNginx(folder / "nginx", web.unix_socket or web.port)


def _make_certificate(folder: Path) -> Path:
    """A certificate that this machine vouches for itself, as file names of the configuration."""
    certificate = folder / "fullchain.pem"
    subject = "-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1"
    key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    command = f"openssl req -x509 -days 2 {key} {subject}".split()
    files = ["-keyout", str(folder / "privkey.pem"), "-out", str(certificate)]
    subprocess.run([*command, *files], check=True, capture_output=True)
    return certificate
