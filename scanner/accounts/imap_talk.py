"""The commands of IMAP that a round trip needs, on a client that is signed in; what is refused is raised."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

from aioimaplib import aioimaplib

from scanner.accounts.attempt import AccountFailure
from scanner.accounts.imap_answers import Line, read_full_quota
from scanner.accounts.imap_sign_in import Imap
from scanner.model.account import AccountReason

ANSWER_SECONDS = 30.0
"""How long one command may take; a search in a large mailbox reads indexes."""


class ImapTalk:
    """A conversation about one selected folder.

    Raises:
        AccountFailure: by every method, where the server refuses, breaks the rules, or goes away.
    """

    def __init__(self, imap: Imap) -> None:
        self._imap = imap

    def has(self, capability: str) -> bool:
        """Whether the server can do something."""
        return capability in self._imap.protocol.capabilities

    async def find_junk(self) -> str | None:
        """Return the folder that the server marks for junk, as it writes the name, or None."""
        await self._demand(self._command("LIST", '""', "*"))
        return self._imap.protocol.junk

    async def find_trash(self) -> str | None:
        """Return the folder that the server marks for what is deleted, as it writes the name, or None."""
        if self._imap.protocol.trash is None:
            await self._demand(self._command("LIST", '""', "*"))
        return self._imap.protocol.trash

    async def select(self, wire_name: str) -> Sequence[Line]:
        """Open a folder."""
        try:
            lines = await self._demand(self._command("SELECT", wire_name))
        except AccountFailure as failure:
            if failure.detail.upper().startswith("NO "):
                raise AccountFailure(
                    AccountReason.MAILBOX_MISSING, f"{wire_name}: {failure.detail}"
                ) from None
            raise
        self._imap.protocol.state = aioimaplib.SELECTED
        return lines

    async def search(self, criteria: str) -> Sequence[Line]:
        """Return the answer to UID SEARCH (RFC 3501 section 6.4.4)."""
        return await self._demand(self._command("SEARCH", criteria, prefix="UID"))

    async def fetch(self, uid: int, what: str) -> Sequence[Line]:
        """Return the answer to UID FETCH of one message."""
        protocol = self._imap.protocol
        return await self._demand(
            aioimaplib.FetchCommand(protocol.new_tag(), str(uid), what, prefix="UID", loop=protocol.loop)
        )

    async def mark_deleted(self, uid: int) -> None:
        """Mark one message as deleted."""
        await self._delete("STORE", str(uid), r"+FLAGS.SILENT (\Deleted)", untagged="FETCH")

    async def move(self, uid: int, wire_name: str) -> None:
        """Move one message into another folder (RFC 6851), and no other."""
        await self._delete("MOVE", str(uid), wire_name)

    async def expunge(self, uid: int) -> None:
        """Remove one message that is marked (RFC 4315 section 2.1), and no other."""
        await self._delete("EXPUNGE", str(uid))

    async def find_full_quota(self, wire_name: str) -> str | None:
        """Return which quota of a folder is used up, in words (RFC 9208 section 4.1.3), or None."""
        if not self.has("QUOTA"):
            return None
        return read_full_quota(await self._demand(self._command("GETQUOTAROOT", wire_name, untagged="QUOTA")))

    async def noop(self) -> None:
        """Give the server an occasion to tell what is new."""
        await self._demand(self._command("NOOP"))

    async def idle(self, seconds: float) -> bool:
        """Wait until the server tells of a new message (RFC 2177), or the seconds are over.

        Return whether the server takes part; where it does not, asking again makes no sense.
        """
        imap, protocol = self._imap, self._imap.protocol
        while not protocol.idle_queue.empty():
            protocol.idle_queue.get_nowait()
        command = aioimaplib.IdleCommand(protocol.new_tag(), protocol.idle_queue, loop=protocol.loop)
        idling = asyncio.ensure_future(imap.during(protocol.execute(command)))
        invited = asyncio.ensure_future(protocol.wait_for_idle_response())
        news = asyncio.ensure_future(self._await_message())
        try:
            await asyncio.wait({idling, invited}, timeout=ANSWER_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if invited.done() and not idling.done():
                await asyncio.wait({idling, news}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
                if not idling.done():
                    protocol.idle_done()
            done, _ = await asyncio.wait({idling}, timeout=ANSWER_SECONDS)
            if not done:
                raise _silent("IDLE")
            answer = idling.result()
        finally:
            for task in (idling, invited, news):
                task.cancel()
        return str(answer.result) == "OK"

    async def _await_message(self) -> None:
        """Wait for the number of messages to be told."""
        while True:
            lines = await self._imap.protocol.idle_queue.get()
            if any(line.upper().endswith(b" EXISTS") for line in lines if isinstance(line, bytes)):
                return

    async def _delete(self, name: str, *args: str, untagged: str | None = None) -> None:
        try:
            await self._demand(self._command(name, *args, prefix="UID", untagged=untagged))
        except AccountFailure as failure:
            if failure.detail.upper().startswith(("NO ", "BAD ")):
                raise AccountFailure(AccountReason.DELETE_FAILED, failure.detail) from None
            raise

    def _command(
        self, name: str, *args: str, prefix: str | None = None, untagged: str | None = None
    ) -> aioimaplib.Command:
        protocol = self._imap.protocol
        return aioimaplib.Command(
            name, protocol.new_tag(), *args, prefix=prefix, untagged_resp_name=untagged, loop=protocol.loop
        )

    async def _demand(self, command: aioimaplib.Command) -> Sequence[Line]:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await self._imap.during(self._imap.protocol.execute(command))
        except TimeoutError:
            raise _silent(command.name) from None
        if answer.result != "OK":
            raise self._imap.refused(answer)
        lines: Sequence[Line] = answer.lines
        return lines


def _silent(name: str) -> AccountFailure:
    return AccountFailure(AccountReason.READ_TIMEOUT, f"no answer to {name} within {ANSWER_SECONDS:g} s")


OpenImap: TypeAlias = Callable[[], AbstractAsyncContextManager[ImapTalk]]
"""Opens a conversation that is signed in, and says goodbye afterwards."""
