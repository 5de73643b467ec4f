"""The accounts of a running service: when each is checked, what a refusal, a reload and a restart change."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from scanner.config.account_settings import Account
from scanner.config.secret_marks import secret_mark
from scanner.model import Severity
from scanner.model.account import AccountCheck, AccountReason, Activity
from scanner.model.event import Event, EventKind
from scanner.service.account_rounds import AccountRounds, Machine
from tests.accounts.account_world import make_account
from tests.engine.clockwork import run
from tests.verdict.observations import NOW

DAY = 86_400.0
QUARTER = 900.0
BOTH = {"smtp": "mail.test:587", "imap": "mail.test:993"}


class World:
    """Servers that take what the test says, and the times at which they were asked."""

    def __init__(self) -> None:
        self.reasons: dict[tuple[str, Activity], AccountReason] = {}
        self.asked: dict[tuple[str, Activity], list[float]] = defaultdict(list)
        self.lasting = 2.0
        self.waiting = 0.0
        """How long a round trip only waits for its message (seconds)."""
        self.settled: list[dict[str, str | None]] = []
        self.under_way: list[str] = []
        self.most: dict[str, int] = defaultdict(int)
        self.kept: dict[str, str | None] = {}
        self.cut = 0
        self.faults: dict[str, Exception] = {}
        self.told: list[Event] = []

    def now(self) -> datetime:
        return NOW + timedelta(seconds=asyncio.get_running_loop().time())

    async def check(
        self, account: Account, activity: Activity, give_back: Callable[[], None]
    ) -> AccountCheck:
        started = self.now()
        self.asked[account.name, activity].append(asyncio.get_running_loop().time())
        if activity is Activity.ROUNDTRIP and self.waiting:
            give_back()
            await asyncio.sleep(self.waiting)
        if account.name in self.faults:
            raise self.faults[account.name]
        with self._counting(account.name):
            await asyncio.sleep(self.lasting)
        reason = self.reasons.get((account.name, activity))
        return AccountCheck(
            account.name,
            activity,
            success=reason is None,
            started_at=started,
            duration=self.lasting,
            reason=reason,
        )

    @contextmanager
    def _counting(self, name: str) -> Iterator[None]:
        self.under_way.append(name)
        self.most[name] = max(self.most[name], self.under_way.count(name))
        of_one = sum(each.startswith("same") for each in self.under_way)
        self.most["same"] = max(self.most["same"], of_one)
        self.most["all"] = max(self.most["all"], len(self.under_way))
        try:
            yield
        except asyncio.CancelledError:
            self.cut += 1
            raise
        finally:
            self.under_way.remove(name)

    def rounds(self, *accounts: Account) -> AccountRounds:
        draws = iter([0.3, 0.9, 0.1, 0.6] * 10_000)

        async def read_mark(account: Account) -> str:  # a thread would stand outside of this loop's time
            return secret_mark(account)

        async def settle() -> None:
            self.settled.append(dict(self.kept))

        return AccountRounds(
            accounts,
            self.check,
            keep=self.kept.update,
            tell=self.told.append,
            machine=Machine(self.now, lambda: next(draws), settle, read_mark),
        )

    def gaps(self, name: str, activity: Activity) -> list[float]:
        times = self.asked[name, activity]
        return [later - earlier for earlier, later in pairwise(times)]


async def living(rounds: AccountRounds, seconds: float) -> None:
    """Let the rounds run for so long."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(seconds):
            await rounds.run()


@pytest.fixture
def world() -> World:
    return World()


def account(folder: Path, name: str = "sales", **keys: Any) -> Account:
    (folder / name).mkdir(exist_ok=True)
    return make_account(folder / name, name=name, **(BOTH | keys))


def test_each_check_comes_at_its_own_interval_and_never_sooner(world: World, tmp_path: Path) -> None:
    trips = account(tmp_path, roundtrip={})
    run(living(world.rounds(trips), DAY))

    for activity in (Activity.SMTP, Activity.IMAP):
        gaps = world.gaps("sales", activity)
        assert len(gaps) > 80
        assert all(QUARTER <= gap <= QUARTER * 1.1 + 60 for gap in gaps)
    gaps = world.gaps("sales", Activity.ROUNDTRIP)
    assert len(gaps) > 20
    assert all(3600 <= gap <= 3960 + 60 for gap in gaps)
    assert min(world.asked["sales", Activity.SMTP]) <= 25
    assert world.most["sales"] == 1, "never two checks of one account at once"


