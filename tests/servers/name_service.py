"""A real NSD that serves signed, unsigned and broken zones, and a real Unbound that validates them."""

import re
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import pytest

from tests.servers.process import find_program, running, wait_until
from tests.servers.sites import DNS_PORT, Sites
from tests.servers.zones import TTL, Signing, Zone, make_zones

ANCHOR = "test"
CHANGEABLE = "plain.test"
CHANGE_SECONDS = 10.0
POLL_SECONDS = 0.1
LONG_AGO = ("-i", "20200101", "-e", "20200201")
_SERIAL = re.compile(r"(?<=hostmaster\.test\. )\d+")
_QUESTION = re.compile(r" info: \S+ (\S*)\. ([A-Z0-9]+) IN$", re.MULTILINE)

_HEAD = """\
$ORIGIN {name}.
$TTL {ttl}
@ SOA ns.{anchor}. hostmaster.{anchor}. 1 3600 600 86400 {ttl}
@ NS ns.{anchor}.
"""

# Its rate limit, which Debian's build has on, would drop what a fast scanner asks.
_NSD = """\
server:
  ip-address: {address}@{port}
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: "{folder}"
  database: ""
  zonelistfile: "{folder}/zone.list"
  xfrdfile: "{folder}/xfrd.state"
  xfrdir: "{folder}"
  pidfile: ""
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
  tcp-count: 200
remote-control:
  control-enable: yes
  control-interface: "{folder}/nsd.ctl"
"""

# All names but those below `test` are refused, so that no query leaves the machine.
_UNBOUND = """\
server:
  interface: {resolver}@{port}
  access-control: 127.0.0.0/8 allow
  outgoing-interface: {resolver}
  do-ip6: no
  do-daemonize: no
  use-syslog: no
  logfile: ""
  log-queries: yes
  log-servfail: yes
  val-log-level: 2
  directory: ""
  chroot: ""
  username: ""
  pidfile: ""
  num-threads: 1
  msg-cache-size: 2m
  rrset-cache-size: 4m
  key-cache-size: 1m
  neg-cache-size: 512k
  incoming-num-tcp: 100
  qname-minimisation: no
  aggressive-nsec: no
  module-config: "validator iterator"
  trust-anchor-file: "{anchor}"
  trust-anchor-signaling: no
  root-key-sentinel: no
  do-not-query-localhost: no
  target-fetch-policy: "0 0 0 0 0"
  ede: yes
  local-zone: "." refuse
  local-zone: "test." transparent
remote-control:
  control-enable: yes
  control-use-cert: no
  control-interface: "{folder}/unbound.ctl"
"""

# One for each zone: with the anchor's alone, Unbound asks twice for what is unsigned.
_STUB = """\
stub-zone:
  name: "{zone}."
  stub-addr: {authority}@{port}
"""


@dataclass(frozen=True, slots=True)
class NameServer:
    """One running name server."""

    address: str
    port: int
    log_file: Path
    process: subprocess.Popen[bytes]

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Let it answer nothing within the block; what it was asked meanwhile, it answers late."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


@dataclass(frozen=True, slots=True)
class NameService:
    """The authority of the zones, and the validating resolver to ask about them."""

    authority: tuple[str, int]
    resolver: tuple[str, int]
    folder: Path
    authority_server: NameServer
    resolver_server: NameServer

    def questions(self) -> list[tuple[str, str]]:
        """Return all that the resolver was asked so far, in order: name as asked, without last dot, and type.

        The log has a question before the one who asked it has the answer.
        """
        return _QUESTION.findall(self.resolver_server.log_file.read_text("utf-8", "replace"))

    def authority_queries(self) -> Counter[str]:
        """Count, by record type, what has reached the authority so far."""
        counts: Counter[str] = Counter()
        for line in self._control("nsd-control", "nsd", "stats_noreset").splitlines():
            key, _, value = line.partition("=")
            if key.startswith("num.type.") and value != "0":
                counts[key.removeprefix("num.type.")] = int(value)
        return counts

    def forget(self) -> None:
        """Empty the resolver's cache of all zones, and what it holds against their servers."""
        self._control("unbound-control", "unbound", "flush_zone", ANCHOR)
        self._control("unbound-control", "unbound", "flush_bogus")
        self._control("unbound-control", "unbound", "flush_infra", "all")

    @contextmanager
    def changed(self, old: str, new: str) -> Iterator[None]:
        """Serve `plain.test` with a piece of its text (see `zone_texts`) replaced within the block."""
        file = self.folder / f"{CHANGEABLE}.zone"
        before = file.read_text()
        if old not in before:
            raise ValueError(f"the zone {CHANGEABLE} has no {old!r}")
        self._publish(file, before.replace(old, new))
        try:
            yield
        finally:
            self._publish(file, before)

    def _publish(self, file: Path, text: str) -> None:
        """Serve another text of a zone under a new serial, and let the resolver forget what it knows."""
        serial = _serial_of(self.authority[0], CHANGEABLE) + 1
        file.write_text(_SERIAL.sub(str(serial), text, count=1))
        self._control("nsd-control", "nsd", "reload", CHANGEABLE)
        if not wait_until(lambda: _serial_of(self.authority[0], CHANGEABLE) == serial, CHANGE_SECONDS):
            log = self.authority_server.log_file.read_text()
            raise RuntimeError(f"NSD did not take the new text of {CHANGEABLE}:\n{log}")
        self.forget()

    def _control(self, program: str, package: str, *command: str) -> str:
        configuration = self.folder / f"{package}.conf"
        argv = [find_program(program, package), "-c", str(configuration), *command]
        return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=20).stdout


