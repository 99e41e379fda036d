"""A revoked token is refused everywhere, from the moment on at which that was answered."""

import logging
import time
from dataclasses import replace

import pytest
import redis
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask

from app import create_app
from app.audit import LOGGER
from app.auth import sessions
from app.auth.identity import END_OF_TIME, Identity
from app.auth.revocation import CONTROL_CHANNEL, Revocation
from app.auth.revocations import forget_expired, is_revoked, revoke, revoked_since
from app.auth.tickets import redeem_ticket
from app.database import reading
from app.errors import DatabaseUnavailable
from app.extensions import Base, db
from tests.auth.conftest import Get, Sign
from tests.conftest import StartWeb, TokenFor
from tests.notifications.world import Caller
from tests.support.outage import database_away
from tests.support.processes import free_port, run_flask
from tests.support.waiting import wait_for

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

NOW = int(time.time())
GRACE = Identity("grace", frozenset(), NOW - 100, NOW + 3600, "token-1")
THIS_TOKEN = Revocation("grace", "token-1", NOW, NOW + 3600)
ALL_TOKENS = Revocation("grace", None, NOW, END_OF_TIME)


@pytest.fixture
def admin(app: Flask, token_for: TokenFor) -> Caller:
    """Who may revoke."""
    return Caller(app, token_for("root", "admin"))


class TestTheTable:
    """What is kept, on both databases."""

    @pytest.fixture(autouse=True)
    def _context(self, app: Flask) -> object:
        with app.app_context():
            yield

    def test_a_revoked_token_is_one_and_no_other_is(self) -> None:
        assert not is_revoked(GRACE)
        revoke(THIS_TOKEN)
        assert is_revoked(GRACE)
        assert not is_revoked(replace(GRACE, token_id="token-2"))
        assert not is_revoked(replace(GRACE, user_id="ada"))
        assert not is_revoked(replace(GRACE, user_id="Grace"))

    def test_all_tokens_of_a_user_are_until_then_and_none_after(self) -> None:
        revoke(ALL_TOKENS)
        for issued_at in (None, 0, NOW - 100, NOW):
            assert is_revoked(replace(GRACE, token_id="any", issued_at=issued_at))
        assert not is_revoked(replace(GRACE, issued_at=NOW + 1))
        assert not is_revoked(replace(GRACE, user_id="ada"))

    def test_one_row_for_each_token_and_one_for_all_of_them(self) -> None:
        for seconds in (5, 0, 9, 3):
            for it in (THIS_TOKEN, ALL_TOKENS):
                revoke(replace(it, revoked_at=NOW + seconds))
        assert sorted(revoked_since(0), key=str) == sorted(
            [replace(THIS_TOKEN, revoked_at=NOW + 9), replace(ALL_TOKENS, revoked_at=NOW + 9)],
            key=str,
        )

    def test_a_look_tells_what_was_revoked_since_and_still_matters(self) -> None:
        old = replace(THIS_TOKEN, token_id="old", revoked_at=NOW - 500)
        over = replace(THIS_TOKEN, token_id="over", expires_at=NOW - 10)
        for it in (old, over, THIS_TOKEN):
            revoke(it)
        assert revoked_since(NOW) == [THIS_TOKEN]
        assert sorted(revoked_since(0), key=str) == sorted([old, THIS_TOKEN], key=str)
        assert revoked_since(NOW + 1) == []

    def test_pruning_forgets_what_can_refuse_nothing_any_more(self) -> None:
        over = replace(THIS_TOKEN, token_id="over", expires_at=NOW - 10)
        for it in (over, THIS_TOKEN, ALL_TOKENS):
            revoke(it)
        assert forget_expired() == 1
        assert forget_expired() == 0
        assert is_revoked(GRACE)
        assert len(revoked_since(0)) == 2

    def test_a_token_is_forgotten_later_than_any_clock_takes_it(self, app: Flask) -> None:
        """It is taken for some seconds longer than it says."""
        expires_at = int(time.time()) - 4
        with app.test_request_context():
            sessions.end(replace(GRACE, expires_at=expires_at))
        assert forget_expired() == 0
        [kept] = revoked_since(0)
        assert kept.expires_at >= expires_at + 30

    def test_every_worker_is_told_after_it_is_stored(
        self, environment: dict[str, str], redis_client: redis.Redis
    ) -> None:
        with redis_client.pubsub() as pubsub:  # type: ignore[no-untyped-call]
            pubsub.subscribe(CONTROL_CHANNEL)
            assert pubsub.get_message(timeout=5)["type"] == "subscribe"
            revoke(ALL_TOKENS)
            said = wait_for(lambda: pubsub.get_message(timeout=1), what="the control channel")
        assert Revocation.decode(said["data"]) == ALL_TOKENS
        with create_app(environment).app_context():
            assert revoked_since(0) == [ALL_TOKENS]

    def test_nobody_is_told_of_what_could_not_be_stored(
        self, database_url: str, redis_client: redis.Redis
    ) -> None:
        """Workers would end streams that come back at once, and nobody would know why."""
        with redis_client.pubsub() as pubsub:  # type: ignore[no-untyped-call]
            pubsub.subscribe(CONTROL_CHANNEL)
            assert pubsub.get_message(timeout=5)["type"] == "subscribe"
            with database_away(database_url), pytest.raises(DatabaseUnavailable):
                revoke(THIS_TOKEN)
            redis_client.publish(CONTROL_CHANNEL, b"the next")
            said = wait_for(lambda: pubsub.get_message(timeout=1), what="the control channel")
        assert said["data"] == b"the next"

    def test_without_redis_it_is_stored_and_that_is_logged(
        self, environment: dict[str, str], caplog: pytest.LogCaptureFixture
    ) -> None:
        away = create_app(environment | {"REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"})
        with away.app_context():
            revoke(THIS_TOKEN)
        assert "workers will find a revocation late" in caplog.text
        assert is_revoked(GRACE)

    @pytest.mark.filterwarnings("ignore:.*expression-based index")
    def test_the_table_is_that_of_the_model(self) -> None:
        with db.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            found = compare_metadata(context, Base.metadata)
        table = [step for step in found if "revocations" in repr(step)]
        assert table == []

    def test_the_migration_can_be_taken_back_and_made_again(
        self, environment: dict[str, str]
    ) -> None:
        for command in (["db", "downgrade", "0003"], ["db", "upgrade"]):
            done = run_flask(environment, *command)
            assert done.returncode == 0, done.stderr
        revoke(THIS_TOKEN)
        assert is_revoked(GRACE)