def test_accounts_of_one_server_take_turns_and_others_do_not_wait(world: World, tmp_path: Path) -> None:
    same = [account(tmp_path, f"same{number}") for number in range(3)]
    other = [
        account(tmp_path, f"other{n}", smtp=f"mx{n}.test:587", imap=f"mx{n}.test:993") for n in range(20)
    ]
    world.lasting = 600.0
    run(living(world.rounds(*same, *other), 3000))

    assert world.most["all"] == 8
    assert len({name for name, _ in world.asked if name.startswith("other")}) == 20
    assert world.most["same"] == 1


def test_a_refusal_is_repeated_less_and_less_often_and_others_of_the_account_pause(
    world: World, tmp_path: Path
) -> None:
    world.reasons["sales", Activity.SMTP] = AccountReason.AUTH_FAILED
    run(living(world.rounds(account(tmp_path)), 7 * DAY))

    gaps = world.gaps("sales", Activity.SMTP)
    assert gaps[0] >= QUARTER
    assert all(later >= 1.9 * earlier for earlier, later in pairwise(gaps[:6]))
    assert gaps[-1] >= DAY
    assert len(gaps) < 15
    refused = world.asked["sales", Activity.SMTP]
    near = [time for time in world.asked["sales", Activity.IMAP] for end in refused if end < time < end + 890]
    assert not near, "the same password is not tried elsewhere right after it was refused"
    assert len(world.gaps("sales", Activity.IMAP)) > 500


def test_a_wrong_password_is_tried_once_a_wait_and_not_once_a_protocol(world: World, tmp_path: Path) -> None:
    for activity in (Activity.SMTP, Activity.IMAP, Activity.POP3):
        world.reasons["sales", activity] = AccountReason.AUTH_FAILED
    run(living(world.rounds(account(tmp_path, pop3="mail.test:995")), 7 * DAY))

    tried = sorted(time for times in world.asked.values() for time in times)
    assert len(tried) <= 14
    assert all(later - earlier >= QUARTER for earlier, later in pairwise(tried))
    assert len({activity for _, activity in world.asked}) == 3, "each has its turn"


@pytest.mark.parametrize("working", [Activity.SMTP, Activity.IMAP, Activity.POP3])
def test_a_protocol_that_works_goes_on_beside_those_that_refuse_the_secret(
    world: World, tmp_path: Path, working: Activity
) -> None:
    for activity in {Activity.SMTP, Activity.IMAP, Activity.POP3} - {working}:
        world.reasons["sales", activity] = AccountReason.AUTH_FAILED
    run(living(world.rounds(account(tmp_path, pop3="mail.test:995")), 7 * DAY))
    assert len(world.asked["sales", working]) > 400


def test_an_account_that_is_set_otherwise_is_not_held_back(world: World, tmp_path: Path) -> None:
    world.reasons["sales", Activity.IMAP] = AccountReason.AUTH_FAILED
    rounds = world.rounds(account(tmp_path, smtp=False))

    async def live() -> None:
        running = asyncio.create_task(rounds.run())
        await asyncio.sleep(2 * DAY)
        changes: tuple[dict[str, Any], ...] = ({"username": "other@mail.test"}, {"imap": "other.test:993"})
        for keys in changes:
            before = len(world.asked["sales", Activity.IMAP])
            rounds.adjust((account(tmp_path, **{"smtp": False} | keys),), world.check)
            await asyncio.sleep(QUARTER - 60)
            assert len(world.asked["sales", Activity.IMAP]) == before + 1, keys
            await asyncio.sleep(DAY)
        running.cancel()

    run(live())


def test_what_is_cut_off_counts_as_made_and_is_kept_before_it_begins(world: World, tmp_path: Path) -> None:
    world.lasting = 7200.0
    mine = account(tmp_path, smtp=False, interval=1800)
    run(living(world.rounds(mine), 60))
    assert len(world.asked["sales", Activity.IMAP]) == 1
    kept = world.settled[0]["account:default:sales:imap"]
    assert kept is not None
    after = world.rounds(mine)
    after.restore({"account:default:sales:imap": kept})

    async def live() -> None:
        await asyncio.sleep(60)  # the clock of a new loop begins anew
        await living(after, 3600)

    run(live())
    first, second = world.asked["sales", Activity.IMAP]
    assert second - first >= 1800


