"""The audit trail: each act leaves one line that nobody can forge, and no line holds a secret."""

import json
import logging
import secrets
import subprocess
import sys
from typing import Any

import pytest
import redis

from app.audit import LOGGER, audit
from app.config import PROJECT
from tests.conftest import StartWeb, TokenFor
from tests.support.consuming import event
from tests.support.processes import WebServer, run_flask

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

# Ends a line for one reader or another; the last two move a terminal's cursor, or hide text.
BREAKS = "\n \r \x0b \x0c \x1c \x85 \u2028 \u2029 \x1b[2K \u202e"
FORGED = f"x{BREAKS}INFO tidings.audit: action=notifications.pruned operator=ada"


def text_lines(output: str) -> list[str]:
    """What the audit's lines of the text format say."""
    marker = f" INFO {LOGGER}: "
    return [line.partition(marker)[2] for line in output.splitlines() if marker in line]


def json_lines(output: str) -> list[dict[str, Any]]:
    """The `audit` object of each line of the JSON format that has one."""
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return [line["audit"] for line in lines if line["logger"] == LOGGER]


def post(web: WebServer, token: str, body: object, query: str = "") -> int:
    """POST /events; the status."""
    with web.http(token, timeout=30) as client:
        return client.post(f"/api/v1/events{query}", json=body).status_code


@on_sqlite
class TestProducedOverHttp:
    """`POST /events`, in a real gunicorn."""

    def test_one_line_says_who_and_how_many(self, web: WebServer, token_for: TokenFor) -> None:
        token = token_for("shop:backend", "events:write")
        assert post(web, token, [event(), event(), event()]) == 202
        [line] = text_lines(web.output())
        assert line.startswith("action=events.posted user=shop:backend count=3 first=")

    def test_and_in_the_json_format_as_fields(
        self, start_web: StartWeb, token_for: TokenFor, redis_client: redis.Redis
    ) -> None:
        web = start_web(LOG_FORMAT="json")
        assert post(web, token_for("backend", "events:write"), event()) == 202
        entry = only_id(redis_client, "events")
        [said] = json_lines(web.output())
        assert said == {
            "action": "events.posted",
            "user": "backend",
            "count": 1,
            "first": entry,
            "last": entry,
        }

    def test_what_writes_nothing_leaves_no_line(self, web: WebServer, token_for: TokenFor) -> None:
        token = token_for("backend", "events:write")
        assert post(web, token, event(), "?dry_run=true") == 200
        assert post(web, token, {"id": FORGED}) == 422
        assert post(web, token_for("grace"), event()) == 403
        assert text_lines(web.output()) == []

    def test_what_may_have_been_written_does(
        self, start_web: StartWeb, token_for: TokenFor, redis_client: redis.Redis
    ) -> None:
        web = start_web(RATE_LIMIT_FACTOR="0")
        redis_client.client_pause(60_000, all=False)
        try:
            assert post(web, token_for("backend", "events:write"), event()) == 503
        finally:
            redis_client.client_unpause()
        [line] = text_lines(web.output())
        assert line == "action=events.posted user=backend count=1 outcome=unknown"


@on_sqlite
class TestCommands:
    """What an operator does, as root's shell history does not tell."""

    def test_each_command_that_changes_something_leaves_its_lines(
        self, environment: dict[str, str], redis_client: redis.Redis
    ) -> None:
        def act(*arguments: str) -> list[str]:
            return text_lines(done(environment, *arguments).stderr)

        [emitted] = act("emit", "no.such.type", "--to", "grace", "--id", "e1")
        assert emitted.startswith("action=events.emitted operator=")
        assert " type=no.such.type id=e1 entry=" in emitted
        assert act("consumer", "run", "--burst") == []
        letter = only_id(redis_client, "events:dead")
        [retried] = act("dead-letters", "retry", "--all")
        assert retried.startswith("action=dead_letters.retried operator=")
        assert f" letter={letter} entry=" in retried
        assert act("consumer", "run", "--burst") == []
        letter = only_id(redis_client, "events:dead")
        [dropped] = act("dead-letters", "drop", letter)
        assert dropped.startswith("action=dead_letters.dropped operator=")
        assert dropped.endswith(f" letter={letter}")
        assert act("dead-letters", "list") == []

    def test_pruning_says_from_before_when_and_how_many(self, environment: dict[str, str]) -> None:
        done(environment, "emit", "notification.requested", "--to", "grace", "--to", "ada")
        done(environment, "consumer", "run", "--burst")
        machine = environment | {"LOG_FORMAT": "json"}
        [said] = json_lines(done(machine, "prune", "--older-than", "0").stderr)
        assert (said["action"], said["count"]) == ("notifications.pruned", 2)
        assert {"operator", "before"} <= set(said)


