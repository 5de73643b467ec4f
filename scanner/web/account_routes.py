"""The routes about accounts: how each stands, and its recent checks."""

from itertools import groupby
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from scanner.model.account import to_account_record
from scanner.model.account_standing import AccountStanding
from scanner.model.event_record import write_moment
from scanner.model.record import Record
from scanner.web.account_page import render_accounts
from scanner.web.answers import answer_page, tagged_answer
from scanner.web.monitor import Now, Watched
from scanner.web.problems import problem
from scanner.web.queries import AccountFilter
from scanner.web.schemas import NOT_FOUND, described
from scanner.web.selection import cut_page

routes = APIRouter(tags=["accounts"])


@routes.get(
    "/api/v1/accounts",
    summary="The accounts that are checked",
    responses=described("AccountPage", "A page of accounts, sorted by name"),
)
async def accounts(request: Request, monitor: Watched, wanted: Annotated[AccountFilter, Query()]) -> Response:
    """Each account with the last check of each kind. `next` is the `after` of the next page; null = the last.

    An account is known by the name that the settings give it; no user name is told, and no secret.
    """
    standings = tuple(monitor.accounts())

    def write() -> Record:
        page = cut_page(_names_of(standings), str, wanted.after, wanted.limit)
        shown = [_write_account(name, standings) for name in page.items]
        return {
            "accounts": shown,
            "total": page.total,
            "next": page.items[-1] if page.has_more else None,
        }

    return await answer_page(request, write)


@routes.get(
    "/api/v1/accounts/{account}",
    summary="One account",
    responses=described("Account", "The checks of an account, with those before, the newest first")
    | NOT_FOUND,
)
async def account(request: Request, monitor: Watched, account: str) -> Response:
    """The last checks of each kind of an account, the newest first."""
    standings = tuple(monitor.accounts())
    if account not in _names_of(standings):
        return problem(404, "there is no such account; /api/v1/accounts lists them")
    return tagged_answer(request, _write_account(account, standings, with_past=True))


@routes.get(
    "/accounts",
    summary="The page of the accounts",
    response_class=HTMLResponse,
    response_description="The page",
)
async def page(monitor: Watched, now: Now) -> HTMLResponse:
    """Whether one can sign in, send and receive with each account; where not, why, and what to do."""
    return HTMLResponse(render_accounts(monitor.version, tuple(monitor.accounts()), now))


def _names_of(standings: tuple[AccountStanding, ...]) -> list[str]:
    return [name for name, _ in groupby(standings, key=lambda each: each.account)]


def _write_account(name: str, standings: tuple[AccountStanding, ...], *, with_past: bool = False) -> Record:
    checks = [_write_standing(each, with_past=with_past) for each in standings if each.account == name]
    return {"account": name, "checks": checks}


def _write_standing(standing: AccountStanding, *, with_past: bool) -> Record:
    last = standing.last
    record: Record = {
        "activity": standing.activity.value,
        "success": None if last is None else last.success,
        "failures": standing.failures,
        "succeeded_at": None if standing.succeeded_at is None else write_moment(standing.succeeded_at),
        "due_at": None if standing.due_at is None else write_moment(standing.due_at),
        "last": None if last is None else to_account_record(last),
    }
    if with_past:
        record["recent"] = [to_account_record(check) for check in standing.recent]
    return record
