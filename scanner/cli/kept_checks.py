"""What the running service last found of the accounts, for commands that ask no server for it."""

import os
from datetime import UTC, datetime, timedelta

from scanner.accounts.diary import activities_of, page_from_json
from scanner.config import Settings
from scanner.model.account import AccountCheck
from scanner.service.past import account_mark
from scanner.store import Reader, StoreError, find_place

OLDEST = timedelta(days=2)
"""What was found before says nothing of a complaint of today."""


def read_kept_checks(settings: Settings) -> tuple[AccountCheck, ...]:
    """Return the last check of each kind, from the service's store; nothing where it cannot be read."""
    if not settings.accounts:
        return ()
    try:
        place = find_place(settings.store, os.environ)
        if place is None:
            return ()
        reader = Reader(place)
        try:
            marks = reader.meta()
        finally:
            reader.close()
    except StoreError:
        return ()
    since = datetime.now(UTC) - OLDEST
    found = []
    for account in settings.accounts:
        for activity in activities_of(account):
            text = marks.get(account_mark(settings.vantage, account.name, activity.value))
            page = None if text is None else page_from_json(text, account, activity)
            if page is not None and page.standing.last is not None and page.standing.last.started_at >= since:
                found.append(page.standing.last)
    return tuple(found)
