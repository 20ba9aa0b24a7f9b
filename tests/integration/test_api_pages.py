from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from api_world import ApiWorld, running_api

from api.texts import LANGUAGES, preferred_language, texts_in
from domain.alerts import AlertKind
from domain.milestones import Stage


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[ApiWorld]:
    async with running_api(database_url) as world:
        yield world


async def test_the_pages_come_without_inline_code_or_foreign_addresses(world: ApiWorld) -> None:
    for path in ("/", "/track/some-token"):
        page = await world.client.get(path)
        assert page.status_code == 200
        assert "script-src 'self'" in page.headers["content-security-policy"]
        assert page.headers["referrer-policy"] == "no-referrer"
        assert not re.search(r"<script(?![^>]* src=)|<style| style=| on\w+=|https?://", page.text)
        for address in re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text):
            assert (await world.client.get(address)).status_code == 200


async def test_a_page_speaks_the_readers_language_unless_told_otherwise(world: ApiWorld) -> None:
    chinese = await world.client.get("/", headers={"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"})
    english = await world.client.get(
        "/", headers={"Accept-Language": "zh-CN", "X": ""}, params={"lang": "en"}
    )
    assert '<html lang="zh-CN">' in chinese.text
    assert "调度总览" in chinese.text
    assert '<html lang="en">' in english.text
    assert "Dispatch overview" in english.text


@pytest.mark.parametrize(
    ("asked", "accepted", "language"),
    [
        (None, None, "zh-CN"),
        (None, "en-GB,en;q=0.9,zh;q=0.1", "en"),
        (None, "en;q=0.2, zh-TW;q=0.7", "zh-CN"),
        (None, "fr, en;q=0", "zh-CN"),
        (None, "en;q=much", "zh-CN"),
        ("en", "zh-CN", "en"),
        ("xx", "en", "en"),
    ],
)
def test_the_language_is_the_best_there_is(asked: str | None, accepted: str | None, language: str) -> None:
    assert preferred_language(asked, accepted) == language


def test_every_language_says_everything_there_is_to_say() -> None:
    first, *others = (set(texts_in(language)) for language in LANGUAGES)
    assert all(other == first for other in others)
    assert {f"stage.{stage.value}" for stage in Stage} <= first
    assert {f"alert.{kind.value}" for kind in AlertKind} <= first
