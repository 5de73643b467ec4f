"""The checks of one account: one after the other, each when it is due, for as long as the service runs."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from scanner.accounts.diary import Page, due_at, last_begun, write_begin, write_down
from scanner.accounts.insist import insist
from scanner.config.account_settings import Account
from scanner.model.account import AccountCheck, Activity
from scanner.model.account_standing import AccountStanding
from scanner.service.turn import Turn

LONGEST_SLEEP = 30.0
"""How soon a secret that was written anew is noticed (seconds)."""
MakeCheck = Callable[[Account, Activity, Callable[[], None]], Coroutine[Any, Any, AccountCheck]]
"""Makes a check; it calls the function as soon as it only waits, which lets the next one go on."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What all accounts share."""

    check: MakeCheck
    turn: Callable[[Account], AbstractAsyncContextManager[Turn]]
    """Entered for a check: so that accounts of one server take turns."""
    on_change: Callable[[Page], None]
    """Is told what came of a check."""
    on_news: Callable[[AccountStanding, AccountCheck], None]
    """Is told how it stood and what came of a check, before `on_change`."""
    settle: Callable[[], Awaitable[None]]
    """Waits until what was kept is safe from a restart, or for a moment where that cannot be done."""
    read_mark: Callable[[Account], Awaitable[str]]
    """Returns what tells an account's secret from the one before it."""
    now: Callable[[], datetime]
    draw: Callable[[], float]
    """Returns a random number from 0 to 1."""


class AccountTurns:
    """Checks one account; there are never two checks of it at once."""

    def __init__(self, account: Account, pages: dict[Activity, Page], around: Circumstances) -> None:
        self.account = account
        self.pages = pages
        self._around = around
        self._mark = ""

    def standings(self) -> tuple[AccountStanding, ...]:
        """Return how everything that is checked stands, with the time of its next check."""
        return tuple(
            replace(page.standing, due_at=self._due_at(activity)) for activity, page in self.pages.items()
        )

    async def run(self) -> None:
        """Check until cancelled."""
        while True:
            self._mark = await self._around.read_mark(self.account)
            # Where several are due, as after a refusal, the one that was tried longest ago is first.
            due, _, activity = min(
                (self._due_at(each), last_begun(self.pages[each]), each) for each in self.pages
            )
            wait = (due - self._around.now()).total_seconds()
            if wait > 0:
                await asyncio.sleep(min(wait, LONGEST_SLEEP))
                continue
            await self._check(activity)

    def _due_at(self, activity: Activity) -> datetime:
        return due_at(self.pages, self.account, activity, self._mark)

    async def _check(self, activity: Activity) -> None:
        mark = self._mark
        async with self._around.turn(self.account) as turn:
            # Kept before anything is sent: a restart must not make it sooner than its interval.
            page = write_begin(self.pages, self.account, activity, self._around.now())
            self.pages = {**self.pages, activity: page}
            self._around.on_change(page)
            await self._around.settle()
            check = await insist(self._around.check(self.account, activity, turn.give_back))
        former = self.pages[activity].standing
        self.pages = write_down(self.pages, self.account, check, mark, self._around.draw())
        self._around.on_news(former, check)
        self._around.on_change(self.pages[activity])
