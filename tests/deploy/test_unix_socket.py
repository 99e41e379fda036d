"""nginx reaches gunicorn by a Unix socket, as deploy/nginx.conf shows it: all is as with a port."""

from pathlib import Path

import redis

from tests.conftest import TokenFor
from tests.deploy.shipped import ShippedNginx
from tests.support.consuming import event, send
from tests.support.processes import ConsumerProcess, WebServer

Deployed = tuple[WebServer, ShippedNginx]
MAILBOX = "/api/v1/mailbox"


def test_frames_come_one_by_one_and_a_stream_goes_on_where_a_deploy_ended_it(
    deployed_by_unix_socket: Deployed, token_for: TokenFor, tmp_path: Path
) -> None:
    web, nginx = deployed_by_unix_socket
    cookie = f"access_token_cookie={token_for('ada')}"
    with (
        ConsumerProcess(web.settings, tmp_path),
        redis.Redis.from_url(web.settings["REDIS_URL"]) as producer,
    ):
        with nginx.stream(Cookie=cookie) as stream:
            assert stream.status == 200
            stream.wait_for_frames(1)
            for number in ("1", "2", "3"):  # each while the stream stays open
                send(producer, event("ada"))
                stream.wait_for_event(lambda frame, n=number: frame.id == n, 30)  # type: ignore[misc]
            assert not stream.ended
            assert web.terminate() == 0
            stream.wait_for_end()
            assert stream.frames[-1].event == "draining"
        with nginx.stream(Cookie=cookie, Last_Event_ID="3") as stream:  # nobody is there
            stream.wait_for_end()
            assert (stream.status, stream.frames) == (200, [])
        send(producer, event("ada"))
        web.start()
        with nginx.stream(Cookie=cookie, Last_Event_ID="3") as stream:
            assert stream.wait_for_event(lambda frame: frame.id == "4", 30).event == "message"


def test_the_address_that_counts_is_the_one_that_nginx_saw(
    deployed_by_unix_socket: Deployed, token_for: TokenFor
) -> None:
    web, nginx = deployed_by_unix_socket
    if not web.alive:  # where the test before failed
        web.start()
    with nginx.http("guess", address="127.0.0.2") as guesser:
        tries = [guesser.get(MAILBOX).status_code for _ in range(4)]
    assert tries == [401, 401, 401, 429]
    with nginx.http("guess", address="127.0.0.3") as other:
        assert other.get(MAILBOX).status_code == 401
    with nginx.http(token_for("ada"), address="127.0.0.2") as other:
        assert other.get(MAILBOX).status_code == 200
