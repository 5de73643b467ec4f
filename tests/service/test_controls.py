"""The stage between probes and what is told: who waits, who asks, how often, and what comes of it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import pytest

from scanner.config import default_settings, override
from scanner.engine import Pool, WaitingRoom
from scanner.model import Certificate, Endpoint, Observation, Phase, Protocol, Reason, Role, Severity, TlsMode
from scanner.model.control import CONTROL, Word
from scanner.model.event import Event, EventKind
from scanner.network import Resolver
from scanner.probe import Prober
from scanner.protocol import TlsClient
from scanner.service.asking import Asker, Errand
from scanner.service.clues import MOST_WITNESSES, Clues
from scanner.service.controls import RECHECK_SECONDS, Controls, Reports
from scanner.service.rounds import FRESH_SECONDS, PAUSE_SECONDS, Manner, Rounds
from scanner.verdict import Policy
from tests.engine.clockwork import run
from tests.verdict.observations import CERTIFICATE, NOW

TARGET = "8.8.8.8"
CONTROLS = ("8.8.4.1", "8.8.4.2")
INTERVAL = 900.0
SECONDS = 0.25
"""What every pretended probe takes."""


class PretendedProber(Prober):
    """Finds what the test says of each address."""

    def __init__(self) -> None:
        settings = default_settings(()).probe
        super().__init__(settings, ehlo_name="probe.test", tls=TlsClient(), policy=Policy())
        self.reasons: dict[str, Reason | None] = {}
        self.asked: list[tuple[float, str, int]] = []
        self.has_fault = False

    async def probe(self, endpoint: Endpoint) -> Observation:
        """Pretend."""
        self.asked.append((asyncio.get_running_loop().time(), endpoint.address, endpoint.port))
        await asyncio.sleep(SECONDS)
        if self.has_fault and endpoint.source == CONTROL:
            raise RuntimeError("a fault of ours")
        return seen(endpoint, self.reasons.get(endpoint.address))

    def times(self, address: str) -> list[float]:
        """When an address was asked."""
        return [moment for moment, asked, _ in self.asked if asked == address]


def seen(
    endpoint: Endpoint, reason: Reason | None = None, certificate: Certificate | None = None
) -> Observation:
    """A result: open where there is no reason, and proven where there is a certificate."""
    banner = "220 mx.test ESMTP" if reason is None else None
    phases = {} if reason is not None else {Phase.CONNECT: 0.02}
    return Observation(endpoint, NOW, SECONDS, reason, phases=phases, banner=banner, certificate=certificate)


def endpoint(address: str = TARGET, port: int = 25, host: str = "mx.example.org") -> Endpoint:
    return Endpoint(host, address, port, Protocol.SMTP, TlsMode.STARTTLS, Role.MX, "mx", ("example.org",))


@dataclass
class Stage:
    """Controls with a real pool on a clockwork; what they tell is kept."""

    settings: dict[str, Any] = field(default_factory=dict)
    manner: Manner = field(default_factory=Manner)
    prober: PretendedProber = field(default_factory=PretendedProber)
    told: list[Observation] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.time = loop.time
        waiting: WaitingRoom[Endpoint | Errand] = WaitingRoom(1, 1.0)
        self.pool: Pool[Endpoint | Errand, Observation] = Pool(
            self._do, self.told.append, waiting, concurrency=4, rate=0, clock=self.time
        )
        self.clues = Clues(self.time)
        reports = Reports(self.told.append, lambda _gate, _standing, event: self.events.append(event))
        self.controls = Controls(
            self.rounds(), self.pool.spawn, self.prober.judge, reports, vantage="here", clock=self.time
        )
        self.feed = asyncio.Queue[Endpoint | None]()

    def rounds(self, **changes: Any) -> Rounds:
        """Make rounds by the test's settings, changed."""
        wanted: dict[str, Any] = {
            "ports": {"25": list(CONTROLS), "587": list(CONTROLS)},
            "https": [],
            "dark": None,
        }
        wanted |= self.settings | changes
        settings = override(
            default_settings(()), {f"controls.{name}": value for name, value in wanted.items()}
        )
        asker = Asker(
            settings.controls,
            self.prober,
            Resolver([("127.0.0.1", 9)], timeout=0.1),
            lambda errand: self.pool.push(errand, is_urgent=True),
        )
        return Rounds(settings.controls, asker, self.clues, self.manner)

    async def _do(self, job: Endpoint | Errand) -> Observation | None:
        if isinstance(job, Errand):
            await job.run()
            return None
        return self.controls.pass_on(await self.prober.probe(job))

    async def _fed(self) -> AsyncIterator[Endpoint]:
        while (one := await self.feed.get()) is not None:
            yield one

    async def scan(self, *endpoints: Endpoint) -> None:
        """Probe these and return when all is told."""
        for one in endpoints:
            self.feed.put_nowait(one)
        self.feed.put_nowait(None)
        await self.pool.run(self._fed())

    def fail_all(self, reason: Reason | None = Reason.CONNECT_TIMEOUT) -> None:
        """Let the controls fail, or answer again."""
        self.prober.reasons |= dict.fromkeys(CONTROLS, reason)

    @property
    def words(self) -> list[Word]:
        """What is known of the gates."""
        return [standing.word for standing in self.controls.standings.values()]

    @property
    def reasons(self) -> list[Reason | None]:
        """What was told."""
        return [one.reason for one in self.told]


