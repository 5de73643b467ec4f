"""The accounts over HTTP: the list, one of them, and the page that says what to do."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from scanner.model.account import AccountCheck, AccountPhase, AccountReason, Activity
from scanner.model.account_standing import AccountStanding
from tests.web.samples import NOW
from tests.web.service import FakeService

HOSTILE = "<script>alert(1)</script> \x1b[31m"
WORKS = AccountCheck(
    "sales",
    Activity.IMAP,
    success=True,
    started_at=NOW - timedelta(minutes=3),
    duration=0.4,
    host="imap.example.org",
    port=993,
    phases={AccountPhase.AUTH: 0.25},
)
REFUSED = replace(
    WORKS,
    activity=Activity.SMTP,
    success=False,
    reason=AccountReason.AUTH_FAILED,
    detail=HOSTILE,
    advice="Sign in by hand.",
    next_attempt=NOW + timedelta(hours=1),
)
JUNK = replace(
    WORKS, account="shop", activity=Activity.ROUNDTRIP, is_junk=True, mailbox="Spam", advice="Look at SPF."
)


def standing(check: AccountCheck, failures: int = 0) -> AccountStanding:
    earlier = (check, replace(check, success=True, reason=None), replace(check, success=False))
    return AccountStanding(
        check.account, check.activity, check, failures, NOW + timedelta(minutes=12), None, earlier
    )


STANDINGS = (
    standing(REFUSED, 3),
    standing(WORKS),
    standing(JUNK),
    AccountStanding("apple", Activity.POP3, due_at=NOW),
)


@pytest.fixture
def service() -> FakeService:
    return FakeService(standings=STANDINGS)


async def get(site: aiohttp.ClientSession, path: str) -> tuple[int, Any]:
    async with site.get(path) as answer:
        return answer.status, json.loads(await answer.text())


async def page(site: aiohttp.ClientSession, path: str) -> str:
    async with site.get(path) as answer:
        assert answer.status == 200
        return await answer.text()


async def test_accounts_are_listed_by_name_with_their_last_checks(site: aiohttp.ClientSession) -> None:
    status, found = await get(site, "/api/v1/accounts")
    assert (status, found["total"], found["next"]) == (200, 3, None)
    assert [each["account"] for each in found["accounts"]] == ["apple", "sales", "shop"]
    smtp, imap = found["accounts"][1]["checks"]
    assert (smtp["success"], smtp["failures"], smtp["last"]["reason"]) == (False, 3, "auth_failed")
    assert imap["last"]["phases"] == {"auth": 0.25}
    assert "recent" not in imap
    assert found["accounts"][0]["checks"][0]["last"] is None


async def test_accounts_come_in_pages(site: aiohttp.ClientSession) -> None:
    _, first = await get(site, "/api/v1/accounts?limit=2")
    assert (first["total"], first["next"]) == (3, "sales")
    _, rest = await get(site, "/api/v1/accounts?limit=2&after=sales")
    assert [each["account"] for each in rest["accounts"]] == ["shop"]
    assert rest["next"] is None
    status, problem = await get(site, "/api/v1/accounts?limit=0")
    assert (status, problem["status"]) == (422, 422)


async def test_an_account_has_its_recent_checks(site: aiohttp.ClientSession) -> None:
    status, found = await get(site, "/api/v1/accounts/sales")
    assert status == 200
    assert [each["success"] for each in found["checks"][0]["recent"]] == [False, True, False]
    status, problem = await get(site, "/api/v1/accounts/nobody")
    assert (status, problem["title"]) == (404, "Not Found")


async def test_the_page_says_what_fails_and_what_to_do(site: aiohttp.ClientSession) -> None:
    text = await page(site, "/accounts")
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))
    assert "1 check of accounts fails" in words
    assert "Sign-in to send (SMTP) fails" in words
    assert "3 times in a row" in words
    assert "What to do Sign in by hand." in words
    assert "arrives as junk" in words
    assert "It came into Spam" in words
    assert "not checked yet" in words
    assert "auth 250 ms" in words
    assert "<script>alert" not in text
    assert "&lt;script&gt;" in text


async def test_the_status_page_tells_of_accounts_only_where_there_are_some(
    site: aiohttp.ClientSession, service: FakeService
) -> None:
    text = await page(site, "/")
    assert 'href="/accounts"' in text
    assert "1 of 4 checks of accounts fails" in re.sub(r"\s+", " ", text)
    service.standings = STANDINGS[1:2]
    assert "no check of an account fails" in await page(site, "/")
    service.standings = ()
    assert "/accounts" not in await page(site, "/")
    assert "No account is checked" in await page(site, "/accounts")
