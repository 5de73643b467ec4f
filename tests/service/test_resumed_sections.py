"""A scan of several sections, killed at any moment and gone on with, tells what a whole one tells.

Sections lead to the same servers by domains that publish different things, so that the same answers of a
server are another verdict for each.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from types import MappingProxyType

import pytest

from scanner.config import Settings, default_settings, override
from scanner.discovery import Plan, Planner
from scanner.model import (
    Dane,
    DaneStatus,
    Endpoint,
    Expectation,
    StsClaim,
    StsMode,
    StsPolicy,
    TlsaRecord,
)
from scanner.model.record import Record
from scanner.model.target import Target, parse_target
from scanner.service import sections
from scanner.service.journal import Journal
from scanner.service.lens import Lens
from scanner.service.parts import build_parts
from scanner.service.scan import run_scan
from tests.cli.running_farm import RunningFarm, open_farm
from tests.service.test_scan_controls import Kept

DOMAINS = [f"d{number}.test" for number in range(8)]
AT_ONCE = 3
STRICT = StsPolicy(StsMode.ENFORCE, ("mx.elsewhere.example",), 86400)
WRONG = Dane(DaneStatus.SECURE, (TlsaRecord(3, 1, 1, bytes(32)),))
WITH_POLICY, WITH_DANE = {"d1.test", "d4.test"}, {"d4.test", "d6.test"}
"""Sections are 0 to 2, 3 to 5, and 6 and 7."""


class Publishing(Planner):
    """Finds what some of the domains publish beside what is really there."""

    async def plan(
        self,
        targets: Iterable[Target],
        on_resolved: Callable[[int], None] = lambda _: None,
        *,
        known: Mapping[str, Sequence[str]] = MappingProxyType({}),
    ) -> Plan:
        """Plan, and add to it."""
        plan = await super().plan(targets, on_resolved, known=known)
        return replace(plan, endpoints=tuple(map(self._publish, plan.endpoints)))

    def _publish(self, endpoint: Endpoint) -> Endpoint:
        if endpoint.port != 25:
            return endpoint
        strict = tuple(domain for domain in endpoint.domains if domain in WITH_POLICY)
        claims = (StsClaim(STRICT, strict),) if strict else ()
        dane = WRONG if WITH_DANE.intersection(endpoint.domains) else None
        return replace(endpoint, expectation=Expectation(mta_sts=claims, dane=dane))


@pytest.fixture(scope="module")
def farm() -> Iterator[RunningFarm]:
    hosts = ("healthy", "starttls-missing", "greeting-554")
    records = {name: {"MX": [f"10 {host}.mail.test." for host in hosts]} for name in DOMAINS}
    by_srv = {f"_imaps._tcp.{name}": {"SRV": ["0 1 993 healthy.mail.test."]} for name in DOMAINS[2:5]}
    with open_farm(records=records | by_srv) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _short_sections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sections, "TARGETS_AT_ONCE", AT_ONCE)


@pytest.fixture
def settings(farm: RunningFarm) -> Settings:
    changes = {
        "resolver.servers": [farm.farm.resolver],
        "probe.ca_file": str(farm.farm.ca_file),
        "probe.allow_private": True,
        "probe.versions_interval": None,
        "probe.timeout": 20,
        "ports": [25, 993],
        "limits.rate": 0,
        "limits.per_address_gap": 0,
    }
    return override(default_settings([parse_target(name) for name in DOMAINS]), changes)


async def scan(settings: Settings, path: Path, kept: Kept | None = None) -> list[Record]:
    kept = kept or Kept()
    parts = build_parts(settings)
    planner = Publishing(**{field.name: getattr(parts.planner, field.name) for field in fields(Planner)})
    journal = Journal(path, Lens.of(settings))
    try:
        await run_scan(settings, replace(parts, planner=planner), kept, journal)
    finally:
        journal.close()
    return kept.records


def timeless(records: Iterable[Record]) -> list[str]:
    """Records in an order of their own, without when and how long.

    What two servers of several sections tell together is told once, for the section that was done first.
    """
    untimed = ("started_at", "duration", "phases", "bytes_read")
    texts = []
    for record in records:
        is_shared = record["port"] is None and record["host"] not in record["domains"]
        left_out = (*untimed, "domain", "domains") if is_shared else untimed
        texts.append(repr({name: value for name, value in record.items() if name not in left_out}))
    return sorted(texts)


async def test_wherever_a_scan_is_killed_its_resumption_tells_what_a_whole_one_tells(
    farm: RunningFarm, settings: Settings, tmp_path: Path
) -> None:
    whole = timeless(await scan(settings, tmp_path / "whole"))
    verdicts = {
        name: sum(f"'{name}'" in one for one in whole) for name in ("mta_sts_violated", "dane_violated")
    }
    assert verdicts == {"mta_sts_violated": 4, "dane_violated": 4}  # else all sections are told the same
    lines = (tmp_path / "whole").read_bytes().splitlines(keepends=True)
    assert len(lines) >= 6
    for count in range(len(lines) + 1):
        torn = lines[count][:700] if count < len(lines) else b""
        path = tmp_path / f"killed-{count}"
        path.write_bytes(b"".join(lines[:count]) + torn)
        before = len(farm.connects())
        assert timeless(await scan(settings, path)) == whole, count
        assert len(farm.connects()) - before == len(lines) - count
        assert path.read_bytes().count(b"\n") == len(lines)


async def test_a_scan_that_is_broken_off_in_the_middle_is_gone_on_with(
    farm: RunningFarm, settings: Settings, tmp_path: Path
) -> None:
    class Impatient(Kept):
        def found(self, record: Record) -> None:
            super().found(record)
            if len(self.records) == 4:
                running.cancel()

    whole = timeless(await scan(settings, tmp_path / "whole"))
    kept = Impatient()
    running = asyncio.ensure_future(scan(settings, tmp_path / "journal", kept))
    with pytest.raises(asyncio.CancelledError):
        await running
    assert 4 <= len(kept.records) < len(whole)
    assert timeless(await scan(settings, tmp_path / "journal")) == whole


async def test_another_list_has_its_own_verdicts_of_what_the_first_one_saw(
    farm: RunningFarm, settings: Settings, tmp_path: Path
) -> None:
    await scan(settings, tmp_path / "journal")
    for names in (["d7.test", "d1.test"], ["d6.test"], DOMAINS[::-1]):
        other = override(settings, {}).model_copy(update={"targets": tuple(map(parse_target, names))})
        fresh = timeless(await scan(other, tmp_path / f"fresh-{len(names)}"))
        assert timeless(await scan(other, tmp_path / "journal")) == fresh
