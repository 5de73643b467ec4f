"""A scan of more targets than are judged as one: each server probed once, and told for every section."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from scanner.config import Settings, default_settings, override
from scanner.model import Reason
from scanner.model.record import Record
from scanner.model.target import Target, parse_target
from scanner.network import ConnectFailure, open_connection
from scanner.probe import prober
from scanner.service import sections
from scanner.service.journal import Journal
from scanner.service.lens import Lens
from scanner.service.parts import build_parts
from scanner.service.scan import run_scan
from tests.cli.running_farm import RunningFarm, open_farm
from tests.probe.probing import until
from tests.service.test_scan_controls import Kept

DOMAINS = [f"d{number}.test" for number in range(8)]
AT_ONCE = 3


@pytest.fixture(scope="module")
def farm() -> Iterator[RunningFarm]:
    shared = {name: {"MX": ["10 healthy.mail.test."]} for name in DOMAINS}
    with open_farm(records=shared) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _short_sections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sections, "TARGETS_AT_ONCE", AT_ONCE)


def settings_for(farm: RunningFarm, *targets: str) -> Settings:
    changes = {
        "resolver.servers": [farm.farm.resolver],
        "probe.ca_file": str(farm.farm.ca_file),
        "probe.allow_private": True,
        "probe.versions_interval": None,
        "probe.timeout": 2,
        "ports": [25],
        "limits.rate": 0,
        "limits.per_address_gap": 0,
    }
    return override(default_settings([parse_target(text) for text in targets]), changes)


async def scan(settings: Settings, journal: Path | None = None) -> list[Record]:
    kept = Kept()
    opened = None if journal is None else Journal(journal, Lens.of(settings))
    await run_scan(settings, build_parts(settings), kept, opened)
    if opened is not None:
        opened.close()
    return kept.records


def probed(records: list[Record]) -> list[Record]:
    return [record for record in records if record["port"] is not None]


async def test_a_server_of_many_domains_is_probed_once_and_told_for_each_section(farm: RunningFarm) -> None:
    before = len(farm.connects())
    records = probed(await scan(settings_for(farm, *DOMAINS)))
    assert len(farm.connects()) == before + 1
    assert [record["domains"] for record in records] == [DOMAINS[:3], DOMAINS[3:6], DOMAINS[6:]]
    assert len({record["started_at"] for record in records}) == 1
    assert {record["state"] for record in records} == {"open"}


async def test_every_domain_is_judged_as_in_a_list_of_its_own(farm: RunningFarm) -> None:
    # A gap in what a domain has is told, whichever section it is in.
    def notices(records: list[Record]) -> Counter[tuple[str, str | None]]:
        return Counter((record["domain"], record["detail"]) for record in records if record["port"] is None)

    settings = override(settings_for(farm, *DOMAINS), {"ports": [25, 587, 993]})
    together = await scan(settings)
    alone: list[Record] = []
    for domain in DOMAINS:
        alone += await scan(override(settings_for(farm, domain), {"ports": [25, 587, 993]}))
    assert notices(together) == notices(alone)
    assert len(notices(together)) >= len(DOMAINS)


async def test_a_server_that_each_section_expects_other_names_of_has_its_versions_for_all() -> None:
    records = {f"_imaps._tcp.{name}": {"SRV": ["0 1 993 healthy.mail.test."]} for name in DOMAINS}
    with open_farm(records={name: {} for name in DOMAINS} | records) as farm:
        settings = override(settings_for(farm, *DOMAINS), {"ports": [993], "probe.versions_interval": 86400})
        told = probed(await scan(settings))
    assert sorted(domain for record in told for domain in record["domains"]) == sorted(DOMAINS)
    assert len(told) == -(-len(DOMAINS) // AT_ONCE)
    assert all(record["tls"]["versions"]["TLSv1.2"] for record in told)


async def test_the_journal_has_each_endpoint_once_and_a_resumed_scan_says_the_same(
    farm: RunningFarm, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    first = await scan(settings_for(farm, *DOMAINS), journal)
    assert journal.read_bytes().count(b"\n") == 1
    before = len(farm.connects())
    # Another list: some are gone, one is new, in another order.
    again = await scan(settings_for(farm, *DOMAINS), journal)
    other = await scan(settings_for(farm, *reversed(DOMAINS[1:])), journal)
    assert len(farm.connects()) == before
    assert [record["domains"] for record in probed(again)] == [record["domains"] for record in probed(first)]
    assert sorted(domain for record in probed(other) for domain in record["domains"]) == sorted(DOMAINS[1:])


async def test_what_this_machine_lacks_is_waited_for_and_said_of_no_target(
    farm: RunningFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect, lacking = open_connection, iter(range(3))

    async def short_of_ports(*arguments: Any, **options: Any) -> Any:
        if next(lacking, None) is not None:
            raise ConnectFailure(Reason.PROBE_RESOURCES, "cannot assign requested address (EADDRNOTAVAIL)")
        return await connect(*arguments, **options)

    monkeypatch.setattr(prober, "open_connection", short_of_ports)
    targets = farm.targets("healthy")
    records = await scan(settings_for(farm, *targets))
    assert next(lacking, None) is None
    assert [record["state"] for record in probed(records)] == ["open"] * len(targets)


async def test_targets_come_in_while_others_are_probed(farm: RunningFarm) -> None:
    kept = Kept()

    async def more() -> AsyncIterator[list[Target]]:
        yield [parse_target(DOMAINS[0])]
        # The list goes on only when the first result is there.
        await until(lambda: bool(kept.records), 20)
        yield [parse_target(farm.targets("healthy")[2])]

    settings = settings_for(farm)
    await run_scan(settings, build_parts(settings), kept, more=more())
    assert len(probed(kept.records)) == 2