def done(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command that must succeed."""
    result = run_flask(environment, *arguments)
    assert result.returncode == 0, result.stderr
    return result


def only_id(client: redis.Redis, stream: str) -> str:
    """The id of the one entry of a stream."""
    entries: Any = client.xrange(stream)
    [(entry_id, _fields)] = entries
    return str(entry_id.decode())


class TestSecrets:
    """Logs are read by more people than the secrets are for."""

    @on_sqlite
    @pytest.mark.parametrize("log_format", ["text", "json"])
    def test_a_session_of_requests_leaves_no_token_in_any_line(
        self,
        start_web: StartWeb,
        token_for: TokenFor,
        environment: dict[str, str],
        log_format: str,
    ) -> None:
        web = start_web(LOG_FORMAT=log_format)
        good = token_for("grace", "events:write", "admin")
        canary = secrets.token_urlsafe(24)
        expired = token_for("grace", ttl_seconds=-5)
        tickets = []
        for token in (good, expired, canary, good[:-6] + canary, ""):
            with web.http(token) as client:
                answer = client.post("/api/v1/stream-tickets")
                tickets += [answer.json()["ticket"]] if answer.status_code == 200 else []
                client.get("/api/v1/notifications")
                client.post("/api/v1/events", json=event())
                client.post("/api/v1/events", content=b"\xff" + canary.encode())
                client.get(f"/api/v1/notifications/{canary}")
                client.get(f"/api/v1/notifications/subscribe?ticket={canary}&token={token}")
            with web.http(cookies={"access_token_cookie": token or "x"}) as client:
                client.put("/api/v1/mailbox/seen", json={"up_to": 1})
        [ticket] = tickets
        web.stream(query=f"?ticket={ticket}").close()
        assert web.terminate() == 0
        output = web.output()
        assert "events.posted" in output
        _header, claims, signature = good.split(".")
        # Also a token that was cut is one too many.
        for secret in (good, claims[:40], signature, expired, canary, ticket):
            assert secret not in output
        assert environment["JWT_SECRET_KEY"] not in output

    @pytest.mark.parametrize(
        "name", ["token", "access_token", "jwt_secret_key", "ticket", "password", "cookie"]
    )
    def test_a_field_that_would_hold_one_is_refused(self, name: str) -> None:
        with pytest.raises(ValueError, match=name):
            audit("session.started", user="ada", **{name: "x"})


def test_a_token_may_be_named_by_its_id_and_what_is_unknown_is_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, LOGGER):
        audit("session.revoked", user="ada", token_id="1b-2c", reason=None, note='says "no"')
    assert caplog.messages == [r'action=session.revoked user=ada token_id=1b-2c note="says \"no\""']


def test_a_long_value_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, LOGGER):
        audit("x", note="y" * 100_000)
    assert len(caplog.messages[0]) < 250


# Writes one line as every process does, and another that follows it.
WRITE = """
import sys
from app.audit import audit
from app.ops import logs

logs.configure(sys.argv[1])
audit("x", title=sys.argv[2])
audit("y")
"""


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_no_value_can_forge_a_line(log_format: str) -> None:
    stderr = subprocess.run(
        [sys.executable, "-c", WRITE, log_format, FORGED],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    first, second = stderr.split("\n")[:-1]
    assert first.isascii()
    assert first.isprintable()
    assert second.isprintable()
    if log_format == "json":
        assert [said.get("title") for said in json_lines(stderr)] == [FORGED, None]
    else:
        assert text_lines(stderr)[0].startswith('action=x title="x')
