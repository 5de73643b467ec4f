"""The page of the accounts: what works, what does not and why, and what to do about it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from scanner.model.account import AccountCheck, Activity
from scanner.model.account_standing import AccountStanding
from scanner.web.render import render

MOST_SHOWN = 12
"""Earlier checks of a kind, as marks in a row; the API has the others."""
_TITLES = {
    Activity.SMTP: "Sign-in to send (SMTP)",
    Activity.IMAP: "Sign-in to read (IMAP)",
    Activity.POP3: "Sign-in to read (POP3)",
    Activity.ROUNDTRIP: "A message to itself",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One kind of check as the page shows it."""

    title: str
    mark: str
    """The colour: ok, info, warn or bad."""
    words: str
    standing: AccountStanding
    earlier: Sequence[AccountCheck]

    @property
    def last(self) -> AccountCheck | None:
        """The last check."""
        return self.standing.last


@dataclass(frozen=True, slots=True)
class Tally:
    """How many checks there are, and how many of them fail."""

    total: int
    failing: int


def count_checks(standings: Iterable[AccountStanding]) -> Tally:
    """Return how the checks stand."""
    standings = tuple(standings)
    return Tally(len(standings), sum(_is_failing(each) for each in standings))


def render_accounts(version: str, standings: Sequence[AccountStanding], now: datetime) -> str:
    """Return the page."""
    groups = groupby(standings, key=lambda each: each.account)
    return render(
        "accounts.html",
        monitor={"version": version},
        now=now,
        tally=count_checks(standings),
        accounts=[(name, [describe(each) for each in group]) for name, group in groups],
    )


def describe(standing: AccountStanding) -> Check:
    """Return a check in colour and words; each says the same without the other."""
    mark, words = _word(standing)
    return Check(_TITLES[standing.activity], mark, words, standing, tuple(_earlier(standing)))


def _word(standing: AccountStanding) -> tuple[str, str]:
    last = standing.last
    if last is None:
        return "info", "not checked yet"
    if not last.success:
        return "bad", "fails"
    if last.is_junk:
        return "warn", "arrives as junk"
    return "ok", "works"


def _is_failing(standing: AccountStanding) -> bool:
    return standing.last is not None and not standing.last.success


def _earlier(standing: AccountStanding) -> Iterator[AccountCheck]:
    """Yield the checks before the last one, the oldest first."""
    yield from reversed(standing.recent[1 : 1 + MOST_SHOWN])