def test_a_scan_in_which_all_prove_themselves_asks_nobody() -> None:
    async def main() -> None:
        stage = Stage()
        stage.controls.pass_on(seen(endpoint(), certificate=CERTIFICATE))
        assert stage.prober.asked == []
        assert stage.controls.held_back() == []

    run(main())


@pytest.mark.parametrize(
    ("theirs", "told"), [(Reason.CONNECT_TIMEOUT, Reason.EGRESS_BLOCKED), (None, Reason.CONNECT_TIMEOUT)]
)
def test_many_results_in_doubt_share_one_check(theirs: Reason | None, told: Reason) -> None:
    async def main() -> None:
        stage = Stage(manner=Manner(fresh=None))
        stage.fail_all(theirs)
        targets = [endpoint(f"8.8.8.{number}") for number in range(1, 41)]
        stage.prober.reasons |= {one.address: Reason.CONNECT_TIMEOUT for one in targets}
        await stage.scan(*targets)
        assert stage.reasons == [told] * 40
        rounds = 1 if theirs is None else 2
        assert [len(stage.prober.times(one)) for one in CONTROLS] == [rounds, rounds]
        assert all(
            one.verdicts[0].id == ("port_blocked" if theirs is None else "egress_blocked")
            for one in stage.told
        )

    run(main())


def test_results_that_wait_hold_no_worker_and_others_go_on() -> None:
    async def main() -> None:
        stage = Stage()
        stage.fail_all()
        silent = [endpoint(f"8.8.8.{number}") for number in range(1, 11)]
        stage.prober.reasons |= {one.address: Reason.CONNECT_TIMEOUT for one in silent}
        others = [replace(endpoint(f"8.8.9.{number}"), port=2525) for number in range(1, 9)]
        await stage.scan(*silent, *others)
        # Four workers do the others while the first ten wait: those have no controls and pass at once.
        assert stage.reasons == [None] * 8 + [Reason.EGRESS_BLOCKED] * 10

    run(main())


