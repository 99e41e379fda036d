"""/healthz: the process answers. /readyz: so does all that it needs, or which part does not."""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from flask import Flask

from app import create_app
from app.ops.embedded import EmbeddedRedis
from tests.conftest import StartRedis, StartWeb, TokenFor
from tests.sse.hanging import database_hanging
from tests.support.processes import WebServer, free_port
from tests.support.waiting import wait_for


def checks(web: WebServer) -> dict[str, Any]:
    """What /readyz says of each part."""
    with web.http() as http:
        answer = http.get("/readyz")
    body = answer.json()
    ready = all(state == "ok" for state in body["checks"].values())
    assert answer.status_code == (200 if ready else 503)
    assert body["status"] == ("ok" if ready else "unavailable")
    found: dict[str, Any] = body["checks"]
    return found


ALL_WELL = {"database": "ok", "redis": "ok", "listener": "ok"}


def test_with_everything_there_the_service_is_ready(web: WebServer) -> None:
    assert checks(web) == ALL_WELL
    with web.http() as http:
        assert http.get("/healthz").json() == {"status": "ok"}
        assert http.head("/readyz").status_code == 200


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_readiness_goes_with_redis_and_comes_back_with_it(
    start_redis: StartRedis, start_web: StartWeb
) -> None:
    redis = start_redis()
    web = start_web(REDIS_URL=f"redis://127.0.0.1:{redis.port}/0")

    redis.stop()
    wait_for(lambda: checks(web)["listener"] != "ok", what="the listener's notice")
    away = checks(web)
    assert away["database"] == "ok"
    assert away["redis"].startswith("Redis does not answer")
    with web.http() as http:
        assert http.get("/healthz").status_code == 200

    redis.start()
    wait_for(lambda: checks(web) == ALL_WELL, 30, "a ready service")


@contextmanager
def hanging(redis: EmbeddedRedis) -> Iterator[None]:
    """Redis takes connections and answers nobody."""
    assert redis.process is not None
    redis.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        redis.process.send_signal(signal.SIGCONT)


@contextmanager
def aside(web: WebServer, token: str) -> Iterator[Callable[[str, str], Future[httpx.Response]]]:
    """Sends requests while the test goes on; ends when they are answered."""
    with web.http(token, timeout=60) as http, ThreadPoolExecutor() as executor:
        yield lambda method, path: executor.submit(http.request, method, path)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_redis_that_hangs_is_said_at_once_and_of_both_that_need_it(
    start_redis: StartRedis, start_web: StartWeb, token_for: TokenFor
) -> None:
    redis = start_redis()
    web = start_web(REDIS_URL=f"redis://127.0.0.1:{redis.port}/0")
    with aside(web, token_for("ada")) as request, hanging(redis):
        ticket = request("POST", "/api/v1/stream-tickets")
        found = checks(web)
        # It is not as patient as those that have work to do.
        assert not ticket.done()
        assert found["database"] == "ok"
        assert found["redis"].startswith("Redis does not answer")
        assert found["listener"].startswith("listening, but nothing has come for ")
    wait_for(lambda: checks(web) == ALL_WELL, 30, "a ready service")


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_database_that_hangs_holds_up_no_answer_and_costs_nothing_later(
    database_url: str, start_web: StartWeb, token_for: TokenFor
) -> None:
    web = start_web()
    with database_hanging(database_url):
        found = [checks(web)]  # through the connection that it had
        with ThreadPoolExecutor(25) as executor:  # through new ones, and more than it may have
            found += executor.map(lambda _: checks(web), range(25))
    for one in found:
        assert one["database"] == "The database did not answer within 2 s."
        assert (one["redis"], one["listener"]) == ("ok", "ok")
    wait_for(lambda: checks(web) == ALL_WELL, 30, "a ready service")
    with web.http(token_for("ada")) as http:
        assert http.get("/api/v1/mailbox").status_code == 200
    assert "Traceback" not in web.output()


@pytest.fixture
def alone(tmp_path: Path) -> Flask:
    """An application whose every server is away."""
    return create_app(
        {
            "INSTANCE_PATH": str(tmp_path),
            "DATABASE_URL": f"postgresql://tidings:s3cret@127.0.0.1:{free_port()}/tidings",
            "REDIS_URL": f"redis://:s3cret@127.0.0.1:{free_port()}/0",
        }
    )


def test_a_process_that_can_do_nothing_is_alive_and_not_ready(alone: Flask) -> None:
    client = alone.test_client()
    assert client.get("/healthz").get_json() == {"status": "ok"}

    answer = client.get("/readyz")
    assert answer.status_code == 503
    found = answer.get_json()["checks"]
    assert set(found) == {"database", "redis", "listener"}
    assert "database" in found["database"]
    assert "Redis" in found["redis"]
    assert "ok" not in found.values()
    assert "s3cret" not in answer.get_data(as_text=True)
