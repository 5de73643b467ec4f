"""Checks the accounts of the settings for as long as the service runs; a reload disturbs none that stays."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog

from scanner.accounts.advice import advise
from scanner.accounts.diary import Page, activities_of, blank_page, page_from_json, page_to_json
from scanner.config.account_settings import Account
from scanner.config.secret_marks import SecretMarks
from scanner.model.account import AccountCheck, AccountReason, Activity
from scanner.model.account_standing import AccountStanding
from scanner.model.event import Event
from scanner.model.target import escape
from scanner.service.account_checks import AT_ONCE, place_of
from scanner.service.account_news import tell_change
from scanner.service.account_turns import AccountTurns, Circumstances, MakeCheck
from scanner.service.past import account_mark
from scanner.service.turn import Turn, take_turn

log = structlog.get_logger(__name__)

FIRST_SECONDS = 5.0
"""Within which the first checks of what was never checked begin."""
Marks = Mapping[str, str | None]
"""Texts to be kept over a restart, by their names; None = not kept any more."""


async def find_nothing(_: tuple[Account, ...]) -> None:
    """Have nothing to tell of accounts."""


async def have_settled() -> None:
    """Have nothing to wait for."""


def make_mark_reader(
    open_marks: Callable[[], SecretMarks] = SecretMarks,
) -> Callable[[Account], Awaitable[str]]:
    """Return what looks at the file of a secret without holding anybody up."""
    opening = asyncio.Lock()
    opened: list[SecretMarks] = []

    async def read(account: Account) -> str:
        async with opening:
            if not opened:
                opened.append(await asyncio.to_thread(open_marks))
        return await asyncio.to_thread(opened[0].read, account)

    return read


def describe_fault(error: Exception) -> str:
    """Return the kind of an error, and of one of the system its words: other texts may hold anything."""
    kind = type(error).__name__
    if not isinstance(error, OSError) or error.strerror is None:
        return kind
    return escape(f"{kind}: {error.strerror}" + (f": {error.filename}" if error.filename else ""))


@dataclass(frozen=True, slots=True)
class Machine:
    """What the machine is asked for."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    draw: Callable[[], float] = random.random
    """Returns a random number from 0 to 1."""
    settle: Callable[[], Awaitable[None]] = have_settled
    """Waits until what was kept is safe; it must not wait for long."""
    read_mark: Callable[[Account], Awaitable[str]] = field(default_factory=make_mark_reader)
    """Returns what tells an account's secret from the one before it."""


class AccountRounds:
    """Keeps one task an account.

    Args:
        keep: is handed what has to outlive the process.
        look: tells what an operator should know of accounts before they sign in.
        tell: is told of every check that begins to fail, fails otherwise, or works again.
    """

    def __init__(
        self,
        accounts: tuple[Account, ...],
        check: MakeCheck,
        *,
        vantage: str = "default",
        keep: Callable[[Marks], None] = lambda _: None,
        look: Callable[[tuple[Account, ...]], Awaitable[None]] = find_nothing,
        tell: Callable[[Event], None] = lambda _: None,
        machine: Machine | None = None,
    ) -> None:
        self._accounts = accounts
        self._check = check
        self._vantage = vantage
        self._keep = keep
        self._look = look
        self._tell = tell
        machine = machine or Machine()
        self._around = Circumstances(
            self._make_check,
            self._turn,
            self._on_change,
            self._on_news,
            machine.settle,
            machine.read_mark,
            machine.now,
            machine.draw,
        )
        self._turns: dict[str, AccountTurns] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._room = asyncio.Semaphore(AT_ONCE)
        self._gates: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._past: Marks = {}
        self._changed = asyncio.Event()

    def restore(self, marks: Mapping[str, str]) -> None:
        """Take over what an earlier process kept; before `run`."""
        self._past = dict(marks)

    def standings(self) -> tuple[AccountStanding, ...]:
        """Return how each account stands, in the order of the settings."""
        turns = (self._turns[account.name] for account in self._accounts if account.name in self._turns)
        return tuple(standing for each in turns for standing in each.standings())

    def adjust(self, accounts: tuple[Account, ...], check: MakeCheck) -> None:
        """Go on with other accounts; what stays the same is not disturbed, nor is a check of it under way."""
        self._accounts, self._check = accounts, check
        self._changed.set()

    async def run(self) -> None:
        """Check all accounts until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    self._changed.clear()
                    await self._look(self._accounts)
                    await self._replace(group)
                    await self._changed.wait()
        finally:
            self._tasks.clear()

    async def _replace(self, group: asyncio.TaskGroup) -> None:
        wanted = {account.name: account for account in self._accounts}
        ended = []
        for name, turns in list(self._turns.items()):
            if wanted.get(name) != turns.account:
                task = self._tasks.pop(name)
                task.cancel()
                ended.append(task)
        # What begins anew must not run beside what it replaces.
        await asyncio.gather(*ended, return_exceptions=True)
        for name in [name for name in self._turns if name not in wanted]:
            self._forget(name)
        for name, account in wanted.items():
            if name not in self._tasks:
                turns = AccountTurns(account, self._pages_of(account), self._around)
                self._turns[name] = turns
                self._tasks[name] = group.create_task(turns.run(), name=f"account {name}")

    def _pages_of(self, account: Account) -> dict[Activity, Page]:
        """Return what is known of an account: from before the reload, from before the restart, or nothing."""
        former = self._turns.get(account.name)
        pages = {}
        for activity in activities_of(account):
            page = None if former is None else former.pages.get(activity)
            if page is None:
                text = self._past.get(self._mark_of(account.name, activity))
                page = None if text is None else page_from_json(text, account, activity)
            if page is None:
                first = self._around.now() + timedelta(seconds=FIRST_SECONDS * self._around.draw())
                page = blank_page(account, activity, first)
            pages[activity] = page
        return pages

    def _forget(self, name: str) -> None:
        turns = self._turns.pop(name)
        self._keep({self._mark_of(name, activity): None for activity in turns.pages})

    def _mark_of(self, name: str, activity: Activity) -> str:
        return account_mark(self._vantage, name, activity.value)

    def _on_change(self, page: Page) -> None:
        standing = page.standing
        self._keep({self._mark_of(standing.account, standing.activity): page_to_json(page)})

    def _on_news(self, former: AccountStanding, check: AccountCheck) -> None:
        event = tell_change(former, check, self._vantage)
        if event is not None:
            self._tell(event)
        elif former.last is None:
            log.info("account_works", account=check.account, check=check.activity.value, host=check.host)

    async def _make_check(
        self, account: Account, activity: Activity, give_back: Callable[[], None]
    ) -> AccountCheck:
        started = self._around.now()
        try:
            return await self._check(account, activity, give_back)
        except Exception as error:  # noqa: BLE001 - one account's fault must not end the service
            fault = describe_fault(error)
            log.error("account_fault", account=account.name, check=activity.value, fault=fault)
            return AccountCheck(
                account.name,
                activity,
                success=False,
                started_at=started,
                duration=(self._around.now() - started).total_seconds(),
                reason=AccountReason.INTERNAL,
                detail=fault,
                advice=advise(AccountReason.INTERNAL),
            )

    @asynccontextmanager
    async def _turn(self, account: Account) -> AsyncIterator[Turn]:
        """Let accounts of one server take turns, and a few servers be asked at once."""
        async with take_turn(self._gates[place_of(account)], self._room) as turn:
            yield turn
