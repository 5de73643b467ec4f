"""Builds what the checks of accounts share, and makes all of them once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping

from scanner.accounts.back_off import Restraint, is_secret_refused
from scanner.accounts.check import Checker
from scanner.accounts.insist import insist
from scanner.accounts.not_tried import held_back, spared
from scanner.accounts.round_trip_check import check_round_trip
from scanner.accounts.servers import KeepingFinder
from scanner.accounts.tag import Tagger
from scanner.accounts.way import Way, make_contexts
from scanner.config import Settings
from scanner.config.account_settings import Account
from scanner.model.account import AccountCheck, Activity
from scanner.network import own_name
from scanner.service.parts import Parts
from scanner.service.turn import Turn, take_turn

AT_ONCE = 8
"""Servers that are signed in at side by side; at one of them the accounts take turns."""

CheckOne = Callable[[Account, Turn], Awaitable[None]]
Restraints = Mapping[tuple[str, Activity], Restraint]
"""What waits still, by the account's name."""


def build_checker(settings: Settings, parts: Parts, environ: Mapping[str, str]) -> Checker:
    """Build what makes the checks, with the resolver and the discovery of the probes.

    Raises:
        ValueError: the CA file holds no usable certificate.
    """
    probe = settings.probe
    way = Way(
        resolve=parts.planner.resolver.addresses,
        tls=make_contexts(probe.ca_file),
        ehlo_name=probe.ehlo_name or own_name(),
        allow_private=probe.allow_private,
        exclusion=settings.exclusion,
        connect_timeout=probe.connect_seconds,
        source_address=probe.source_address,
    )
    discovery = parts.discovery
    preference = settings.policy.submission_preference
    return Checker(way, KeepingFinder(discovery.find), discovery.catalogue, environ, preference)


async def check_once(
    accounts: Iterable[Account],
    checker: Checker,
    tell: Callable[[AccountCheck], None],
    tagger: Tagger | None = None,
    waiting: Restraints | None = None,
) -> None:
    """Make all checks of all accounts once, and tell each result as soon as it is there.

    Round trips are made with a `tagger`, and where every sign-in of the account succeeds. What is `waiting`
    is not tried, nor are an account's other protocols once its secret is refused: servers lock accounts for
    that. With None everything is tried.
    """

    async def check_one(account: Account, turn: Turn) -> None:
        refused: AccountCheck | None = None
        is_well = True
        for activity in account.activities:
            restraint = None if waiting is None else waiting.get((account.name, activity))
            if restraint is not None:
                check = held_back(account, activity, restraint, checker.way.now())
            elif refused is not None:
                check = spared(account, activity, refused)
            else:
                check = await insist(checker.check(account, activity))
                refused = check if waiting is not None and is_secret_refused(check) else None
            is_well &= check.success
            tell(check)
        if not account.makes_round_trips or tagger is None or not is_well:
            return
        restraint = None if waiting is None else waiting.get((account.name, Activity.ROUNDTRIP))
        if restraint is not None:
            tell(held_back(account, Activity.ROUNDTRIP, restraint, checker.way.now()))
        else:
            tell(await check_round_trip(checker, account, tagger, turn.give_back))

    await in_turns(accounts, check_one)


async def in_turns(accounts: Iterable[Account], check_one: CheckOne) -> None:
    """Check accounts of different servers side by side, and those of one server one after the other.

    A check that gives its turn back only waits from then on: the next one begins beside it.
    """
    groups: dict[str, list[Account]] = {}
    for account in accounts:
        groups.setdefault(place_of(account), []).append(account)
    room = asyncio.Semaphore(AT_ONCE)

    async def check_in_turn(account: Account, gate: asyncio.Lock) -> None:
        async with take_turn(gate, room) as turn:
            await check_one(account, turn)

    async with asyncio.TaskGroup() as tasks:
        for group in groups.values():
            gate = asyncio.Lock()  # it is fair: the accounts go in their order
            for account in group:
                tasks.create_task(check_in_turn(account, gate))


def place_of(account: Account) -> str:
    """Return what tells where an account lives, before anything is looked up."""
    servers = [account.server(activity) for activity in account.activities]
    return next((server.host for server in servers if server is not None), account.wanted_domain or "")