def test_a_fault_is_believed_the_second_time_and_an_end_of_it_at_once() -> None:
    async def main() -> None:
        stage = Stage()
        stage.fail_all()
        stage.controls.watch([endpoint()])
        running = asyncio.create_task(stage.pool.run(stage._fed()))
        watching = asyncio.create_task(stage.controls.run())
        await asyncio.sleep(RECHECK_SECONDS - 1)
        first, second = stage.prober.times(CONTROLS[0])
        assert second - first >= PAUSE_SECONDS
        assert stage.words == [Word.BLOCKED]
        await asyncio.sleep(8 * INTERVAL)
        rounds = stage.prober.times(CONTROLS[0])[1:]  # known already: one round is enough
        pauses = [after - before for before, after in pairwise(rounds)]
        assert pauses[0] == pytest.approx(RECHECK_SECONDS, abs=5), "a short outage is over soon after its end"
        assert pauses == sorted(pauses)
        assert pauses[-1] == pytest.approx(INTERVAL, abs=5), (
            "a long one costs the controls no more than usual"
        )
        stage.fail_all(None)
        await asyncio.sleep(INTERVAL)
        assert stage.words == [Word.FINE]
        asked = len(stage.prober.times(CONTROLS[0]))
        await asyncio.sleep(INTERVAL)
        assert len(stage.prober.times(CONTROLS[0])) - asked == 1
        for task in (watching, running):
            task.cancel()
        await asyncio.gather(watching, running, return_exceptions=True)
        blocked, again = stage.events
        assert {event.kind for event in stage.events} == {EventKind.EGRESS_CHANGED}
        assert (blocked.name, blocked.severity, blocked.vantage) == (
            "egress_blocked",
            Severity.WARNING,
            "here",
        )
        assert (again.name, again.severity) == ("egress_blocked", Severity.NOTICE)
        assert (blocked.before["standing"], blocked.after["standing"]) == ("fine", "blocked")
        assert (again.before["standing"], again.after["standing"]) == ("blocked", "fine")

    run(main())


OTHERS = [endpoint(f"8.8.9.{number}", host=f"mx{number}.test") for number in range(20)]


@pytest.mark.parametrize("known", [None, Word.BLOCKED])
@pytest.mark.parametrize("age", [0.0, 3600.0])
def test_where_targets_answer_the_controls_silence_blames_no_network(age: float, known: Word | None) -> None:
    """Somebody filters the controls alone: a target that is blocked beside others that answer is told."""

    async def main() -> None:
        stage = Stage()
        stage.fail_all()
        stage.prober.reasons[TARGET] = Reason.CONNECT_TIMEOUT
        running = asyncio.create_task(stage.pool.run(stage._fed()))
        if known is not None:
            stage.controls.pass_on(seen(endpoint(port=587), certificate=CERTIFICATE))
            stage.feed.put_nowait(endpoint())
            await asyncio.sleep(10.0)
            assert stage.words == [known]
            stage.told.clear()
        for one in OTHERS:
            stage.controls.pass_on(seen(one, certificate=CERTIFICATE))
        await asyncio.sleep(max(age, INTERVAL if known else 0.0))
        stage.prober.asked.clear()
        stage.feed.put_nowait(endpoint())
        stage.feed.put_nowait(None)
        await running
        (told,) = stage.told
        assert told.reason is Reason.CONNECT_TIMEOUT
        assert told.is_egress_clear is None, "it may be our own filter all the same"
        assert stage.words == [Word.UNTOLD]
        asked = [address for _, address, _ in stage.prober.asked if address.startswith("8.8.9.")]
        rounds = 1 if known is None else 2
        assert sorted(asked) == sorted([one.address for one in OTHERS[-MOST_WITNESSES:]] * rounds)
        assert [event.after["standing"] for event in stage.events] == (
            [] if known is None else ["blocked", "untold"]
        )

    run(main())


@pytest.mark.parametrize("age", [0.0, 10.0])
def test_targets_that_answered_before_our_way_out_was_closed_prove_nothing(age: float) -> None:
    async def main() -> None:
        stage = Stage()
        stage.fail_all()
        for one in OTHERS[:3]:
            stage.controls.pass_on(seen(one, certificate=CERTIFICATE))
        stage.controls.forget(OTHERS[0].key)
        stage.controls.pass_on(seen(endpoint(port=587), certificate=CERTIFICATE))
        await asyncio.sleep(age)
        stage.prober.reasons |= dict.fromkeys(
            [TARGET, *(one.address for one in OTHERS)], Reason.CONNECT_TIMEOUT
        )
        await stage.scan(endpoint())
        assert stage.words == [Word.BLOCKED]
        assert stage.reasons == [Reason.EGRESS_BLOCKED]
        assert stage.prober.times("8.8.9.0") == []

    run(main())


