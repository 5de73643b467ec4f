"""Plans: which endpoints targets lead to, what is refused, what is shared, what stands in a DNS outage."""

import asyncio
import gc
from collections.abc import Sequence
from itertools import product

import pytest

from scanner.demo.zone import Records, Trouble
from scanner.discovery import Plan, Planner
from scanner.discovery.addresses import MAX_ADDRESSES
from scanner.discovery.pieces import give_way
from scanner.discovery.plan import LOOKUPS_AT_ONCE
from scanner.model import PORTS, Protocol, Reason, Role, State, TlsMode
from scanner.model.target import parse_target
from scanner.network import Resolver
from scanner.network.answer import Answer, Status
from tests.network.name_servers import Questions, serving

RECORDS: Records = {
    "both.test": {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]},
    "two.test": {"A": ["192.0.2.1", "192.0.2.2"]},
    "public.test": {"A": ["8.8.4.4"], "AAAA": ["2001:4860:4860::8844"]},
    "mixed.test": {"A": ["8.8.4.4", "10.0.0.1", "127.0.0.1", "169.254.169.254"], "AAAA": ["::1", "fe80::1"]},
    "mapped.test": {"AAAA": ["::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1"]},
    "nodata.test": {},
    "servfail.test": Trouble.SERVFAIL,
    "xn--bcher-kva.test": {"A": ["192.0.2.8"]},
    "crowd.test": {"A": [f"198.51.100.{number}" for number in range(1, 101)]},
}


async def plan(
    *texts: str,
    ports: Sequence[int] = (25, 993),
    families: Sequence[int] = (4, 6),
    allow_private: bool = True,
    records: Records = RECORDS,
) -> Plan:
    """Plan targets with a name server of the test."""
    async with serving(records) as (_, place):
        planner = Planner(
            resolver=Resolver([place], timeout=1, families=families),
            ports=ports,
            families=families,
            allow_private=allow_private,
            vantage="here",
        )
        return await planner.plan([parse_target(text) for text in texts])


def places(found: Plan) -> set[tuple[str, str, int]]:
    return {(endpoint.host, endpoint.address, endpoint.port) for endpoint in found.endpoints}


def reasons(found: Plan) -> list[tuple[str, Reason | None]]:
    return [(finding.host, finding.reason) for finding in found.findings]


async def test_a_bare_host_is_probed_on_all_ports_of_all_addresses() -> None:
    found = await plan("both.test", ports=tuple(PORTS))
    assert places(found) == set(product(["both.test"], ["192.0.2.1", "2001:db8::1"], PORTS))
    for endpoint in found.endpoints:
        row = PORTS[endpoint.port]
        assert (endpoint.protocol, endpoint.tls_mode, endpoint.role) == (row.protocol, row.tls_mode, row.role)
        assert endpoint.domains == ("both.test",)
        assert endpoint.source == "operator"
        assert endpoint.dns_seconds is not None
    assert found.findings == ()


async def test_an_explicit_port_is_probed_alone() -> None:
    found = await plan("both.test:465", "smtp://two.test:2525", "pop3s://192.0.2.9", ports=(25,))
    assert places(found) == {
        ("both.test", "192.0.2.1", 465),
        ("both.test", "2001:db8::1", 465),
        ("two.test", "192.0.2.1", 2525),
        ("two.test", "192.0.2.2", 2525),
        ("192.0.2.9", "192.0.2.9", 995),
    }
    by_port = {endpoint.port: endpoint for endpoint in found.endpoints}
    assert (by_port[2525].protocol, by_port[2525].tls_mode) == (Protocol.SMTP, TlsMode.STARTTLS)
    assert by_port[2525].role is Role.SUBMISSION
    assert by_port[995].tls_mode is TlsMode.IMPLICIT


async def test_a_literal_address_needs_no_look_up() -> None:
    found = await plan("[2001:db8::7]", "192.0.2.7")
    assert {endpoint.dns_seconds for endpoint in found.endpoints} == {None}
    assert {endpoint.host for endpoint in found.endpoints} == {"2001:db8::7", "192.0.2.7"}


async def test_international_names_are_looked_up_as_a_labels() -> None:
    found = await plan("Bücher.test:25")
    assert places(found) == {("xn--bcher-kva.test", "192.0.2.8", 25)}


