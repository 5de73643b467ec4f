"""What a round trip asks of the mailbox that its message comes to, by IMAP as by POP3."""

from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

from scanner.accounts.tag import Tag

LEFT_BEHIND_SECONDS = 3600
"""A message of ours that is older was left behind by a check that broke off."""
MOST_LOOKED_AT = 20
"""Messages whose header is read in one look: few have anything to do with us."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Where a message was found."""

    number: int
    """Its UID, or by POP3 its number in the conversation."""
    folder: str
    """The folder's name, as people write it."""
    is_junk: bool


class Inbox(Protocol):
    """A mailbox in which nothing is touched but messages that bear a tag of ours."""

    async def __aenter__(self) -> Self:
        """Hold the mailbox from here on."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of it."""

    async def prepare(self, now: datetime) -> None:
        """Sign in, remember what is new from here on, and remove what broken checks left behind.

        Raises:
            AccountFailure: it cannot be read.
        """

    async def find(self, tag: Tag) -> Arrival:
        """Wait until the message is there.

        Raises:
            AccountFailure: it came back as undeliverable, or it cannot be looked for any more.
        """

    async def find_full_quota(self) -> str | None:
        """Say, for a message that did not come, which quota the server calls used up; None = no word of it.

        Raises:
            AccountFailure: it cannot be asked.
        """

    async def fetch(self, tag: Tag, arrival: Arrival) -> None:
        """Read the message as a whole, as a person would.

        Raises:
            AccountFailure: it cannot be read, or is not what was sent.
        """

    async def delete(self, tag: Tag, arrival: Arrival) -> None:
        """Delete the message for good, after another look at its tag.

        Raises:
            AccountFailure: the server does not delete it.
        """


def is_left_behind(tag: Tag, account: str, now: datetime) -> bool:
    """Whether a message of ours may be removed: no check can still be waiting for it."""
    return tag.account == account and now.timestamp() - tag.made_at > LEFT_BEHIND_SECONDS