def test_where_all_is_over_before_the_second_round_no_witness_is_asked() -> None:
    async def main() -> None:
        stage = Stage()
        stage.fail_all()
        stage.controls.pass_on(seen(OTHERS[0], certificate=CERTIFICATE))
        stage.prober.reasons[TARGET] = Reason.CONNECT_TIMEOUT
        scan = asyncio.create_task(stage.scan(endpoint()))
        await asyncio.sleep(2 * SECONDS + PAUSE_SECONDS / 2)
        stage.fail_all(None)
        await scan
        assert stage.words == [Word.FINE]
        assert stage.prober.times("8.8.9.0") == []

    run(main())


def test_one_round_that_fails_alone_is_no_news() -> None:
    async def main() -> None:
        stage = Stage()
        stage.fail_all()
        stage.prober.reasons[TARGET] = Reason.CONNECT_TIMEOUT
        asyncio.get_running_loop().call_later(PAUSE_SECONDS, stage.fail_all, None)
        await stage.scan(endpoint())
        assert stage.words == [Word.FINE]
        assert stage.reasons == [Reason.CONNECT_TIMEOUT]
        assert stage.events == []

    run(main())


def test_what_was_looked_into_before_asks_no_more_for_an_interval() -> None:
    """A target that stays blocked for months must not have the controls asked every minute."""

    async def main() -> None:
        stage = Stage()
        running = asyncio.create_task(stage.pool.run(stage._fed()))
        stage.prober.reasons[TARGET] = Reason.CONNECT_TIMEOUT
        for _ in range(7):
            stage.feed.put_nowait(endpoint())
            await asyncio.sleep(2 * FRESH_SECONDS)
        assert stage.reasons == [Reason.CONNECT_TIMEOUT] * 7
        assert len(stage.prober.times(CONTROLS[0])) == 1
        stage.prober.reasons[TARGET] = Reason.CONNECTION_REFUSED  # that is news
        stage.feed.put_nowait(endpoint())
        await asyncio.sleep(2 * FRESH_SECONDS)
        assert len(stage.prober.times(CONTROLS[0])) == 2
        stage.feed.put_nowait(endpoint(address="8.8.8.9"))  # and answers: nothing new about others
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    run(main())


def test_what_the_controls_were_not_asked_about_is_looked_into_before_it_can_be_confirmed() -> None:
    """Our way out closes right after they were asked: the first failure passes, the second does not."""

    async def main() -> None:
        stage = Stage()
        running = asyncio.create_task(stage.pool.run(stage._fed()))
        stage.feed.put_nowait(endpoint())
        await asyncio.sleep(FRESH_SECONDS / 2)
        assert (stage.reasons, len(stage.prober.times(CONTROLS[0]))) == ([None], 1)
        stage.fail_all()
        stage.prober.reasons[TARGET] = Reason.CONNECT_TIMEOUT
        for _ in range(3):
            stage.feed.put_nowait(endpoint())
            await asyncio.sleep(FRESH_SECONDS)
        assert stage.reasons == [None, Reason.CONNECT_TIMEOUT, Reason.EGRESS_BLOCKED, Reason.EGRESS_BLOCKED]
        assert len(stage.prober.times(CONTROLS[0])) == 3, "two rounds, since one alone is not believed"
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    run(main())


@pytest.mark.parametrize(
    ("pause", "told"),
    [
        (0.0, Reason.EGRESS_BLOCKED),  # waits for the controls
        (PAUSE_SECONDS + 2.5 * SECONDS, Reason.EGRESS_BLOCKED),  # comes in when they were asked
        (2 * RECHECK_SECONDS, Reason.READ_TIMEOUT),  # connected although the port was known to be blocked
    ],
)
def test_a_dialogue_that_falls_silent_while_our_way_out_is_closed_blames_nobody(
    pause: float, told: Reason
) -> None:
    async def main() -> None:
        stage = Stage()
        running = asyncio.create_task(stage.pool.run(stage._fed()))
        stage.feed.put_nowait(endpoint())
        await asyncio.sleep(2 * FRESH_SECONDS)
        stage.fail_all()
        stage.prober.reasons |= {"8.8.8.9": Reason.CONNECT_TIMEOUT, TARGET: Reason.READ_TIMEOUT}
        stage.feed.put_nowait(endpoint("8.8.8.9"))
        await asyncio.sleep(pause)
        stage.feed.put_nowait(endpoint())
        await asyncio.sleep(FRESH_SECONDS)
        by_address = {one.endpoint.address: one.reason for one in stage.told}
        assert by_address == {"8.8.8.9": Reason.EGRESS_BLOCKED, TARGET: told}
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    run(main())


