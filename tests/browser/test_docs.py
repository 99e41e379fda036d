"""docs/browser.md: every snippet is taken out of the document and run."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from app.config import PROJECT
from tests.browser.inbox_page import tell
from tests.browser.tab import STRICT, Site, Tab
from tests.conftest import TokenFor
from tests.support.processes import (
    STREAM_PATH,
    ChildProcess,
    free_port,
    program,
)
from tests.support.require import require
from tests.support.sse import SseStream
from tests.support.waiting import wait_for

DOCUMENT = (PROJECT / "docs" / "browser.md").read_text()
SNIPPET = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

NGINX = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream tidings {{ server 127.0.0.1:{target}; }}
    server {{
        listen 127.0.0.1:{port};
        {snippet}
    }}
}}
"""

# Enough of React for the snippet's hooks, so that the tests need no package from npm. It shows that
# the snippet imports what there is, shows what comes and lets go; not that React itself runs it.
# Each effect is begun, ended and begun again, as React's strict mode does.
STAND_IN = """
let slots = [], at = 0, redraw = () => {};
export function useState(initial) {
    const slot = (slots[at++] ??= { value: initial });
    return [slot.value, (value) => { slot.value = value; redraw(); }];
}
export function useEffect(effect, needs) {
    const slot = (slots[at++] ??= {});
    if (slot.needs?.every((need, index) => need === needs[index])) return;
    slot.end?.();
    slot.needs = needs;
    effect()();
    slot.end = effect();
}
export function h(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
}
export function mount(component, properties) {
    redraw = () => { at = 0; document.body.replaceChildren(component(properties)); };
    redraw();
    return () => slots.forEach((slot) => slot.end?.());
}
"""
REACT_PAGE = """<!doctype html><title>A product's page</title>
<script type="importmap">{"imports": {"react": "/react.js"}}</script>"""


def snippets(language: str) -> list[str]:
    """Those of the document, in order."""
    return [text for name, text in SNIPPET.findall(DOCUMENT) if name == language]


def test_no_snippet_is_left_out() -> None:
    names = [name for name, _ in SNIPPET.findall(DOCUMENT)]
    assert names == ["js", "js", "js", "jsx", "html", "nginx"]


