"""Settings: each wrong one is named in one line, nothing unsafe starts, and all are documented."""

import json
import logging
import os
import re
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app import config, create_app
from app.config import PROJECT, Settings
from app.errors import ConfigurationError
from tests.support.processes import child_environ

SECRET = "q8Zr1-Lk3_vYt6WmPd0sXcBnHj5uGfEa"  # 32 bytes
PRODUCTION = {
    "APP_ENV": "production",
    "DATABASE_URL": "postgresql://tidings:s3cret@db.example/tidings",
    "REDIS_URL": "redis://:s3cret@redis.example:6379/0",
    "JWT_SECRET_KEY": SECRET,
}


@pytest.fixture
def here(tmp_path: Path) -> dict[str, str]:
    """The smallest environment, apart from this project's own folder."""
    return {"INSTANCE_PATH": str(tmp_path / "instance")}


def refusal(environ: dict[str, str]) -> str:
    """The line that says what is wrong."""
    with pytest.raises(ConfigurationError) as caught:
        Settings.load(environ)
    line = str(caught.value)
    assert "\n" not in line
    return line


WRONG = [
    ("APP_ENV", "staging"),
    ("APP_ENV", "Production"),
    ("INSTANCE_PATH", "/dev/null/instance"),
    ("INSTANCE_PATH", "/dev/null"),
    ("DATABASE_URL", "mysql://tidings@h/tidings"),
    ("DATABASE_URL", "postgresql"),
    ("DATABASE_URL", "postgresql://h:port/d"),
    ("DATABASE_URL", "postgresql+psycopg2://h/d"),
    ("DATABASE_URL", "sqlite://"),
    ("DATABASE_URL", "sqlite:///:memory:"),
    ("DATABASE_URL", "/var/tidings.db"),
    ("REDIS_URL", "localhost:6379"),
    ("REDIS_URL", "http://h"),
    ("REDIS_URL", "redis://h:port"),
    ("REDIS_URL", "redis://h?db=first"),
    ("DEAD_LETTER_STREAM", "events"),
    ("JWT_SECRET_KEY", "short"),
    ("JWT_SECRET_KEY", SECRET[:31]),
    ("CORS_ORIGINS", "*"),
    ("CORS_ORIGINS", "app.example.com"),
    ("CORS_ORIGINS", "https://*.example.com"),
    ("CORS_ORIGINS", "https://app.example.com/"),
    ("CORS_ORIGINS", "https://App.example.com"),
    ("CORS_ORIGINS", "https://app.example.com,"),
    ("CORS_ORIGINS", "https://app.example.com;https://b.example.com"),
    ("CORS_ORIGINS", "https://app.example.com\nhttps://b.example.com"),
    ("CORS_ORIGINS", "null"),
    ("CORS_ORIGINS", "https://(app|evil).example.com"),
    ("PORT", "0"),
    ("PORT", "65536"),
    ("PORT", "http"),
    ("PORT", "80 81"),
    ("WEB_CONCURRENCY", "0"),
    ("WEB_CONCURRENCY", "2.5"),
    ("MAX_STREAMS", "0"),
    ("MAX_STREAMS", "lots"),
    ("MAX_STREAMS_PER_USER", "-1"),
    ("KEEPALIVE_SECONDS", "0"),
    ("KEEPALIVE_SECONDS", "55"),
    ("KEEPALIVE_SECONDS", "nan"),
    ("STREAM_MAX_SECONDS", "-1"),
    ("STREAM_MAX_SECONDS", "inf"),
    ("SWEEP_SECONDS", "0"),
    ("SWEEP_SECONDS", "inf"),
    ("REPLAY_LIMIT", "0"),
    ("REPLAY_LIMIT", "10001"),
    ("LOG_FORMAT", "xml"),
    ("LOG_FORMAT", "te\nxt"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_setting_is_named_in_one_line(here: dict[str, str], name: str, value: str) -> None:
    named = re.findall(r"\b[A-Z][A-Z_]+\b(?=:? )", refusal(here | {name: value}))
    assert named[0] == name


def test_all_wrong_settings_are_named_at_once(here: dict[str, str]) -> None:
    line = refusal(here | {"PORT": "x", "LOG_FORMAT": "y", "CORS_ORIGINS": "*"})
    assert {"PORT", "LOG_FORMAT", "CORS_ORIGINS"} <= set(re.findall(r"[A-Z_]{4,}", line))
    line = refusal(here | {"APP_ENV": "production"})
    assert {"JWT_SECRET_KEY", "DATABASE_URL", "REDIS_URL"} <= set(re.findall(r"[A-Z_]{4,}", line))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JWT_SECRET_KEY", "hunter2"),
        ("DATABASE_URL", "mysql://tidings:hunter2@h/tidings"),
        ("DATABASE_URL", "postgresql://tidings:hunter2@h:port/tidings"),
        ("REDIS_URL", "http://:hunter2@h"),
        ("REDIS_URL", "redis://:hunter2@h:port"),
    ],
)
def test_the_line_never_shows_a_secret(here: dict[str, str], name: str, value: str) -> None:
    assert "hunter2" not in refusal(here | {name: value})