@pytest.mark.parametrize("jti", ["\0", "\ud800", "é", "x" * 5_000, " ", "'; --", "", ...], ids=repr)
def test_whatever_a_token_is_called_it_can_be_revoked(
    app: Flask, get: Get, sign: Sign, jti: object
) -> None:
    header = {"Authorization": f"Bearer {sign(jti=jti)}"}
    other = f"Bearer {sign(jti=jti, more=1)}"
    assert app.test_client().delete("/api/v1/session", headers=header).status_code == 204
    assert get(header["Authorization"]).status_code == 401
    if jti != "'; --":  # else both have one name, and are one
        assert get(other).status_code == 200


@on_sqlite
class TestRevokingAUser:
    """`POST /users/{id}/revoke`."""

    def test_tokens_of_before_are_refused_and_new_ones_are_good(
        self, admin: Caller, get: Get, sign: Sign
    ) -> None:
        now = int(time.time())
        before, unknown, after = sign(iat=now), sign(), sign(iat=now + 4)
        others = sign(sub="ada", iat=now)
        answer = admin.request("POST", "/users/grace/revoke")
        assert (answer.status_code, answer.get_data()) == (204, b"")
        for token in (before, unknown):
            assert get(f"Bearer {token}").status_code == 401
            assert get(None, cookie=token).status_code == 401
        for token in (after, others):
            assert get(f"Bearer {token}").status_code == 200

    def test_it_needs_the_scope(self, app: Flask, token_for: TokenFor, get: Get) -> None:
        for scopes in ([], ["events:write"], ["administrator"], ["Admin"], ["admin:revoke"]):
            token = token_for("grace", *scopes)
            for user in ("grace", "ada", "no user"):
                answer = Caller(app, token).request("POST", f"/users/{user}/revoke")
                assert answer.status_code == 403
            assert get(f"Bearer {token}").status_code == 200

    @pytest.mark.parametrize("user", ["a@b.example", "tenant:a~b", "g" * 128, ".", "%7E", "-"])
    def test_every_user_id_can_be_revoked(self, app: Flask, admin: Caller, user: str) -> None:
        assert admin.request("POST", f"/users/{user}/revoke").status_code == 204
        with app.app_context():
            [kept] = revoked_since(0)
        assert kept.user_id == user.replace("%7E", "~")

    @pytest.mark.parametrize("user", ["no%20user", "g" * 129, "%00", "%C3%A9", "a%2Fb", "a%0A"])
    def test_what_is_no_user_id_is_not_found(self, admin: Caller, user: str) -> None:
        answer = admin.request("POST", f"/users/{user}/revoke")
        assert answer.status_code == 404
        assert answer.content_type == "application/problem+json"

    def test_one_may_revoke_oneself(self, admin: Caller) -> None:
        assert admin.request("POST", "/users/root/revoke").status_code == 204
        assert admin.get("/mailbox").status_code == 401
        assert admin.request("POST", "/users/root/revoke").status_code == 401

    def test_it_leaves_a_line(self, admin: Caller, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.INFO, logger=LOGGER):
            admin.request("POST", "/users/grace/revoke")
        lines = [record.getMessage() for record in caplog.records if record.name == LOGGER]
        assert lines == ["action=user.revoked user=grace by=root"]

    def test_while_the_database_is_away_the_answer_says_so(
        self, admin: Caller, get: Get, sign: Sign, database_url: str
    ) -> None:
        with database_away(database_url):
            assert admin.request("POST", "/users/grace/revoke").status_code == 503
        assert get(f"Bearer {sign()}").status_code == 200

    def test_pruning_is_what_deletes_what_is_over(
        self, app: Flask, environment: dict[str, str], sign: Sign
    ) -> None:
        with app.app_context():
            revoke(replace(THIS_TOKEN, expires_at=NOW - 10))
            revoke(ALL_TOKENS)
            assert run_flask(environment, "prune").returncode == 0
            with reading() as session:
                table = Base.metadata.tables["revocations"]
                assert len(session.execute(table.select()).all()) == 1


