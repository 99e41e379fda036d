"""Paths that are nearly those of something else."""

import pytest

from tests.notifications.world import World

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.mark.parametrize("path", ["page//docs", "page/%2Fdocs", "//page/docs"])
def test_no_slash_too_many_makes_one_follow_another_subject(world: World, path: str) -> None:
    grace = world.caller("grace")
    answer = grace.request("PUT", f"/subjects/{path}/follow", follow_redirects=True)
    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"
    assert not grace.json("/subjects/page/docs")["following"]


@pytest.mark.parametrize("subject_id", ["a/b", "http%3A%2F%2Fexample.com%2Fa", "a//b", "x/follow"])
def test_slashes_within_an_id_are_the_ids(world: World, subject_id: str) -> None:
    grace = world.caller("grace")
    assert grace.request("PUT", f"/subjects/page/{subject_id}/follow").status_code == 200
    assert grace.json(f"/subjects/page/{subject_id}")["following"]
    assert not grace.json("/subjects/page/a")["following"]
