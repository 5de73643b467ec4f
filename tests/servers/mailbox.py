"""A real Postfix and Dovecot with one mailbox as a test sees it: by the file system, behind their backs."""

import itertools
import os
import re
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiosmtplib import SMTP

from scanner.accounts.attempt import Attempt
from scanner.accounts.imap_inbox import ImapInbox
from scanner.accounts.imap_sign_in import open_imap
from scanner.accounts.imap_talk import ImapTalk
from scanner.accounts.pop3_inbox import Pop3Inbox
from scanner.accounts.pop3_sign_in import Pop3, open_pop3
from scanner.accounts.round_trip import Letter, Trip, travel
from scanner.accounts.smtp_sign_in import open_smtp
from scanner.accounts.tag import Tagger
from scanner.accounts.way import Login, Visit, Way, make_contexts
from scanner.config.account_secrets import Secret
from scanner.config.account_settings import RoundTripSettings
from scanner.config.account_values import AccountServer
from scanner.model.account import AccountTls
from tests.servers.certificates import Authority
from tests.servers.dovecot import MAIL_OWNER, Dovecot, run_dovecot
from tests.servers.mail_host import MAIL_PORTS
from tests.servers.postfix import DOMAIN, Postfix, run_postfix
from tests.servers.process import reserved_address

KEY = b"the key of the tests of trips..."
ACCOUNT = "sales"
NAME = "trips.mail.test"
_NUMBERS = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Where it is, and who may read it."""

    name: str
    address: str
    ca_file: Path
    dovecot: Dovecot
    postfix: Postfix

    @property
    def folder(self) -> Path:
        """Its maildir."""
        return self.dovecot.mail_folder / self.dovecot.user

    @property
    def owner(self) -> str:
        """Its mail address."""
        return f"{self.dovecot.user}@{DOMAIN}"

    @property
    def junk_address(self) -> str:
        """Mail to it comes into the folder for junk."""
        return f"{self.dovecot.user}-junk@{DOMAIN}"

    def put(
        self, message: bytes, folder: str = "", *, at: float | None = None, user: str | None = None
    ) -> Path:
        """Lay a message into the maildir, as one that came at a time (seconds since 1970)."""
        place = self.dovecot.mail_folder / (user or self.dovecot.user) / folder
        for part in ("cur", "new", "tmp"):
            (place / part).mkdir(parents=True, exist_ok=True)
        path = place / "new" / f"{int(at or time.time())}.test{next(_NUMBERS)}.host"
        path.write_bytes(message)
        if at is not None:
            os.utime(path, (at, at))
        self._give_away()
        return path

    def fill(self, message: bytes, count: int, *, at: float) -> None:
        """Lay many messages into the maildir that are all the same."""
        first = self.put(message, at=at)
        for number in range(1, count):
            if number % 50_000 == 0:  # a file has so many names at most
                first = self.put(message, at=at)
                continue
            os.link(first, first.with_name(f"{int(at)}.many{number}.host"))

    def texts(self, folder: str = "", user: str | None = None) -> list[bytes]:
        """Return the messages that are there, whatever they are marked as."""
        place = self.dovecot.mail_folder / (user or self.dovecot.user) / folder
        found = (path for part in ("cur", "new") for path in (place / part).glob("*"))
        return sorted(path.read_bytes() for path in found)

    def octets_received(self) -> int:
        """Return how much the last conversation of IMAP or POP3 gave out, by Dovecot's own account."""
        log = self.dovecot.log_file.read_text()
        return int(re.findall(r"(?:\bout=|retr=\d+/|top=\d+/)(\d+)", log)[-1])

    def _give_away(self) -> None:
        for root, folders, files in os.walk(self.dovecot.mail_folder):
            for each in (".", *folders, *files):
                if (Path(root) / each).owner() != MAIL_OWNER:
                    shutil.chown(Path(root) / each, MAIL_OWNER, MAIL_OWNER)

    def visit(self, port: int, tls_mode: AccountTls = AccountTls.IMPLICIT) -> Visit:
        """Return a visit of one of its ports."""
        login = Login(self.dovecot.user, Secret(self.dovecot.password))
        return Visit(AccountServer(self.name, port, tls_mode), login)

    def way(self) -> Way:
        """Return the way to it."""

        async def resolve(host: str) -> tuple[str, ...]:
            assert host == self.name
            return (self.address,)

        return Way(resolve, make_contexts(self.ca_file), "probe.mail.test", allow_private=True)

    def imap(
        self, settings: RoundTripSettings | None = None, lacking: frozenset[str] | set[str] = frozenset()
    ) -> ImapInbox:
        """Return its inbox by IMAP, of a server that cannot do what it is `lacking`."""

        @asynccontextmanager
        async def talk() -> AsyncIterator[ImapTalk]:
            async with open_imap(Attempt(120.0), self.way(), self.visit(993)) as imap:
                imap.protocol.capabilities -= lacking
                yield ImapTalk(imap)

        return ImapInbox(talk, Tagger(KEY), ACCOUNT, settings or RoundTripSettings())

    def pop3(self, gap: float = 0.2) -> Pop3Inbox:
        """Return its inbox by POP3."""

        def talk() -> AbstractAsyncContextManager[Pop3]:
            return open_pop3(Attempt(110.0), self.way(), self.visit(995))

        return Pop3Inbox(talk, Tagger(KEY), ACCOUNT, gap)

    def smtp(self) -> tuple[Attempt, AbstractAsyncContextManager[SMTP]]:
        """Return where mail is sent."""
        attempt = Attempt(60.0)
        return attempt, open_smtp(attempt, self.way(), self.visit(587, AccountTls.STARTTLS))

    async def travel(
        self,
        inbox: ImapInbox | Pop3Inbox,
        *,
        recipient: str | None = None,
        sender: str | None = None,
        timeout: float = 60.0,
        now: datetime | None = None,
    ) -> Trip:
        """Make a round trip, and close the inbox."""
        trip = Trip()
        letter = Letter(ACCOUNT, sender or self.owner, recipient or self.owner, timeout)
        async with inbox:
            await travel(trip, letter, Tagger(KEY), inbox, self.smtp, lambda: now or datetime.now(UTC))
        return trip


@pytest.fixture(scope="session")
def mailbox_host(server_folder: Path, authority: Authority) -> Iterator[Mailbox]:
    """A real Postfix and Dovecot with one mailbox."""
    folder = server_folder / "mailbox-host"
    with reserved_address("127.0.26", MAIL_PORTS) as address:
        leaf = authority.issue(NAME)
        (folder / "dovecot").mkdir(parents=True)
        with (
            run_dovecot(folder / "dovecot", address, leaf) as dovecot,
            run_postfix(folder / "postfix", NAME, address, leaf, dovecot) as postfix,
        ):
            yield Mailbox(NAME, address, authority.ca_file, dovecot, postfix)


@pytest.fixture
def mailbox(mailbox_host: Mailbox) -> Iterator[Mailbox]:
    """The mailbox, empty."""
    yield mailbox_host
    for folder in mailbox_host.dovecot.mail_folder.iterdir():
        shutil.rmtree(folder, ignore_errors=True)