def test_news_within_a_minute_go_by_what_the_controls_said() -> None:
    async def main() -> None:
        stage = Stage()
        stage.prober.reasons[TARGET] = Reason.CONNECT_TIMEOUT
        stage.prober.reasons["8.8.8.9"] = Reason.CONNECT_TIMEOUT
        running = asyncio.create_task(stage.pool.run(stage._fed()))
        stage.feed.put_nowait(endpoint())
        await asyncio.sleep(FRESH_SECONDS / 2)
        stage.feed.put_nowait(endpoint("8.8.8.9"))
        await asyncio.sleep(1.0)
        assert len(stage.told) == 2
        assert len(stage.prober.times(CONTROLS[0])) == 1
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    run(main())


def test_a_target_that_is_a_control_is_not_asked_twice() -> None:
    async def main() -> None:
        stage = Stage(manner=Manner(fresh=None))
        stage.prober.reasons[TARGET] = Reason.CONNECT_TIMEOUT
        control = endpoint(CONTROLS[0], host=CONTROLS[0])
        await stage.scan(control)  # answers in clear, and so is in doubt itself
        assert stage.reasons == [None]
        assert [len(stage.prober.times(one)) for one in CONTROLS] == [1, 1]

    run(main())


def test_what_is_held_back_can_be_had_when_all_is_broken_off() -> None:
    async def main() -> None:
        stage = Stage()
        stage.fail_all()
        stage.prober.reasons[TARGET] = Reason.CONNECT_TIMEOUT
        running = asyncio.create_task(stage.scan(endpoint()))
        await asyncio.sleep(PAUSE_SECONDS)
        assert stage.told == []
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert [one.reason for one in stage.controls.held_back()] == [Reason.CONNECT_TIMEOUT]

    run(main())


@pytest.mark.parametrize(
    ("address", "settings", "is_asked"),
    [
        ("127.0.0.1", {"ports": {}}, False),
        ("10.0.0.1", {"ports": {}}, False),
        ("169.254.0.1", {"ports": {}}, False),
        ("192.0.2.1", {"ports": {}}, False),
        ("127.0.0.1", {"ports": {"25": ["127.0.0.9"]}}, True),
        ("10.0.0.1", {"ports": {"25": ["10.0.0.9"]}}, True),
        ("10.0.0.1", {"ports": {"587": ["10.0.0.9"]}}, False),
        ("127.0.0.1", {"ports": {"25": ["10.0.0.9"]}}, False),
        ("8.8.8.8", {"ports": {"25": ["10.0.0.9"]}}, False),
        ("8.8.8.8", {"ports": {"25": []}}, False),
        ("8.8.8.8", {"enabled": False}, False),
        ("2001:4860::1", {}, False),
        ("8.8.8.8", {}, True),
    ],
)
def test_only_controls_on_the_same_way_are_asked(
    address: str, settings: dict[str, Any], is_asked: bool
) -> None:
    async def main() -> None:
        stage = Stage(settings)
        stage.prober.reasons[address] = Reason.CONNECT_TIMEOUT
        stage.controls.watch([endpoint(address)])
        watching = asyncio.create_task(stage.controls.run())
        await stage.scan(endpoint(address))
        watching.cancel()
        assert stage.reasons == [Reason.CONNECT_TIMEOUT]
        others = {asked for _, asked, _ in stage.prober.asked} - {address}
        assert bool(others) is is_asked

    run(main())


def test_a_fault_of_our_own_blames_nobody() -> None:
    async def main() -> None:
        stage = Stage()
        stage.prober.reasons[TARGET] = Reason.CONNECT_TIMEOUT
        stage.prober.has_fault = True
        await stage.scan(endpoint())
        assert stage.reasons == [Reason.CONNECT_TIMEOUT]
        assert stage.words == [Word.UNTOLD]

    run(main())


