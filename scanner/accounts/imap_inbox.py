"""The mailbox of a round trip by IMAP: searched on the server, so that its size does not matter."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from scanner.accounts.attempt import AccountFailure
from scanner.accounts.bounce import LONGEST_REPORT, read_bounce
from scanner.accounts.imap_answers import (
    quote,
    quote_as_is,
    read_fetched,
    read_uid_next,
    read_uid_validity,
    read_uids,
)
from scanner.accounts.imap_talk import ImapTalk, OpenImap
from scanner.accounts.inbox import MOST_LOOKED_AT, Arrival, is_left_behind
from scanner.accounts.reasons import Stage, read_refusal
from scanner.accounts.tag import HEADER, Tag, Tagger
from scanner.config.account_settings import RoundTripSettings
from scanner.model.account import AccountReason

LOOK_BACK = timedelta(days=14)
"""How far back it is searched for what broken checks left behind."""
LONGEST_WAIT = 20.0
"""How long IDLE lasts at most: some servers forget to tell, and the junk folder is not told of at all."""
BREATH = 0.1
"""Between news and a look, lest a busy mailbox or an odd server keep us searching."""
_GMAIL = "X-GM-EXT-1"
"""Gmail's own extensions: a server that has them may archive what is expunged, as its user has set it."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(slots=True)
class _Folder:
    """A folder that is looked into."""

    name: str
    """As people write it."""
    wire_name: str
    is_junk: bool
    uid_next: int = 1
    """What comes in from now on has this UID or a greater one (RFC 9051 section 2.3.1.1)."""
    validity: int | None = None
    """Under which UIDVALIDITY that holds; None where the server does not tell."""
    seen: set[int] = field(default_factory=set)
    """Messages that were looked at, and are not the one."""

    def recount(self, validity: int | None) -> None:
        """Take every message for new where the UIDs count anew: the folder was made again."""
        if validity != self.validity:
            self.validity, self.uid_next = validity, 1
            self.seen.clear()