def test_settings_can_be_logged_without_their_secret(here: dict[str, str]) -> None:
    assert SECRET not in repr(Settings.load(here | {"JWT_SECRET_KEY": SECRET}))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"JWT_SECRET_KEY": ""}, "JWT_SECRET_KEY"),
        ({"JWT_SECRET_KEY": SECRET[:31]}, "JWT_SECRET_KEY"),
        ({"JWT_SECRET_KEY": "x" * 64}, "JWT_SECRET_KEY"),
        ({"JWT_SECRET_KEY": "changeme" * 8}, "JWT_SECRET_KEY"),
        ({"JWT_SECRET_KEY": "secret" * 10}, "JWT_SECRET_KEY"),
        ({"DATABASE_URL": ""}, "DATABASE_URL"),
        ({"REDIS_URL": ""}, "REDIS_URL"),
    ],
)
def test_production_refuses_what_is_unsafe_and_says_what_to_set(
    here: dict[str, str], change: dict[str, str], named: str
) -> None:
    assert refusal(here | PRODUCTION | change).startswith(named)
    # and makes no secret by itself, which each machine would have another of.
    assert not Path(here["INSTANCE_PATH"], "jwt-secret").exists()


def test_production_starts_with_what_it_needs(here: dict[str, str]) -> None:
    settings = Settings.load(here | PRODUCTION)
    assert settings.app_env == "production"
    assert settings.jwt_secret_key == SECRET


def test_the_advice_makes_a_secret_that_is_accepted(here: dict[str, str]) -> None:
    advice = re.search(r"'(.+)'", refusal(here | PRODUCTION | {"JWT_SECRET_KEY": ""}))
    assert advice
    made = subprocess.run(
        [sys.executable, "-c", advice[1]], capture_output=True, text=True, check=True
    )
    Settings.load(here | PRODUCTION | {"JWT_SECRET_KEY": made.stdout.strip()})


def test_a_fresh_machine_needs_no_setting(here: dict[str, str]) -> None:
    settings = Settings.load(here)
    instance = here["INSTANCE_PATH"]
    assert settings.app_env == "development"
    assert settings.database_url == f"sqlite:///{instance}/tidings.db"
    assert settings.redis_url.startswith("unix://")
    assert settings.cors_origins == ()


def test_an_empty_value_is_none(here: dict[str, str]) -> None:
    names = [name.upper() for name in Settings.model_fields if name != "instance_path"]
    assert Settings.load(here | dict.fromkeys(names, "")) == Settings.load(here)


def test_numbers_and_lists_are_read(here: dict[str, str]) -> None:
    settings = Settings.load(
        here
        | {
            "PORT": "8080",
            "KEEPALIVE_SECONDS": "2.5",
            "CORS_ORIGINS": "https://app.example.com, http://localhost:3000",
        }
    )
    assert (settings.port, settings.keepalive_seconds) == (8080, 2.5)
    assert settings.cors_origins == ("https://app.example.com", "http://localhost:3000")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_is_known_by_all_its_names(here: dict[str, str], scheme: str) -> None:
    url = "://u:p%40ss@h:5433/d?sslmode=require"
    assert Settings.load(here | {"DATABASE_URL": scheme + url}).database_url == (
        "postgresql+psycopg" + url
    )


class TestTheGeneratedSecret:
    """Development makes a secret once."""

    def test_only_its_owner_can_read_it_and_it_stays(self, here: dict[str, str]) -> None:
        before = os.umask(0)  # the mode must not depend on it
        try:
            first = Settings.load(here)
        finally:
            os.umask(before)
        path = Path(here["INSTANCE_PATH"], "jwt-secret")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.read_text() == first.jwt_secret_key
        assert len(first.jwt_secret_key) >= 32
        assert Settings.load(here).jwt_secret_key == first.jwt_secret_key

    def test_another_installation_has_another_one(self, tmp_path: Path) -> None:
        secrets = {
            Settings.load({"INSTANCE_PATH": str(tmp_path / name)}).jwt_secret_key for name in "ab"
        }
        assert len(secrets) == 2

    def test_one_that_was_cut_short_is_not_used(self, here: dict[str, str]) -> None:
        path = Path(here["INSTANCE_PATH"], "jwt-secret")
        path.parent.mkdir()
        path.touch(0o600)  # a start was interrupted here
        assert len(Settings.load(here).jwt_secret_key) >= 32
        path.write_text("short")
        assert refusal(here).startswith("JWT_SECRET_KEY")

    def test_those_who_start_together_agree_on_it(self, tmp_path: Path) -> None:
        with ThreadPoolExecutor(8) as pool:
            for round in range(25):
                here = {"INSTANCE_PATH": str(tmp_path / str(round))}
                found = pool.map(Settings.load, [here] * 8)
                assert len({settings.jwt_secret_key for settings in found}) == 1

    def test_one_that_is_set_is_not_written_down(self, here: dict[str, str]) -> None:
        Settings.load(here | {"JWT_SECRET_KEY": SECRET})
        assert list(Path(here["INSTANCE_PATH"]).iterdir()) == []


