"""A stream's view runs on a stack that is gone when the stream begins; else nothing changes."""

from collections.abc import Callable, Iterable
from typing import Any

import gevent
import pytest
from flask import Flask
from gevent.event import Event
from greenlet import getcurrent, greenlet

from app.sse import own_stack

PATH = "/stream"


def start_response(*_: object) -> Callable[[bytes], object]:
    """A server that does not care."""
    return lambda _: None


class App:
    """What is wrapped: notes where it ran, and does what a test says."""

    def __init__(self, view: Callable[[], Iterable[bytes]]) -> None:
        self.ran_in: list[greenlet] = []
        self.view = view
        self.flask = Flask(__name__)
        self.flask.wsgi_app = self._answer  # type: ignore[method-assign]
        own_stack.init_app(self.flask, PATH)

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        assert environ["PATH_INFO"]
        self.ran_in.append(getcurrent())
        return self.view()

    def call(self, path: str = PATH) -> Iterable[bytes]:
        return self.flask.wsgi_app({"PATH_INFO": path}, start_response)


def test_the_view_runs_on_its_own_stack_and_the_stream_where_it_is_read() -> None:
    read_in = []

    def chunks() -> Iterable[bytes]:
        read_in.append(getcurrent())
        yield b"frame"

    app = App(chunks)
    assert list(app.call()) == [b"frame"]
    assert app.ran_in[0] is not getcurrent()
    assert app.ran_in[0].dead
    assert read_in == [getcurrent()]


def test_any_other_view_runs_where_it_is_called() -> None:
    app = App(list)
    app.call("/stream/")
    assert app.ran_in == [getcurrent()]


def test_what_the_view_raises_is_raised() -> None:
    def fail() -> Iterable[bytes]:
        raise LookupError("a defect")

    with pytest.raises(LookupError, match="a defect"):
        App(fail).call()


def test_a_view_may_wait_while_others_run() -> None:
    answered = Event()

    def wait() -> Iterable[bytes]:
        assert answered.wait(5)
        return [b"frame"]

    calling = gevent.spawn(App(wait).call)
    gevent.sleep(0)
    assert not calling.ready()
    answered.set()
    assert calling.get(timeout=5) == [b"frame"]


def test_a_view_that_waits_is_ended_with_its_connection() -> None:
    ended = []

    def wait_for_ever() -> Iterable[bytes]:
        try:
            Event().wait()
        finally:
            ended.append(True)
        return []

    calling = gevent.spawn(App(wait_for_ever).call)
    gevent.sleep(0)
    calling.kill(timeout=5)
    assert ended == [True]
    assert calling.dead