@pytest.mark.parametrize(
    ("families", "addresses"),
    [((4,), {"192.0.2.1"}), ((6,), {"2001:db8::1"}), ((4, 6), {"192.0.2.1", "2001:db8::1"})],
)
async def test_only_the_families_wanted_are_probed(families: tuple[int, ...], addresses: set[str]) -> None:
    found = await plan("both.test:25", families=families)
    assert {endpoint.address for endpoint in found.endpoints} == addresses


async def test_an_address_of_the_other_family_is_told() -> None:
    found = await plan("[2001:db8::7]:25", "192.0.2.7:25", families=(4,))
    assert places(found) == {("192.0.2.7", "192.0.2.7", 25)}
    (finding,) = found.findings
    assert finding.reason is Reason.NO_ADDRESS
    assert finding.detail == "2001:db8::7 is IPv6, and only IPv4 is asked for"


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("nowhere.test", Reason.NAME_NOT_FOUND),
        ("nodata.test", Reason.NO_ADDRESS),
        ("servfail.test", Reason.DNS_FAILURE),
    ],
)
async def test_a_name_that_leads_nowhere_is_a_finding(host: str, reason: Reason) -> None:
    found = await plan(host, f"{host}:25", "both.test:25")
    assert {endpoint.host for endpoint in found.endpoints} == {"both.test"}
    (finding,) = found.findings  # told once, though two targets say it
    assert (finding.host, finding.domain, finding.reason) == (host, host, reason)
    assert finding.state is State.UNREACHABLE
    assert finding.detail is not None
    assert host in finding.detail
    assert (finding.source, finding.vantage) == ("operator", "here")
    assert 0 < finding.duration < 2


async def test_private_addresses_in_answers_are_refused() -> None:
    found = await plan("mixed.test:25", allow_private=False)
    assert places(found) == {("mixed.test", "8.8.4.4", 25)}
    assert reasons(found) == [("mixed.test", Reason.ADDRESS_NOT_ALLOWED)] * 5
    details = " ".join(finding.detail or "" for finding in found.findings)
    for address in ("10.0.0.1", "127.0.0.1", "169.254.169.254", "::1", "fe80::1"):
        assert f"{address} is a" in details
    assert "--allow-private (probe.allow_private)" in details


async def test_private_addresses_inside_ipv6_ones_are_refused() -> None:
    found = await plan("mapped.test:25", allow_private=False)
    assert found.endpoints == ()
    assert reasons(found) == [("mapped.test", Reason.ADDRESS_NOT_ALLOWED)] * 3


async def test_private_literals_are_refused() -> None:
    texts = (
        "127.0.0.1:25",
        "[::1]:25",
        "10.1.2.3",
        "192.168.0.1:993",
        "[fd00::1]:25",
        "[::ffff:127.0.0.1]:25",
    )
    found = await plan(*texts, allow_private=False)
    assert found.endpoints == ()
    assert {reason for _, reason in reasons(found)} == {Reason.ADDRESS_NOT_ALLOWED}
    assert len(found.findings) == len(texts)


async def test_private_addresses_are_probed_where_that_is_allowed() -> None:
    found = await plan("mixed.test:25", "127.0.0.1:25")
    assert len(found.endpoints) == 7
    assert found.findings == ()


async def test_an_answer_of_too_many_addresses_is_cut_and_told() -> None:
    found = await plan("crowd.test:25", "crowd.test:993")
    addresses = {endpoint.address for endpoint in found.endpoints}
    assert len(addresses) == MAX_ADDRESSES
    assert len(found.endpoints) == 2 * MAX_ADDRESSES  # the same ones for both ports
    (finding,) = found.findings
    assert finding.reason is Reason.SKIPPED
    assert finding.detail == f"crowd.test has 100 addresses; the first {MAX_ADDRESSES} are probed"


async def test_what_is_asked_for_twice_is_probed_once() -> None:
    found = await plan("two.test", "two.test:25", "smtp://two.test:25", "two.test:143", ports=(25, 993))
    assert len(found.endpoints) == 6
    assert places(found) == set(product(["two.test"], ["192.0.2.1", "192.0.2.2"], [25, 993, 143]))


async def test_two_protocols_on_one_port_are_two_endpoints() -> None:
    found = await plan("smtp://192.0.2.1:2525", "imap://192.0.2.1:2525", "smtps://192.0.2.1:2525")
    assert len({endpoint.key for endpoint in found.endpoints}) == 3