def test_a_fault_of_who_takes_results_ends_the_run() -> None:
    async def main() -> None:
        stage = Stage()
        stage.prober.reasons[TARGET] = Reason.CONNECT_TIMEOUT

        def refuse(_: Observation) -> None:
            raise OSError("the disk is full")

        stage.controls = Controls(
            stage.rounds(), stage.pool.spawn, stage.prober.judge, Reports(refuse), clock=stage.time
        )
        with pytest.raises(ExceptionGroup) as caught:
            await stage.scan(endpoint())
        assert caught.group_contains(OSError, match="the disk is full")

    run(main())


@pytest.mark.parametrize("is_same", [True, False])
def test_other_settings_keep_what_the_same_servers_said(is_same: bool) -> None:
    async def main() -> None:
        stage = Stage()
        stage.prober.reasons[TARGET] = Reason.CONNECT_TIMEOUT
        await stage.scan(endpoint())
        ports = {"25": list(CONTROLS if is_same else ["8.8.4.7"])}
        stage.controls.adjust(stage.rounds(ports=ports), stage.prober.judge)
        assert bool(stage.controls.standings) is is_same
        stage.controls.watch([])
        assert not stage.controls.standings

    run(main())


def test_a_result_that_looks_good_may_mean_that_an_interception_has_ended() -> None:
    def greets(words: str) -> Sequence[dict[str, str]]:
        return [{"host": host, "banner": words} for host in CONTROLS]

    async def main() -> None:
        stage = Stage({"ports": {"25": greets("220 mx.real ESMTP")}})
        running = asyncio.create_task(stage.pool.run(stage._fed()))
        for number in range(2):
            stage.feed.put_nowait(endpoint(f"8.8.8.{number + 1}"))
            await asyncio.sleep(2 * FRESH_SECONDS)
        assert stage.reasons == [Reason.EGRESS_INTERCEPTED] * 2
        before = len(stage.prober.times(CONTROLS[0]))
        stage.controls.adjust(stage.rounds(ports={"25": greets("220 mx.test ESMTP")}), stage.prober.judge)
        stage.feed.put_nowait(endpoint("8.8.8.3"))
        await asyncio.sleep(2 * FRESH_SECONDS)
        assert stage.reasons[-1] is None
        assert len(stage.prober.times(CONTROLS[0])) > before
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    run(main())


def test_controls_that_are_switched_off_while_they_are_asked_count_no_more() -> None:
    async def main() -> None:
        stage = Stage()
        stage.fail_all()
        stage.prober.reasons[TARGET] = Reason.CONNECT_TIMEOUT
        scan = asyncio.create_task(stage.scan(endpoint()))
        await asyncio.sleep(PAUSE_SECONDS)
        assert len(stage.controls.held_back()) == 1
        stage.controls.adjust(stage.rounds(enabled=False), stage.prober.judge)
        await scan
        assert stage.reasons == [Reason.CONNECT_TIMEOUT]
        assert stage.words == []
        assert stage.events == []

    run(main())


@pytest.mark.parametrize("is_over", [False, True])
def test_what_was_told_before_a_restart_is_not_told_again_and_its_end_is(is_over: bool) -> None:
    async def main() -> None:
        stage = Stage()
        stage.controls.restore({"port 25 over IPv4": Word.BLOCKED})
        if not is_over:
            stage.fail_all()
            stage.prober.reasons[TARGET] = Reason.CONNECT_TIMEOUT
            stage.controls.pass_on(seen(endpoint(port=587), certificate=CERTIFICATE))
        else:
            stage.prober.reasons[TARGET] = Reason.CONNECT_TIMEOUT
        await stage.scan(endpoint())
        assert stage.words == [Word.FINE if is_over else Word.BLOCKED]
        assert [event.after["standing"] for event in stage.events] == (["fine"] if is_over else [])
        assert all(event.ended is Severity.WARNING and event.port == 25 for event in stage.events)

    run(main())
