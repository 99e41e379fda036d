"""/healthz: the process answers. /readyz: so does all that it needs, or which part does not."""

from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import create_app
from tests.conftest import StartRedis, StartWeb
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
