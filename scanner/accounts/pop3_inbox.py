"""The mailbox of a round trip by POP3: a look is a conversation, which shows what was there at first."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import datetime
from types import TracebackType
from typing import Self, TypeAlias

from scanner.accounts.attempt import AccountFailure
from scanner.accounts.bounce import LONGEST_REPORT, read_bounce
from scanner.accounts.inbox import MOST_LOOKED_AT, Arrival, is_left_behind
from scanner.accounts.pop3_sign_in import Pop3, Pop3Refusal
from scanner.accounts.reasons import Stage, read_refusal
from scanner.accounts.tag import LONGEST_HEADER, Tag, Tagger
from scanner.model.account import AccountReason

FOLDER = "INBOX"
"""POP3 knows no other."""
_REPORT_LINES = 200
_SLOWER = 1.5
_LONGEST_GAP = 120.0
_PASSING = frozenset({AccountReason.IN_USE, AccountReason.RATE_LIMITED, AccountReason.AUTH_SERVER_TROUBLE})
"""What a look in between may meet: another program has the mailbox, or the server wants peace."""

Open: TypeAlias = Callable[[], AbstractAsyncContextManager[Pop3]]
"""Opens a conversation that is signed in; QUIT ends it."""


class Pop3Inbox:
    """Looks at the newest messages; only headers are read, and only a tag of ours makes one ours.

    Args:
        gap: seconds between two looks at first; each sign-in costs the server something, so they grow.
    """

    def __init__(
        self,
        open_pop3: Open,
        tagger: Tagger,
        account: str,
        gap: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._open = open_pop3
        self._tagger = tagger
        self._account = account
        self._gap = gap
        self._sleep = sleep
        self._stack = AsyncExitStack()
        self._pop3: Pop3 | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the conversation that is held, and tell it what went wrong: its deadline may be the cause."""
        self._pop3 = None
        await self._stack.__aexit__(kind, error, trace)

    async def prepare(self, now: datetime) -> None:
        """Remove what broken checks left behind among the newest messages."""
        async with self._open() as pop3:
            for number in await self._newest(pop3):
                tag = self._tagger.read(await self._top(pop3, number))
                if tag is not None and is_left_behind(tag, self._account, now):
                    await pop3.ask(f"DELE {number}")

    async def find(self, tag: Tag) -> Arrival:
        """Sign in again and again until the message is among the newest."""
        gap = self._gap
        while True:
            try:
                arrival = await self._look(tag)
            except AccountFailure as failure:
                if failure.reason not in _PASSING:
                    raise
                arrival = None
            if arrival is not None:
                return arrival
            await self._sleep(gap)
            gap = min(gap * _SLOWER, max(_LONGEST_GAP, self._gap))

    async def find_full_quota(self) -> str | None:
        """Return None: POP3 has no word for it."""
        return None

    async def fetch(self, tag: Tag, arrival: Arrival) -> None:
        """Read the message in the conversation in which it was found."""
        message = await self._read(self._held, f"RETR {arrival.number}")
        if self._tagger.read(message) != tag:
            raise AccountFailure(AccountReason.PROTOCOL_ERROR, "the message is not the one that TOP showed")

    async def delete(self, tag: Tag, arrival: Arrival) -> None:
        """Delete it; POP3 carries that out at QUIT (RFC 1939 section 6), whose answer counts."""
        pop3 = self._held
        if self._tagger.read(await self._top(pop3, arrival.number)) != tag:
            raise AccountFailure(AccountReason.PROTOCOL_ERROR, "the message is not the one that TOP showed")
        try:
            await pop3.ask(f"DELE {arrival.number}")
            await pop3.ask("QUIT")
        except Pop3Refusal as refusal:
            raise AccountFailure(AccountReason.DELETE_FAILED, f"-ERR {refusal}") from None

    @property
    def _held(self) -> Pop3:
        if self._pop3 is None:
            raise RuntimeError("nothing was found yet")
        return self._pop3

    async def _look(self, tag: Tag) -> Arrival | None:
        async with AsyncExitStack() as stack:
            pop3 = await stack.enter_async_context(self._open())
            for number in await self._newest(pop3):
                header = await self._top(pop3, number)
                if self._tagger.read(header) == tag:
                    self._pop3, self._stack = pop3, stack.pop_all()
                    return Arrival(number, FOLDER, is_junk=False)
                if b"report" in header.lower():
                    await self._check_report(pop3, number, tag)
        return None

    async def _check_report(self, pop3: Pop3, number: int, tag: Tag) -> None:
        said = read_bounce(await self._top(pop3, number, _REPORT_LINES), tag.message_id)
        if said is not None:
            raise AccountFailure(read_refusal(said, Stage.MESSAGE), f"the message came back: {said}")

    async def _newest(self, pop3: Pop3) -> range:
        """Return the numbers of the newest messages, the newest first; the list itself is not asked for."""
        words = (await pop3.ask("STAT")).split()
        count = int(words[0]) if words and words[0].isdigit() and len(words[0]) < 10 else 0
        return range(count, max(0, count - MOST_LOOKED_AT), -1)

    async def _top(self, pop3: Pop3, number: int, lines: int = 0) -> bytes:
        return await self._read(pop3, f"TOP {number} {lines}")

    async def _read(self, pop3: Pop3, command: str) -> bytes:
        """Return a message, as far as anybody needs it; nothing where a line is too long to be of ours."""
        return await pop3.message(command, LONGEST_HEADER + LONGEST_REPORT)
