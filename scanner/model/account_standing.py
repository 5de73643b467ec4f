"""How an account stands: the last check of each kind, and what the ones before it come to."""

from dataclasses import dataclass
from datetime import datetime

from scanner.model.account import AccountCheck, AccountPhase, Activity


@dataclass(frozen=True, slots=True)
class AccountStanding:
    """What is known of one activity of one account."""

    account: str
    activity: Activity
    last: AccountCheck | None = None
    """None until the first check is done."""
    failures: int = 0
    """How many checks in a row have failed."""
    due_at: datetime | None = None
    """When it is checked next, with its time zone; None while that is not planned."""
    succeeded_at: datetime | None = None
    """When the last check that succeeded began."""
    recent: tuple[AccountCheck, ...] = ()
    """The last checks, newest first; a few."""

    @property
    def travelled(self) -> float | None:
        """How long the last message of a round trip took from its sending to the mailbox, in seconds."""
        if self.last is None or AccountPhase.DELIVERY not in self.last.phases:
            return None
        return self.last.phases.get(AccountPhase.SUBMIT, 0.0) + self.last.phases[AccountPhase.DELIVERY]
