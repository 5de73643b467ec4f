"""The accounts of a running service: what checks them, what is kept of it, and what a reload changes."""

import asyncio
from collections.abc import Callable, Mapping

import structlog

from scanner.accounts.check import Checker
from scanner.accounts.round_trip_check import check_round_trip
from scanner.accounts.tag import Tagger
from scanner.config import Settings
from scanner.config.account_secrets import find_secret_warnings
from scanner.config.account_settings import Account
from scanner.config.secret_marks import SecretMarks
from scanner.model.account import AccountCheck, Activity
from scanner.model.account_standing import AccountStanding
from scanner.service.account_checks import build_checker
from scanner.service.account_rounds import AccountRounds, Machine, Marks, make_mark_reader
from scanner.service.account_tags import open_marks, open_tagger
from scanner.service.archive import Archive
from scanner.service.watch import Watch

log = structlog.get_logger(__name__)


SETTLE_SECONDS = 5.0
"""How long a check waits for the store to know of it; a database that is down must not end the checks."""


class AccountDesk:
    """Checks the accounts of the settings in force with the parts in force."""

    def __init__(self, watch: Watch, archive: Archive | None, environ: Mapping[str, str]) -> None:
        self._watch = watch
        self._archive = archive
        self._environ = environ
        self._checker: Checker | None = None
        self._tagger: Tagger | None = None
        self._building = asyncio.Lock()
        settings = watch.settings
        self._rounds = AccountRounds(
            self._ours(settings),
            self._check,
            vantage=settings.vantage,
            keep=self._keep,
            look=self._look,
            tell=watch.chronicle.tell_one,
            machine=Machine(settle=self._settle, read_mark=make_mark_reader(self._open_marks)),
        )
        watch.exposition.accounts.read_from(self.standings)

    def standings(self) -> tuple[AccountStanding, ...]:
        """Return how each account stands."""
        return self._rounds.standings()

    def adjust(self, settings: Settings) -> None:
        """Go on with other settings; the watch has them already."""
        self._checker = None
        self._rounds.adjust(self._ours(settings), self._check)

    def restore(self, marks: Mapping[str, str]) -> None:
        """Take over what an earlier process kept; before `run`."""
        self._rounds.restore(marks)

    async def run(self) -> None:
        """Check until cancelled."""
        await self._rounds.run()

    def _ours(self, settings: Settings) -> tuple[Account, ...]:
        return tuple(each for each in settings.accounts if self._watch.share.has_account(each.name))

    async def _check(
        self, account: Account, activity: Activity, give_back: Callable[[], None]
    ) -> AccountCheck:
        checker, tagger = await self._build()
        if activity is Activity.ROUNDTRIP:
            return await check_round_trip(checker, account, tagger, give_back)
        return await checker.check(account, activity)

    async def _build(self) -> tuple[Checker, Tagger]:
        """Return what makes checks; built when the first is due, since it reads files."""
        async with self._building:
            if self._checker is None:
                settings, parts = self._watch.parts_in_force
                self._checker = await asyncio.to_thread(build_checker, settings, parts, self._environ)
            if self._tagger is None:
                self._tagger = await asyncio.to_thread(open_tagger, self._watch.settings, self._environ)
            return self._checker, self._tagger

    def _open_marks(self) -> SecretMarks:
        return open_marks(self._watch.settings, self._environ)

    def _keep(self, marks: Marks) -> None:
        if self._archive is not None:
            self._archive.store.put_events((), marks)

    async def _settle(self) -> None:
        if self._archive is not None:
            await self._archive.store.flush(SETTLE_SECONDS)

    async def _look(self, accounts: tuple[Account, ...]) -> None:
        for warning in await asyncio.to_thread(list, find_secret_warnings(accounts, self._environ)):
            log.warning("account_secret", problem=warning)
