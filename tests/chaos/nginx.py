"""nginx before the web server, configured as little as possible."""

import os
from pathlib import Path

from tests.support.processes import ChildProcess, WebServer, free_port, program
from tests.support.require import require
from tests.support.waiting import wait_for

CONFIGURATION = """\
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://{target};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }}
    }}
}}
"""


class Nginx(ChildProcess):
    """Listens on `port`. Skips the test where nginx is not installed."""

    def __init__(self, folder: Path, web: WebServer) -> None:
        """Before `web`, by its Unix socket if it has one."""
        binary = program("nginx", "/usr/sbin/nginx")
        require(binary, "no nginx found; install it: apt-get install nginx-light")
        folder.mkdir()
        self.port = free_port()
        configuration = folder / "nginx.conf"
        # By itself it would make its workers nobody's, who can't enter the socket's folder.
        user = "user root;" if os.getuid() == 0 else ""
        by_port = f"127.0.0.1:{web.port}"
        target = f"unix:{web.unix_socket}:" if web.unix_socket else by_port
        configuration.write_text(
            CONFIGURATION.format(user=user, folder=folder, port=self.port, target=target)
        )
        self._pid_file = folder / "nginx.pid"
        super().__init__([str(binary), "-c", str(configuration)], {}, folder / "nginx.log")

    def start(self) -> "Nginx":
        """Start it and wait until it listens."""
        super().start()
        wait_for(lambda: self._pid_file.exists() or not self.alive, 10, "nginx")
        assert self.alive, self.output()
        return self
