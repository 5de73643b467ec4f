"""When one account is checked next, by what came of its checks so far: pure, and kept over restarts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from pydantic import TypeAdapter, ValidationError

from scanner.accounts.back_off import (
    Restraint,
    is_held_back,
    is_refused,
    is_secret_refused,
    restrain,
    restraint_from_json,
    restraint_to_json,
)
from scanner.config.account_settings import Account
from scanner.config.secret_marks import is_same_secret
from scanner.model.account import AccountCheck, Activity
from scanner.model.account_standing import AccountStanding

MOST_RECENT = 50
"""Checks of each kind that are remembered."""
JITTER = 0.1
"""Share of the interval by which a check may come later; never earlier."""
_STANDING = TypeAdapter(AccountStanding)


@dataclass(frozen=True, slots=True)
class Page:
    """What is known of one activity: how it stands, when it is planned, and whether it is held back."""

    standing: AccountStanding
    planned: datetime
    restraint: Restraint | None = None
    begun: datetime | None = None
    """When a check of it began that has not ended; one that is cut off counts as made."""


def activities_of(account: Account) -> tuple[Activity, ...]:
    """Return what is checked of an account, the round trip last."""
    trip = (Activity.ROUNDTRIP,) if account.makes_round_trips else ()
    return (*account.activities, *trip)


def interval_of(account: Account, activity: Activity) -> float:
    """Return how often it is checked (seconds)."""
    if activity is Activity.ROUNDTRIP and account.roundtrip is not None:
        return account.roundtrip.interval
    return account.interval


def blank_page(account: Account, activity: Activity, planned: datetime) -> Page:
    """Return the page of what was never checked."""
    return Page(AccountStanding(account.name, activity), planned)


def due_at(
    pages: Mapping[Activity, Page], account: Account, activity: Activity, secret_mark: str
) -> datetime:
    """Return when something may be checked: not before a refusal is forgotten, unless the secret is another.

    A round trip waits for the sign-ins that it needs: while one of them fails it would only repeat that.
    """
    page = pages[activity]
    due = page.planned
    restraint = what_holds(pages, activity, secret_mark, due)
    if restraint is not None:
        due = restraint.not_before
    if activity is Activity.ROUNDTRIP and account.roundtrip is not None:
        needed = (Activity.SMTP, Activity(account.roundtrip.receive))
        failing = [each for each in needed if not _is_well(pages[each])]
        due = max(
            (due, *(due_at(pages, account, each, secret_mark) + timedelta(seconds=1) for each in failing))
        )
    return due


def what_holds(
    pages: Mapping[Activity, Page], activity: Activity, secret_mark: str, now: datetime
) -> Restraint | None:
    """Return the longest refusal that holds something back at a time; None where nothing does.

    A refusal of the secret holds back the other protocols as well: servers count all of them together. One
    that has succeeded since the first refusal shows that the secret is right, and goes on.
    """
    holding = [
        restraint
        for of, restraint in ((each, page.restraint) for each, page in pages.items())
        if restraint is not None
        and is_held_back(restraint, secret_mark, now)
        and (
            of is activity or (restraint.is_of_the_secret and not _is_proven(pages.get(activity), restraint))
        )
    ]
    return max(holding, key=lambda each: each.not_before, default=None)


def last_begun(page: Page) -> datetime:
    """Return when it was tried last; what was never tried comes first."""
    last = page.standing.last
    return page.begun or (datetime.min.replace(tzinfo=UTC) if last is None else last.started_at)


def write_begin(pages: Mapping[Activity, Page], account: Account, activity: Activity, now: datetime) -> Page:
    """Return the page of a check that begins now, to be kept before it does."""
    page = pages[activity]
    planned = max(page.planned, now + timedelta(seconds=interval_of(account, activity)))
    return replace(page, begun=now, planned=planned)


def write_down(
    pages: Mapping[Activity, Page], account: Account, check: AccountCheck, secret_mark: str, drift: float
) -> dict[Activity, Page]:
    """Return the pages after a check; `drift` (0 to 1) says how much later than need be the next one is.

    Where a sign-in is refused the account's others wait an interval too: servers count refusals together.
    """
    page = pages[check.activity]
    interval = timedelta(seconds=interval_of(account, check.activity))
    before = _strongest(pages, secret_mark) if is_secret_refused(check) else None
    restraint = restrain(before or page.restraint, check, secret_mark, interval.total_seconds())
    former = page.standing
    standing = replace(
        former,
        last=replace(check, next_attempt=None if restraint is None else restraint.not_before),
        failures=0 if check.success else former.failures + 1,
        succeeded_at=check.started_at if check.success else former.succeeded_at,
        recent=(check, *former.recent)[:MOST_RECENT],
    )
    planned = check.started_at + interval * (1 + JITTER * drift)
    changed = {**pages, check.activity: Page(standing, planned, restraint)}
    if is_refused(check):
        pause = check.started_at + timedelta(seconds=account.interval)
        changed = {
            activity: replace(each, planned=max(each.planned, pause)) for activity, each in changed.items()
        }
    return changed


def _strongest(pages: Mapping[Activity, Page], secret_mark: str) -> Restraint | None:
    """Return the most refusals of the secret that the account has met by any protocol."""
    met = [
        page.restraint
        for page in pages.values()
        if page.restraint is not None
        and page.restraint.is_of_the_secret
        and is_same_secret(page.restraint.secret_mark, secret_mark)
    ]
    return max(met, key=lambda each: each.refusals, default=None)


def _is_proven(page: Page | None, restraint: Restraint) -> bool:
    """Whether something has succeeded since the first of these refusals."""
    last = None if page is None else page.standing.last
    if last is None or restraint.since is None:
        return False
    return last.success and last.started_at > restraint.since


def page_to_json(page: Page) -> str:
    """Write a page as text that a later process can read; there is nothing secret in it."""
    restraint = None if page.restraint is None else restraint_to_json(page.restraint)
    standing = replace(page.standing, due_at=None)
    begun = None if page.begun is None else page.begun.isoformat()
    return json.dumps(
        {"standing": json.loads(_STANDING.dump_json(standing)), "restraint": restraint, "begun": begun}
    )


def page_from_json(text: str, account: Account, activity: Activity) -> Page | None:
    """Read a page back; None where it is not readable, or of another account."""
    try:
        values = json.loads(text)
        standing = _STANDING.validate_python(values["standing"])
        restraint = values["restraint"] and restraint_from_json(values["restraint"])
        begun = values.get("begun") and datetime.fromisoformat(values["begun"])
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError):
        return None
    times = [each for each in (begun, standing.last and standing.last.started_at) if each]
    if (standing.account, standing.activity) != (account.name, activity) or not times:
        return None
    planned = max(times) + timedelta(seconds=interval_of(account, activity))
    return Page(standing, planned, restraint, begun or None)


def _is_well(page: Page) -> bool:
    return page.standing.last is not None and page.standing.last.success