def _call(folder: Path, package: str, *argv: str) -> str:
    found = subprocess.run(
        [find_program(argv[0], package), *argv[1:]],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    if found.returncode:
        raise RuntimeError(f"{' '.join(argv)} ended with {found.returncode}: {found.stdout}{found.stderr}")
    return found.stdout.strip()


def _make_key(folder: Path, zone: str) -> tuple[str, str]:
    """Make a fresh key; return the stem of its files and the DS record that the parent needs."""
    stem = _call(folder, "ldnsutils", "ldns-keygen", "-a", "ECDSAP256SHA256", "-k", zone)
    return stem, (folder / f"{stem}.ds").read_text().strip()


def _write_zone(folder: Path, zone: Zone, delegations: str) -> str:
    """Write a zone, signed if it is to be; return the DS record for its parent ("" for none)."""
    file = folder / f"{zone.name}.zone"
    head = _HEAD.format(name=zone.name, ttl=TTL, anchor=ANCHOR)
    file.write_text(head + zone.records + delegations)
    _call(folder, "nsd", "nsd-checkzone", zone.name, file.name)
    if zone.signing is Signing.NONE:
        return ""
    stem, ds = _make_key(folder, zone.name)
    dates = LONG_AGO if zone.signing is Signing.EXPIRED else ()
    _call(folder, "ldnsutils", "ldns-signzone", *dates, "-f", f"{file.name}.signed", file.name, stem)
    (folder / f"{file.name}.signed").replace(file)
    return _make_key(folder, zone.name)[1] if zone.signing is Signing.WRONG_DS else ds


def write_zones(folder: Path, zones: list[Zone]) -> str:
    """Write and sign all zones (children come first); return the DS record of the anchor."""
    delegations: dict[str | None, str] = {}
    ds = ""
    for zone in zones:
        ds = _write_zone(folder, zone, delegations.get(zone.name, ""))
        own = f"{zone.name}. NS ns.{ANCHOR}.\n{ds}\n"
        delegations[zone.parent] = delegations.get(zone.parent, "") + own
    return ds


def _serial_of(address: str, zone: str) -> int:
    """Return the serial that the server on an address gives for a zone; 0 without a good answer."""
    query = dns.message.make_query(zone, "SOA")
    try:
        answer = dns.query.udp(query, address, timeout=POLL_SECONDS, port=DNS_PORT).answer
    except (OSError, dns.exception.DNSException):
        return 0
    serials: list[int] = [record.serial for rrset in answer for record in rrset]
    return max(serials, default=0)


@contextmanager
def _serving(folder: Path, name: str, argv: list[str], address: str) -> Iterator[NameServer]:
    log = folder / f"{name}.log"
    with running(argv, is_ready=lambda: _serial_of(address, ANCHOR) > 0, logs=[log]) as process:
        yield NameServer(address, DNS_PORT, log, process)


@contextmanager
def run_authority(folder: Path, address: str, zones: list[Zone]) -> Iterator[NameServer]:
    """Run NSD with the zones that were written to the folder."""
    listed = "".join(f'zone:\n  name: "{zone.name}"\n  zonefile: "{zone.name}.zone"\n' for zone in zones)
    configuration = folder / "nsd.conf"
    configuration.write_text(_NSD.format(address=address, port=DNS_PORT, folder=folder) + listed)
    argv = [find_program("nsd", "nsd"), "-d", "-c", str(configuration)]
    with _serving(folder, "nsd", argv, address) as server:
        yield server


@contextmanager
def run_resolver(
    folder: Path, address: str, authority: str, zones: list[Zone], anchor: Path
) -> Iterator[NameServer]:
    """Run Unbound, which validates all that the anchor covers and asks no other authority."""
    configuration = folder / "unbound.conf"
    settings = _UNBOUND.format(resolver=address, port=DNS_PORT, folder=folder, anchor=anchor)
    stubs = [_STUB.format(zone=zone.name, authority=authority, port=DNS_PORT) for zone in zones]
    configuration.write_text(settings + "".join(stubs))
    # Debian's AppArmor profile goes by the program's path and lets it read only its own folder in /etc.
    program = shutil.copy(find_program("unbound", "unbound"), folder / "unbound")
    argv = [str(program), "-d", "-p", "-c", str(configuration)]
    with _serving(folder, "unbound", argv, address) as server:
        yield server


@pytest.fixture(scope="session")
def name_service(server_folder: Path, sites: Sites) -> Iterator[NameService]:
    """All zones of `zones` behind a real authority and a real validating resolver."""
    folder = server_folder / "names"
    folder.mkdir()
    zones = make_zones(sites)
    anchor = folder / "anchor.ds"
    anchor.write_text(write_zones(folder, zones) + "\n")
    with (
        run_authority(folder, sites.authority, zones) as authority,
        run_resolver(folder, sites.resolver, sites.authority, zones, anchor) as resolver,
    ):
        yield NameService(
            (authority.address, authority.port),
            (resolver.address, resolver.port),
            folder,
            authority,
            resolver,
        )