class TestDotEnv:
    """`.env` fills in what the environment leaves out, in development only."""

    @pytest.fixture
    def load(self, here: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A project with an `.env`, and nothing else in the environment."""
        monkeypatch.setattr(config, "PROJECT", tmp_path)
        for name in Settings.model_fields:
            monkeypatch.delenv(name.upper(), raising=False)
        for name, value in here.items():
            monkeypatch.setenv(name, value)
        path = tmp_path / ".env"
        path.write_text("PORT=8111\nREPLAY_LIMIT=7\n# LOG_FORMAT=json\n")
        return path

    @pytest.mark.usefixtures("load")
    def test_it_is_read_in_development(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("REPLAY_LIMIT", "9")
        settings = Settings.load()
        assert (settings.port, settings.replay_limit, settings.log_format) == (8111, 9, "text")

    @pytest.mark.usefixtures("load")
    def test_it_is_not_read_in_production(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in PRODUCTION.items():
            monkeypatch.setenv(name, value)
        assert Settings.load().port == 8000

    @pytest.mark.usefixtures("load")
    def test_it_is_not_read_when_the_environment_is_given(self, here: dict[str, str]) -> None:
        assert Settings.load(here).port == 8000

    def test_what_it_says_is_checked_too(self, load: Path) -> None:
        load.write_text("PORT=none\n")
        with pytest.raises(ConfigurationError, match=r"^PORT: "):
            Settings.load()


def boot(here: dict[str, str], *command: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Start something of Tidings' with these settings alone."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=PROJECT,
        env=child_environ(here | settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "command",
    [("-c", "import wsgi"), ("-m", "flask", "token", "grace"), ("-m", "flask", "db", "upgrade")],
    ids=["web", "a command", "the release"],
)
def test_a_wrong_setting_ends_any_start_with_one_line(
    here: dict[str, str], command: tuple[str, ...]
) -> None:
    done = boot(here, *command, KEEPALIVE_SECONDS="soon")
    assert done.returncode == 3  # gunicorn stops the whole server at this one
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith("tidings: KEEPALIVE_SECONDS: ")


def test_gunicorn_itself_stops_at_a_wrong_setting(here: dict[str, str]) -> None:
    # These it needs before it loads the application.
    for name, value in (("PORT", "65536"), ("WEB_CONCURRENCY", "0"), ("MAX_STREAMS", "x")):
        done = boot(here, "-m", "gunicorn", "wsgi:app", **{name: value})
        assert done.returncode != 0
        [line] = done.stderr.splitlines()
        assert line.startswith(f"tidings: {name}: ")


def test_log_lines_can_be_json(here: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    create_app(here | {"LOG_FORMAT": "json"})
    try:
        raise RuntimeError("two\nlines")
    except RuntimeError:
        logging.getLogger("app.somewhere").exception("it's “%s”", "odd\n")
    create_app(here)
    logging.getLogger("app.somewhere").info("plain")

    told, plain = capsys.readouterr().err.splitlines()
    line = json.loads(told)
    assert line["level"] == "error"
    assert line["logger"] == "app.somewhere"
    assert line["message"] == "it's “odd\n”"
    assert "RuntimeError: two\nlines" in line["traceback"]
    assert line["time"].endswith("+00:00")
    assert plain.endswith("INFO app.somewhere: plain")


# A row of docs/settings.md: name, default, unit, reason.
ROW = re.compile(r"\| `([A-Z_]+)` \| (.+?) \| (.+?) \| (.+?) \|")


def documented() -> dict[str, tuple[str, str, str]]:
    """What docs/settings.md says of each setting."""
    page = (PROJECT / "docs" / "settings.md").read_text()
    rows = [row for row in page.splitlines() if row.startswith("| `")]
    found = [ROW.fullmatch(row) for row in rows]
    assert all(found)
    return {match[1]: (match[2], match[3], match[4]) for match in found if match}


def test_every_setting_is_documented_and_no_other() -> None:
    assert set(documented()) == {name.upper() for name in Settings.model_fields}


def test_the_documented_default_is_the_default() -> None:
    for name, field in Settings.model_fields.items():
        default, _, _ = documented()[name.upper()]
        if isinstance(field.default, int | float) or (
            isinstance(field.default, str) and field.default
        ):
            assert default == f"`{field.default}`", name
        else:
            # Made of other settings, or none.
            assert not re.fullmatch(r"`[^`]*`", default), name


def test_each_setting_has_a_unit_and_a_reason() -> None:
    for name, (_, unit, reason) in documented().items():
        assert len(unit) > 3, name
        assert len(reason) > 30, name
        if name.endswith("_SECONDS"):
            assert "seconds" in unit