def page_of(site: Site, markup: str, scripts: dict[str, str], strict: bool = True) -> Page:
    """A page of the product's, as strict as a page can be."""

    def answer(route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        if name in scripts:
            route.fulfill(body=scripts[name], content_type="text/javascript")
        else:
            headers = STRICT if strict else {}
            route.fulfill(body=markup, content_type="text/html; charset=utf-8", headers=headers)

    page = site.context.new_page()
    for name in ("product", *scripts):
        page.route(f"**/{name}", answer)
    return page


def logged(page: Page) -> list[str]:
    """What the page will have written to its console."""
    lines: list[str] = []
    page.on("console", lambda message: lines.append(message.text))
    return lines


def hears(page: Page, lines: list[str], *expected: str) -> None:
    """Wait until all that is in the console."""

    def complete() -> bool:
        page.evaluate("0")  # any call: what the browser tells is heard during one
        return all(line in lines for line in expected)

    wait_for(complete, 30, f"{expected} in {lines}")


@pytest.mark.parametrize("which", ["EventSource", "Tidings"])
def test_a_script_is_told_of_what_comes(shared: Site, user: str, which: str) -> None:
    (script,) = (text for text in snippets("js") if f"new {which}(" in text)
    kind = "module" if "import " in script else "text/javascript"
    markup = f'<!doctype html><title>x</title><script type="{kind}" src="/snippet.js"></script>'
    shared.sign_in(user)
    page = page_of(shared, markup, {"snippet.js": script})
    tab, lines = Tab(page), logged(page)
    page.goto(f"{shared.web.url}/product")
    wait_for(lambda: tab.leads, 20, "a stream")
    tell(shared, user, "Ada assigned you a story")
    if which == "EventSource":
        hears(page, lines, "Ada assigned you a story 1")
    else:
        hears(page, lines, "Ada assigned you a story", "1 1")
    assert shared.complaints == []


def test_the_element_is_there_and_shows_what_comes(shared: Site, user: str) -> None:
    (html,) = snippets("html")
    shared.sign_in(user)
    page = page_of(shared, f"<!doctype html><title>x</title>{html}", {})
    tab, lines = Tab(page), logged(page)
    page.goto(f"{shared.web.url}/product")
    wait_for(lambda: tab.leads, 20, "a stream")
    tell(shared, user, "Ada assigned you a story")
    page.get_by_role("button", name="Notifications, 1 new").click()
    expect(page.get_by_role("dialog").get_by_text("Ada assigned you a story")).to_be_visible()
    assert (shared.complaints, [line for line in lines if "Content" in line]) == ([], [])


def test_a_session_begins_and_ends(shared: Site, token_for: TokenFor, user: str) -> None:
    (script,) = (text for text in snippets("js") if "logOut" in text)
    page = page_of(shared, "<!doctype html><title>x</title>", {}, strict=False)
    page.goto(f"{shared.web.url}/product")
    statuses = page.evaluate(
        f"""async (token) => {{
            const mailbox = async () => (await fetch("/api/v1/mailbox")).status;
            const before = await mailbox();
            {script}
            return [before, await mailbox(), (await logOut()).status, await mailbox()];
        }}""",
        token_for(user),
    )
    assert statuses == [401, 200, 204, 401]


def without_jsx(source: str) -> str:
    """The snippet's one element as the call that a build step makes of it."""

    def call(found: re.Match[str]) -> str:
        tag, name, value, content = found.groups()
        texts = re.split(r"\{(.*?)\}", content)
        children = [
            expression if index % 2 else json.dumps(expression)
            for index, expression in enumerate(texts)
        ]
        return f"h({json.dumps(tag)}, {{{json.dumps(name)}: {value}}}, {', '.join(children)})"

    plain, count = re.subn(r"<(\w+) ([\w-]+)=\{(`[^`]*`)\}>(.*)</\1>", call, source)
    assert count == 1
    return f'import {{ h }} from "react";\n{plain}'


def test_a_component_shows_the_count_and_lets_go(
    shared: Site, token_for: TokenFor, user: str
) -> None:
    (source,) = snippets("jsx")
    assert len(source.splitlines()) <= 13  # ten lines, and the imports
    component = without_jsx(source).replace("https://tidings.example.com", shared.web.url)
    scripts = {"react.js": STAND_IN, "bell.js": component}
    page = page_of(shared, REACT_PAGE, scripts, strict=False)
    tab = Tab(page)
    page.goto(f"{shared.web.url}/product")
    page.evaluate(
        """async (token) => {
            const [{ mount }, { Bell }] = await Promise.all([import("react"), import("/bell.js")]);
            window.unmount = mount(Bell, { token });
        }""",
        token_for(user),
    )
    wait_for(lambda: tab.leads, 20, "a stream")
    tell(shared, user, "One", "Two")
    bell = page.get_by_role("button", name="Notifications, 2 new")
    expect(bell).to_have_text("🔔 2")
    page.evaluate("unmount()")
    wait_for(lambda: not tab.leads, 20, "no stream")
    assert shared.complaints == []


def test_a_stream_passes_through_nginx(
    shared: Site, token_for: TokenFor, user: str, tmp_path: Path
) -> None:
    binary = program("nginx", "/usr/sbin/nginx")
    require(binary, "no nginx found; install it: apt-get install nginx-light")
    (snippet,) = snippets("nginx")
    port = free_port()
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(
        NGINX.format(folder=tmp_path, port=port, target=shared.web.port, snippet=snippet)
    )
    command = [str(binary), "-c", str(configuration)]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "warn" not in checked.stderr
    with ChildProcess(command, {}, tmp_path / "nginx.log") as nginx:
        # The check has left an empty one.
        pid = tmp_path / "nginx.pid"
        wait_for(lambda: pid.read_text() or not nginx.alive, 20, "nginx")
        headers = {"Authorization": f"Bearer {token_for(user)}"}
        with SseStream(f"http://127.0.0.1:{port}{STREAM_PATH}", headers) as stream:
            # A frame is passed on when it comes: nothing waits until a buffer is full.
            stream.wait_for_event(lambda frame: frame.event == "connected", 20)
            tell(shared, user, "One")
            told = stream.wait_for_event(lambda frame: frame.event == "message", 20)
            assert told.json()["title"] == "One"
            stream.wait_for_event(lambda frame: frame.event == "ping", 20)