async def test_progress_is_told_target_by_target() -> None:
    told: list[int] = []
    async with serving(RECORDS) as (_, place):
        planner = Planner(resolver=Resolver([place], timeout=1), ports=(25,), allow_private=True)
        targets = [parse_target(text) for text in ("both.test", "nowhere.test", "192.0.2.1", "two.test")]
        await planner.plan(targets, told.append)
    assert told == [1, 2, 3, 4]


async def test_so_many_look_ups_are_under_way_at_once_and_no_more() -> None:
    now = most = 0

    class Counting(Resolver):
        async def address_records(self, host: str) -> Answer[str]:
            nonlocal now, most
            now += 1
            most = max(most, now)
            await asyncio.sleep(0)
            now -= 1
            return Answer(host, Status.FOUND, ("192.0.2.1",))

    planner = Planner(resolver=Counting([("127.0.0.1", 53)]), ports=(25,), allow_private=True)
    targets = [parse_target(f"host{number}.test") for number in range(3 * LOOKUPS_AT_ONCE)]
    found = await planner.plan(targets)
    assert len(found.endpoints) == len(targets)
    assert most == LOOKUPS_AT_ONCE


class Outage:
    """A planner whose name server can be told to fail."""

    def __init__(self, zone: Questions, place: tuple[str, int]) -> None:
        self.zone = zone
        self.place = place

    async def plan(self, *texts: str, known: dict[str, tuple[str, ...]], allow_private: bool = True) -> Plan:
        """Plan with a resolver that remembers nothing, as after a reload."""
        planner = Planner(
            resolver=Resolver([self.place], timeout=0.3), ports=(25, 993), allow_private=allow_private
        )
        return await planner.plan([parse_target(text) for text in texts], known=known)


@pytest.mark.parametrize("trouble", [Trouble.SERVFAIL, Trouble.REFUSED, Trouble.SILENT])
async def test_known_addresses_stand_while_the_name_servers_fail(trouble: Trouble) -> None:
    async with serving(RECORDS) as (zone, place):
        outage = Outage(zone, place)
        before = await outage.plan("both.test", "two.test:25", known={})
        zone.change({"both.test": trouble, "two.test": trouble, "new.test": trouble})
        known = await give_way(before.list_addresses())
        during = await outage.plan("both.test", "two.test:25", "new.test", known=known)
        assert places(during) == places(before)
        assert {e.dns_seconds for e in during.endpoints} == {None}
        assert sorted(reasons(during)) == [
            (host, Reason.DNS_FAILURE) for host in ("both.test", "new.test", "two.test")
        ]
        # Outages last: what was known is handed on from plan to plan.
        known = await give_way(during.list_addresses())
        still = await outage.plan("both.test", "two.test:25", known=known)
        assert places(still) == places(before)


@pytest.mark.parametrize("records", [{}, {"both.test": {"MX": ["10 mx.test."]}}])
async def test_a_definite_answer_ends_what_was_known(records: Records) -> None:
    async with serving(records) as (zone, place):
        found = await Outage(zone, place).plan("both.test", known={"both.test": ("192.0.2.1",)})
        assert found.endpoints == ()
        assert len(found.findings) == 1


async def test_known_addresses_obey_the_guard_and_the_targets_of_today() -> None:
    async with serving({"both.test": Trouble.SERVFAIL}) as (zone, place):
        known = {"both.test": ("10.0.0.1", "8.8.4.4"), "removed.test": ("8.8.8.8",)}
        found = await Outage(zone, place).plan("both.test:993", known=known, allow_private=False)
        assert places(found) == {("both.test", "8.8.4.4", 993)}
        assert {reason for _, reason in reasons(found)} == {Reason.DNS_FAILURE, Reason.ADDRESS_NOT_ALLOWED}


async def test_a_plan_of_many_hosts_holds_no_task_of_an_answer_that_is_there() -> None:
    """Tasks of 100,000 hosts that are let go at once, behind the plan, would hold all others up."""
    targets = [parse_target(f"192.0.2.{number}:25") for number in range(1, 201)]
    held: list[bool] = []

    def look(done: int) -> None:
        if done == len(targets):
            tasks = (each for each in gc.get_objects() if isinstance(each, asyncio.Task))
            held.extend(each.done() for each in tasks)

    planner = Planner(
        resolver=Resolver([("192.0.2.1", 53)], timeout=1, families=(4,)), ports=(25,), allow_private=True
    )
    found = await planner.plan(targets, on_resolved=look)
    assert len(found.endpoints) == len(targets)
    assert held
    assert sum(held) <= 2 * LOOKUPS_AT_ONCE
