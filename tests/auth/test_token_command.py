"""`flask token`."""

import time

import jwt
import pytest
from click.testing import Result
from flask import Flask
from flask.cli import FlaskGroup

from tests.auth.conftest import Get
from tests.support.processes import run_flask

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def run(app: Flask, *arguments: str) -> Result:
    """Run the command as `flask` does."""
    return app.test_cli_runner().invoke(FlaskGroup(), ["token", *arguments])


def claims(app: Flask, token: str) -> dict[str, object]:
    """What the token says, its signature verified."""
    decoded: dict[str, object] = jwt.decode(token, app.config["JWT_SECRET_KEY"], ["HS256"])
    return decoded


def test_it_prints_a_token_that_works_and_nothing_else(
    environment: dict[str, str], get: Get
) -> None:
    done = run_flask(environment, "token", "grace")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    assert get(f"Bearer {done.stdout.strip()}").status_code == 200


def test_it_grants_the_scopes_and_the_time_that_it_is_told(app: Flask) -> None:
    done = run(app, "grace", "--scope", "events:write", "--scope", "admin", "--ttl", "90")
    said = claims(app, done.output.strip())
    assert said["sub"] == "grace"
    assert said["scope"] == "events:write admin"
    assert isinstance(said["exp"], int)
    assert 60 < said["exp"] - time.time() <= 91
    assert said["jti"]


def test_it_grants_no_scope_unasked(app: Flask) -> None:
    said = claims(app, run(app, "grace").output.strip())
    assert said["scope"] == ""
    assert said["exp"]


@pytest.mark.parametrize("user", ["", "a b", "grace\n", "é", "g" * 129, "a/b"])
def test_a_bad_user_id_is_a_usage_error(app: Flask, user: str) -> None:
    done = run(app, user)
    assert done.exit_code == 2
    assert "USER" in done.output
    assert "user id" in done.output


@pytest.mark.parametrize("ttl", ["0", "-5", "soon", "1.5", ""])
def test_a_time_that_is_none_is_a_usage_error(app: Flask, ttl: str) -> None:
    done = run(app, "grace", "--ttl", ttl)
    assert done.exit_code == 2
    assert "--ttl" in done.output
