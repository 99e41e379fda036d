"""The page at /docs, in a real browser."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.openapi.conftest import API
from tests.support.processes import WebServer


def test_the_page_lists_every_operation_and_asks_nobody_else_for_anything(
    page: Page, served: WebServer, screenshot: Callable[[Page, str], Path]
) -> None:
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(str(error)))

    page.goto(f"{served.url}{API}/docs")

    with served.http() as client:
        paths = client.get(f"{API}/openapi.json").json()["paths"]
    expect(page.locator(".opblock")).to_have_count(sum(len(methods) for methods in paths.values()))
    screenshot(page, "docs")
    # data: is in its stylesheet; it leaves the page for nowhere.
    assert [url for url in asked if not url.startswith((served.url, "data:"))] == []
    assert said == []


def test_an_operation_can_be_tried_with_a_token(page: Page, served: WebServer, token: str) -> None:
    page.goto(f"{served.url}{API}/docs#/inbox/get_mailbox")
    page.get_by_role("button", name="Authorize").first.click()
    page.locator("#auth-bearer-value").fill(token)
    page.locator(".modal-ux").get_by_role("button", name="Apply credentials").first.click()
    page.locator(".modal-ux").get_by_role("button", name="Close").first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    answer = page.locator(".live-responses-table .response")
    expect(answer.locator(".response-col_status")).to_contain_text("200")
    expect(answer.locator(".response-col_description")).to_contain_text('"unseen": 0')