class ImapInbox:
    """Looks into the mailbox and its junk folder for messages that bear a tag of ours.

    Args:
        settings: which folders, and how to wait. Without `junk` it is what the server marks so.
    """

    def __init__(
        self,
        open_imap: OpenImap,
        tagger: Tagger,
        account: str,
        settings: RoundTripSettings,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._open = open_imap
        self._tagger = tagger
        self._account = account
        self._folders = [_Folder(settings.mailbox, quote(settings.mailbox), is_junk=False)]
        self._junk = settings.junk
        self._trash: _Folder | None = None
        """Where messages have to be moved to be deleted for good, as on Gmail."""
        self._wants_idle = settings.wait == "idle"
        self._gap = settings.poll_interval
        self._sleep = sleep
        self._stack = AsyncExitStack()
        self._talk: ImapTalk | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the conversation, which is told what went wrong: its deadline may be what ended it."""
        self._talk = None
        await self._stack.__aexit__(kind, error, trace)

    async def prepare(self, now: datetime) -> None:
        """Sign in, remember what is new from here on, and remove what broken checks left behind."""
        self._talk = await self._stack.enter_async_context(self._open())
        await self._add_junk()
        await self._find_trash()
        if self._trash is not None:
            await self._held.select(self._trash.wire_name)
            await self._sweep(self._trash, now)
        for folder in reversed(self._folders):  # the mailbox last, which stays selected
            lines = await self._held.select(folder.wire_name)
            folder.uid_next, folder.validity = read_uid_next(lines), read_uid_validity(lines)
            await self._sweep(folder, now)

    async def find(self, tag: Tag) -> Arrival:
        """Wait for news of the server, or look now and then."""
        while True:
            for folder in (*self._folders[1:], self._folders[0]):
                folder.recount(read_uid_validity(await self._held.select(folder.wire_name)))
                if (number := await self._look(folder, tag)) is not None:
                    return Arrival(number, folder.name, folder.is_junk)
            await self._wait()

    async def find_full_quota(self) -> str | None:
        """Ask in a conversation of its own: the one before was broken off in the middle of its waiting."""
        async with self._open() as talk:
            return await talk.find_full_quota(self._folders[0].wire_name)

    async def fetch(self, tag: Tag, arrival: Arrival) -> None:
        """Read the message without marking it as read."""
        message = read_fetched(await self._held.fetch(arrival.number, _part("")), arrival.number)
        if message is None:
            raise await self._find_loss(arrival)
        if self._tagger.read(message) != tag:
            raise AccountFailure(AccountReason.PROTOCOL_ERROR, "the message is not the one that was found")

    async def delete(self, tag: Tag, arrival: Arrival) -> None:
        """Delete the message and no other; see `_remove`."""
        folder = next(each for each in self._folders if each.name == arrival.folder)
        if not await self._remove(folder, arrival.number, tag):
            if not await self._header(arrival.number):
                raise await self._find_loss(arrival)
            raise AccountFailure(AccountReason.DELETE_FAILED, "the message is not the one that was found")

    async def _find_loss(self, arrival: Arrival) -> AccountFailure:
        """Return what became of a message that was found and is not there: its folder may be gone with it.

        Raises:
            AccountFailure: so it is.
        """
        folder = next(each for each in self._folders if each.name == arrival.folder)
        await self._held.select(folder.wire_name)
        why = f"it was in {arrival.folder}, and somebody else removed or moved it before it was read"
        return AccountFailure(AccountReason.MESSAGE_GONE, why)

    @property
    def _held(self) -> ImapTalk:
        if self._talk is None:
            raise RuntimeError("the mailbox is not open")
        return self._talk

    async def _wait(self) -> None:
        """Wait for news; where the server does not tell any, for a while."""
        if self._wants_idle and self._held.has("IDLE"):
            self._wants_idle = await self._held.idle(LONGEST_WAIT)
            await self._sleep(BREATH)
        else:
            await self._sleep(self._gap)
            await self._held.noop()

    async def _add_junk(self) -> None:
        if self._junk is not None:
            self._folders.append(_Folder(self._junk, quote(self._junk), is_junk=True))
        elif (found := await self._held.find_junk()) is not None:
            self._folders.append(_Folder(found, quote_as_is(found), is_junk=True))

    async def _find_trash(self) -> None:
        """Find the trash of a server that may archive what is expunged, but for what lies there."""
        if self._held.has(_GMAIL) and self._held.has("MOVE"):
            found = await self._held.find_trash()
            self._trash = None if found is None else _Folder(found, quote_as_is(found), is_junk=False)

    async def _sweep(self, folder: _Folder, now: datetime) -> None:
        """Remove messages of ours that no check waits for any more."""
        since = now - LOOK_BACK
        day = f"{since.day}-{_MONTHS[since.month - 1]}-{since.year}"
        found = read_uids(await self._held.search(f'UNDELETED SINCE {day} HEADER {HEADER} "{self._account}"'))
        for uid in found[:MOST_LOOKED_AT]:
            tag = self._tagger.read(await self._header(uid))
            if tag is not None and is_left_behind(tag, self._account, now):
                await self._remove(folder, uid, tag)

    async def _look(self, folder: _Folder, tag: Tag) -> int | None:
        """Return the UID of the message; raise `AccountFailure` where it came back instead."""
        wanted = f'OR HEADER {HEADER} "{tag.run}" HEADER Content-Type "delivery-status"'
        found = read_uids(await self._held.search(f"UID {folder.uid_next}:* {wanted}"))
        for uid in self._not_seen(folder, found):
            message = read_fetched(await self._held.fetch(uid, _part("", LONGEST_REPORT)), uid) or b""
            if self._tagger.read(message) == tag:
                return uid
            said = read_bounce(message, tag.message_id)
            if said is not None:
                raise AccountFailure(read_refusal(said, Stage.MESSAGE), f"the message came back: {said}")
            folder.seen.add(uid)
        return None

    def _not_seen(self, folder: _Folder, found: tuple[int, ...]) -> Iterator[int]:
        # "4:*" means the last message too where none is that new (RFC 3501 section 6.4.8).
        new = [uid for uid in found if uid >= folder.uid_next and uid not in folder.seen]
        yield from new[:MOST_LOOKED_AT]

    async def _header(self, uid: int) -> bytes:
        fetched = await self._held.fetch(uid, _part(f"HEADER.FIELDS ({HEADER})"))
        return read_fetched(fetched, uid) or b""

    async def _remove(self, folder: _Folder, uid: int, tag: Tag) -> bool:
        """Delete one message after another look at its tag; False where it does not bear it.

        Where the server cannot expunge one message alone (RFC 4315) it stays, marked as deleted: a plain
        EXPUNGE would take along what others have marked.
        """
        if self._tagger.read(await self._header(uid)) != tag:
            return False
        if self._trash is None or folder is self._trash:
            await self._expunge(uid)
            return True
        await self._held.move(uid, self._trash.wire_name)
        await self._held.select(self._trash.wire_name)
        for moved in read_uids(await self._held.search(f'HEADER {HEADER} "{tag.run}"'))[:MOST_LOOKED_AT]:
            if self._tagger.read(await self._header(moved)) == tag:
                await self._expunge(moved)
        await self._held.select(folder.wire_name)
        return True

    async def _expunge(self, uid: int) -> None:
        await self._held.mark_deleted(uid)
        if self._held.has("UIDPLUS"):
            await self._held.expunge(uid)


def _part(section: str, octets: int | None = None) -> str:
    return f"(UID BODY.PEEK[{section}]{'' if octets is None else f'<0.{octets}>'})"