def test_who_only_waits_for_a_message_holds_nobody_up(world: World, tmp_path: Path) -> None:
    many = [account(tmp_path, f"same{number}", roundtrip={}) for number in range(20)]
    world.lasting, world.waiting = 1.0, 300.0
    run(living(world.rounds(*many), 200))
    assert len([1 for _, activity in world.asked if activity is Activity.ROUNDTRIP]) == 20
    assert world.most["same"] == 1, "at one server they take turns all the same"


def test_a_secret_that_is_written_anew_ends_the_waiting(world: World, tmp_path: Path) -> None:
    world.reasons["sales", Activity.IMAP] = AccountReason.AUTH_FAILED
    mine = account(tmp_path, smtp=False)
    rounds = world.rounds(mine)

    async def live() -> None:
        running = asyncio.create_task(rounds.run())
        await asyncio.sleep(DAY)
        before = len(world.asked["sales", Activity.IMAP])
        del world.reasons["sales", Activity.IMAP]
        assert mine.password_file is not None
        mine.password_file.write_text("another, and longer than before")
        await asyncio.sleep(120)
        assert len(world.asked["sales", Activity.IMAP]) == before + 1
        (standing,) = rounds.standings()
        assert standing.failures == 0
        assert standing.last is not None
        assert standing.last.next_attempt is None
        running.cancel()

    run(live())


def test_a_server_that_is_down_is_asked_as_ever(world: World, tmp_path: Path) -> None:
    world.reasons["sales", Activity.IMAP] = AccountReason.CONNECT_TIMEOUT
    rounds = world.rounds(account(tmp_path, smtp=False))
    run(living(rounds, 4 * 3600))
    assert len(world.asked["sales", Activity.IMAP]) >= 14
    (standing,) = rounds.standings()
    assert standing.failures == len(world.asked["sales", Activity.IMAP])
    assert len(standing.recent) == standing.failures


def test_a_change_is_an_event_and_nothing_else_is(world: World, tmp_path: Path) -> None:
    rounds = world.rounds(account(tmp_path, smtp=False), account(tmp_path, "shop", smtp=False))

    async def live() -> None:
        running = asyncio.create_task(rounds.run())
        for reason in (None, AccountReason.CONNECT_TIMEOUT, AccountReason.DNS_FAILURE, None):
            world.reasons.pop(("sales", Activity.IMAP), None)
            if reason is not None:
                world.reasons["sales", Activity.IMAP] = reason
            await asyncio.sleep(4 * QUARTER)
        running.cancel()

    run(live())
    assert [(event.kind, event.subject, event.name, event.severity) for event in world.told] == [
        (EventKind.ACCOUNT_CHANGED, "account sales imap", "connect_timeout", Severity.WARNING),
        (EventKind.ACCOUNT_CHANGED, "account sales imap", "dns_failure", Severity.WARNING),
        (EventKind.ACCOUNT_CHANGED, "account sales imap", None, Severity.NOTICE),
    ]
    begun, _, ended = world.told
    assert begun.summary == "it fails, connect timeout"
    assert (begun.before["success"], begun.after["success"], begun.ended) == (True, False, None)
    assert (ended.before["reason"], ended.after["success"]) == ("dns_failure", True)
    assert (ended.ended, ended.summary[:27]) == (Severity.WARNING, "it works again, having fail")

    marks = {name: text for name, text in world.kept.items() if text is not None}
    world.reasons["sales", Activity.IMAP] = AccountReason.DNS_FAILURE
    after = world.rounds(account(tmp_path, smtp=False), account(tmp_path, "shop", smtp=False))
    after.restore(marks)
    run(living(after, 7 * 3600))
    assert len(world.told) == 4, "a restart is no news, and one that begins to fail after it is"


def test_a_fault_of_our_own_is_told_of_its_account_and_ends_no_other(world: World, tmp_path: Path) -> None:
    world.faults["sales"] = FileNotFoundError(2, "No such file or directory", "/etc/ca.pem")
    world.faults["staff"] = ValueError("with a secret in it")
    rounds = world.rounds(*(account(tmp_path, name) for name in ("sales", "staff", "support")))
    run(living(rounds, 2 * QUARTER))

    last = {each.account: each.last for each in rounds.standings()}
    assert last["support"] is not None
    assert last["support"].success
    for name, words in (
        ("sales", "FileNotFoundError: No such file or directory: /etc/ca.pem"),
        ("staff", "ValueError"),
    ):
        check = last[name]
        assert check is not None
        assert (check.reason, check.detail) == (AccountReason.INTERNAL, words)
        assert len(world.asked[name, Activity.SMTP]) > 1


