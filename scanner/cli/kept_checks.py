"""What the running service last found of the accounts, for commands that ask no server for it."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from scanner.accounts.back_off import is_held_back
from scanner.accounts.diary import Page, activities_of, page_from_json
from scanner.config import Settings
from scanner.config.account_secrets import secret_mark
from scanner.config.account_settings import Account
from scanner.model.account import AccountCheck
from scanner.service.account_checks import Restraints
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
    now = datetime.now(UTC)
    return {
        (account.name, page.standing.activity): page.restraint
        for account, page in _read_pages(settings)
        if page.restraint is not None and is_held_back(page.restraint, secret_mark(account), now)
    }


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