@on_sqlite
def test_a_revoked_token_gets_no_ticket_and_its_ticket_stands_for_what_is_revoked(
    app: Flask, redis_client: redis.Redis, sign: Sign
) -> None:
    caller = Caller(app, sign(iat=NOW))
    ticket = caller.request("POST", "/stream-tickets").get_json()["ticket"]
    assert caller.request("DELETE", "/session").status_code == 204
    assert caller.request("POST", "/stream-tickets").status_code == 401
    redeemed = redeem_ticket(redis_client, ticket)
    with app.app_context():
        assert is_revoked(redeemed)


@on_sqlite
def test_a_request_that_is_refused_waits_once_for_a_database_that_is_away(
    app: Flask, sign: Sign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rate limiter asks who calls before the view does."""
    asked = []

    def away(caller: Identity) -> bool:
        asked.append(caller)
        raise DatabaseUnavailable

    monkeypatch.setattr("app.auth.callers.is_revoked", away)
    assert Caller(app, sign()).request("POST", "/stream-tickets").status_code == 503
    assert len(asked) == 1


# On both databases: tests/sse/test_revocation.py.
@on_sqlite
def test_after_logging_out_no_worker_takes_the_token(
    start_web: StartWeb, token_for: TokenFor
) -> None:
    web = start_web(workers=2, RATE_LIMIT_FACTOR="0")
    token, other = token_for("grace"), token_for("grace")
    with web.http(token, timeout=30) as client:
        assert client.get("/api/v1/mailbox").status_code == 200
        assert client.delete("/api/v1/session").status_code == 204
    # A new connection each: sooner or later each worker takes one.
    for _ in range(40):
        with web.http(token, timeout=30) as client:
            assert client.get("/api/v1/mailbox").status_code == 401
    with web.http(other, timeout=30) as client:
        assert client.get("/api/v1/mailbox").status_code == 200
