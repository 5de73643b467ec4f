"""All checks of all accounts once: in turns, beside those that only wait, and ended when that is wanted."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from scanner.accounts.check import Checker
from scanner.config.account_settings import Account
from scanner.discovery import Catalogue
from scanner.model.account import AccountCheck, Activity
from scanner.service.account_checks import check_once, in_turns
from scanner.service.turn import Turn
from tests.accounts.account_world import make_account, make_checker


@dataclass(frozen=True, slots=True)
class Stubborn(Checker):
    """Swallows cancellations, as what waits by `asyncio.wait_for` may."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    swallowed: list[int] = field(default_factory=list)

    async def check(self, account: Account, activity: Activity) -> AccountCheck:
        self.begun.set()
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                self.swallowed.append(1)
                if len(self.swallowed) == 3:
                    raise


async def test_a_sign_in_that_swallows_its_cancellation_ends_all_the_same(tmp_path: Path) -> None:
    usual = make_checker(None, {})
    checker = Stubborn(usual.way, usual.find, Catalogue(), {})
    account = make_account(tmp_path, imap="mail.test:993")
    running = asyncio.create_task(check_once((account,), checker, lambda _: None))
    await checker.begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(running, 60)
    assert len(checker.swallowed) == 3


async def test_the_next_account_begins_when_one_only_waits(tmp_path: Path) -> None:
    accounts = []
    for number in range(20):  # more than may be signed in at once, all at one server
        (tmp_path / str(number)).mkdir()
        accounts.append(make_account(tmp_path / str(number), name=f"a{number}", imap="mail.test:993"))
    waiting, order, all_wait = [], [], asyncio.Event()

    async def check_one(account: Account, turn: Turn) -> None:
        order.append(account.name)
        turn.give_back()
        waiting.append(account.name)
        if len(waiting) == len(accounts):
            all_wait.set()
        await all_wait.wait()

    await asyncio.wait_for(in_turns(accounts, check_one), 60)
    assert order == [account.name for account in accounts]


async def test_without_that_they_come_one_after_the_other(tmp_path: Path) -> None:
    account = make_account(tmp_path, imap="mail.test:993")
    under_way: list[str] = []

    async def check_one(account: Account, turn: Turn) -> None:
        assert not under_way
        under_way.append(account.name)
        await asyncio.sleep(0)
        under_way.remove(account.name)

    await in_turns([account] * 3, check_one)
