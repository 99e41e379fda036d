"""Every test starts from the same state, and the fixtures run what they say."""

import pytest
import redis
from flask import Flask
from playwright.sync_api import Page
from sqlalchemy import inspect, text

from app.extensions import db
from tests.conftest import StartRedis, StartWeb, TokenFor
from tests.support.processes import WebServer


@pytest.mark.parametrize("run", [1, 2])
def test_a_test_gets_a_migrated_database_without_rows(app: Flask, run: int) -> None:
    with app.app_context():
        tables = inspect(db.engine).get_table_names()
        assert "alembic_version" in tables
        for table in set(tables) - {"alembic_version"}:
            count = db.session.execute(text(f'SELECT count(*) FROM "{table}"'))  # no user input
            assert count.scalar() == 0
        db.session.execute(text("CREATE TABLE left_by_a_test (id INTEGER)"))
        db.session.commit()


@pytest.mark.parametrize("run", [1, 2])
def test_a_test_gets_an_empty_redis(redis_client: redis.Redis, run: int) -> None:
    assert redis_client.dbsize() == 0
    redis_client.set("left", "by a test")


def test_a_test_s_own_redis_is_another_server(
    redis_client: redis.Redis, start_redis: StartRedis
) -> None:
    own = start_redis("--maxmemory", "10mb")
    with redis.Redis(port=own.port, decode_responses=True) as client:
        assert client.config_get("maxmemory") == {"maxmemory": str(10 * 1024 * 1024)}
    assert client.connection_pool is not redis_client.connection_pool


def test_a_signed_token_opens_the_api_and_a_stream(web: WebServer, token_for: TokenFor) -> None:
    with web.http(token_for("grace")) as http:
        assert http.get("/api/v1/mailbox").status_code == 200
    with web.http(token_for("grace", ttl_seconds=-60)) as http:
        assert http.get("/api/v1/mailbox").status_code == 401
    with web.stream(token_for("grace")) as stream:
        assert stream.status == 200
        stream.wait_for_event(lambda frame: frame.event == "connected")
    with web.stream() as stream:
        assert stream.status == 401


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_web_server_comes_back_on_its_port(start_web: StartWeb) -> None:
    web = start_web(workers=2, KEEPALIVE_SECONDS="1")
    assert web.terminate() == 0
    assert not web.is_ready()
    web.start()
    assert web.is_ready()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_browser_shows_a_page_of_the_server(web: WebServer, page: Page) -> None:
    page.goto(f"{web.url}/healthz")
    assert page.locator("body").inner_text() != ""