@pytest.mark.parametrize(
    ("receive", "failing", "is_made"),
    [
        ("imap", Activity.SMTP, False),
        ("imap", Activity.IMAP, False),
        ("imap", Activity.POP3, True),
        ("pop3", Activity.IMAP, True),
    ],
)
def test_a_round_trip_waits_for_the_sign_ins_that_it_needs(
    world: World, tmp_path: Path, receive: str, failing: Activity, is_made: bool
) -> None:
    world.reasons["sales", failing] = AccountReason.CONNECT_TIMEOUT
    mine = account(tmp_path, pop3="mail.test:995", roundtrip={"receive": receive})
    rounds = world.rounds(mine)
    run(living(rounds, DAY / 4))
    assert bool(world.asked["sales", Activity.ROUNDTRIP]) is is_made
    overdue = [each for each in rounds.standings() if each.due_at and each.due_at < NOW + timedelta(hours=5)]
    assert not overdue, "what waits is not overdue"


def test_a_reload_leaves_alone_what_stays(world: World, tmp_path: Path) -> None:
    stays, goes, comes = (account(tmp_path, name, smtp=False) for name in ("stays", "goes", "comes"))
    changes = account(tmp_path, "changes", smtp=False)
    changed = account(tmp_path, "changes", smtp=False, interval=3600)
    rounds = world.rounds(stays, goes, changes)
    world.lasting = 30.0

    async def live() -> None:
        running = asyncio.create_task(rounds.run())
        await asyncio.sleep(10 * QUARTER)
        while "stays" not in world.under_way:
            await asyncio.sleep(1)
        before = dict(world.asked)
        cut = world.cut
        rounds.adjust((changed, comes, stays), world.check)
        await asyncio.sleep(1)
        assert "stays" in world.under_way
        assert world.cut - cut <= 2
        assert [each.account for each in rounds.standings()] == ["changes", "comes", "stays"]
        count = len(before["changes", Activity.IMAP])
        await asyncio.sleep(5 * 3600)
        running.cancel()
        later = world.asked["changes", Activity.IMAP][count:]
        assert 4 <= len(later) <= 6
        assert len(world.asked["goes", Activity.IMAP]) <= 12
        assert world.asked["comes", Activity.IMAP]

    run(live())
    assert all(gap >= QUARTER for gap in world.gaps("stays", Activity.IMAP))
    assert world.kept["account:default:goes:imap"] is None


def test_what_was_known_outlives_a_restart_and_so_does_the_waiting(world: World, tmp_path: Path) -> None:
    world.reasons["sales", Activity.SMTP] = AccountReason.AUTH_FAILED
    mine = account(tmp_path)
    before = world.rounds(mine)
    run(living(before, 2 * 3600))
    marks = {name: text for name, text in world.kept.items() if text is not None}
    assert all(json.loads(text) for text in marks.values())
    asked = len(world.asked["sales", Activity.SMTP])
    held_until = {each.activity: each.due_at for each in before.standings()}[Activity.SMTP]
    after = world.rounds(mine)
    after.restore(marks)

    async def live() -> None:
        await asyncio.sleep(2 * 3600)  # the clock of a new loop begins anew
        await living(after, 60)

    run(live())
    (smtp, _) = after.standings()
    assert smtp.failures == before.standings()[0].failures
    assert smtp.recent == before.standings()[0].recent
    assert (len(world.asked["sales", Activity.SMTP]), smtp.due_at) == (asked, held_until)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"standing": 1, "restraint": null}', "null"])
def test_what_cannot_be_read_is_forgotten(world: World, tmp_path: Path, text: str) -> None:
    rounds = world.rounds(account(tmp_path, smtp=False))
    rounds.restore({"account:default:sales:imap": text})
    run(living(rounds, 60))
    assert len(world.asked["sales", Activity.IMAP]) == 1


def test_no_accounts_need_nothing(world: World) -> None:
    rounds = world.rounds()
    run(living(rounds, DAY))
    assert rounds.standings() == ()
