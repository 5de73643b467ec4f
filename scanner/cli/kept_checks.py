"""What the running service last found of the accounts, for commands that ask no server for it."""

import os
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from scanner.accounts.diary import Page, activities_of, page_from_json, what_holds
from scanner.config import Settings
from scanner.config.account_settings import Account
from scanner.model.account import AccountCheck, Activity
from scanner.service.account_checks import Restraints
from scanner.service.account_tags import read_marks
from scanner.service.past import account_mark
from scanner.store import Reader, StoreError, find_place

OLDEST = timedelta(days=2)
"""What was found before says nothing of a complaint of today."""


def read_kept_checks(settings: Settings) -> tuple[AccountCheck, ...]:
    """Return the last check of each kind, from the service's store; nothing where it cannot be read."""
    since = datetime.now(UTC) - OLDEST
    try:
        last = [page.standing.last for _, page in _read_pages(settings)]
    except StoreError:
        return ()
    return tuple(check for check in last if check is not None and check.started_at >= since)


def read_waiting(settings: Settings) -> Restraints:
    """Return what the service holds back after refusals; nothing where there is no store yet.

    Raises:
        StoreError: there is one, and it cannot be read.
    """
    now, secrets = datetime.now(UTC), read_marks(settings, os.environ)
    kept: dict[str, dict[Activity, Page]] = defaultdict(dict)
    for account, page in _read_pages(settings):
        kept[account.name][page.standing.activity] = page
    held = {
        (account.name, activity): what_holds(kept[account.name], activity, secrets.read(account), now)
        for account in settings.accounts
        for activity in activities_of(account)
    }
    return {which: restraint for which, restraint in held.items() if restraint is not None}


def _read_pages(settings: Settings) -> Iterator[tuple[Account, Page]]:
    marks = _read_marks(settings)
    for account in settings.accounts:
        for activity in activities_of(account):
            text = marks.get(account_mark(settings.vantage, account.name, activity.value))
            page = None if text is None else page_from_json(text, account, activity)
            if page is not None:
                yield account, page


def _read_marks(settings: Settings) -> dict[str, str]:
    place = find_place(settings.store, os.environ) if settings.accounts else None
    if place is None or (place.path is not None and not place.path.exists()):
        return {}
    reader = Reader(place)
    try:
        return reader.meta()
    finally:
        reader.close()
