"""What it costs to list the TLS versions of one SMTP server with STARTTLS: connections, CPU, time.

testssl.sh, nmap, sslscan, sslyze and mailport ask the same Postfix on loopback, in turns, through a
relay that counts their connections. CPU is user and kernel time of each tool's own process and of all that it
has waited for; the server and the relay are not counted. `mailport` is one sweep of many in a process that
runs already, as in a watch, `and a probe` has a whole probe with the certificate before each sweep; `its
command` is a whole `mailport scan`. `versions` is what the tool found. The last line holds the cheapest of
the others, none of which is asked for the certificate's faults, against sweep and probe.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from bench.processes.figures import note
from scanner.model import Protocol
from tests.servers.listener import Listener
from tests.servers.process import reserved_address, state_folder
from tests.servers.relay import run_relay
from tests.servers.tls_certificates import create_zoo
from tests.servers.tls_farms import NETWORK, SMTP_PORTS, run_postfix_farm
from tests.servers.tls_place import ALL_VERSIONS, TlsPlace
from tests.servers.tls_scanners import (
    Answers,
    ScannerFailedError,
    nmap_command,
    read_nmap,
    read_sslscan,
    read_sslyze,
    read_testssl,
    sslscan_command,
    sslyze_command,
    testssl_command,
)

SECONDS = 300.0
SWEEPS = 200
"""How many of ours one run makes: one alone is too short for the clock of the CPU."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of a tool took."""

    answers: Answers | None
    """None where the tool tells nothing of versions."""
    cpu_seconds: float
    wall_seconds: float
    profile_seconds: float | None = None
    """CPU of a probe and a sweep, where that was measured."""


def run_tool(argv: list[str], read: Callable[[str], Answers | None]) -> Cost:
    """Run a command to its end, with its output in a file, and read what it printed."""
    with tempfile.TemporaryFile() as output:
        begun = time.perf_counter()
        with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output) as process:
            try:
                # Not Popen.wait: only the kernel's own answer tells the CPU of one child.
                _, status, used = os.wait4(process.pid, 0)
            except BaseException:
                process.kill()
                raise
            process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - begun
        output.seek(0)
        printed = output.read().decode("utf-8", "replace")
    try:
        answers = read(printed)
    except (LookupError, OSError, ValueError, ScannerFailedError) as error:
        message = f"{argv[0]} ended with status {process.returncode} and gave no report to read: {error!r}"
        raise SystemExit(message) from error
    return Cost(answers, used.ru_utime + used.ru_stime, wall)


def measure_testssl(place: TlsPlace) -> Cost:
    """Run `testssl.sh --protocols`."""
    with tempfile.TemporaryDirectory(prefix="mailport-bench-") as folder:
        report = Path(folder) / "report.json"
        return run_tool(testssl_command(place, report), lambda _: read_testssl(report.read_text("utf-8")))


def measure_nmap(place: TlsPlace) -> Cost:
    """Run nmap's scripts `ssl-enum-ciphers` and `sslv2`; they list suites as well."""
    return run_tool(nmap_command(place), read_nmap)


def measure_sslscan(place: TlsPlace) -> Cost:
    """Run sslscan with all its other questions off."""
    return run_tool(sslscan_command(place), read_sslscan)


def measure_sslyze(place: TlsPlace) -> Cost:
    """Run sslyze's six commands of versions; they list suites as well."""
    return run_tool(sslyze_command(place), read_sslyze)


def measure_ours(place: TlsPlace) -> Cost:
    """Sweep many times in one process, and take the share of one: a watch has its process already."""
    places = (place.host, place.address, str(place.port), place.protocol.value, str(SWEEPS))
    argv = [sys.executable, str(Path(__file__).parent / "processes" / "sweeper.py"), *places]
    done = subprocess.run(argv, capture_output=True, check=True, timeout=SECONDS)
    report = json.loads(done.stdout)
    answers = {version: report["versions"].get(version) for version in ALL_VERSIONS}
    return Cost(answers, report["cpu"], report["wall"], report["profile"])


def measure_command(place: TlsPlace) -> Cost:
    """Run `mailport scan` on the port: the start of the command, a whole probe and its verdict as well."""
    target = f"{place.protocol.value}://{place.address}:{place.port}"
    command = Path(sys.executable).with_name("mailport")
    argv = [str(command), "scan", target, "--allow-private", "--format", "ndjson"]
    return run_tool(argv, read_ours)


def read_ours(printed: str) -> Answers | None:
    """Return the versions of the record; None where a record has no list of them."""
    tls = json.loads(printed.splitlines()[0]).get("tls") or {}
    listed = tls.get("versions")
    if not listed:
        return None
    return {version: listed.get(version) for version in ALL_VERSIONS}


def found_in(answers: Answers | None) -> str:
    """Return the versions found, `-` where the tool tells none."""
    if answers is None:
        return "-"
    return " ".join(version.removeprefix("TLSv") for version in ALL_VERSIONS if answers[version]) or "none"


def print_line(name: str, cost: Cost, connections: int) -> None:
    figures = f"{connections:>12}{cost.cpu_seconds:>10.4f}{cost.wall_seconds:>10.2f}"
    print(f"{name:<12}{figures}  {found_in(cost.answers)}", flush=True)


def measure_all(tools: Mapping[str, Callable[[TlsPlace], Cost]], place: TlsPlace, listener: Listener) -> None:
    """Run each tool once and print what it took."""
    print(f"{'tool':<12}{'connections':>12}{'CPU s':>10}{'wall s':>10}  versions", flush=True)
    others: dict[str, float] = {}
    profile = 0.0
    for name, measure in tools.items():
        before = listener.connections
        cost = measure(place)
        connections = listener.connections - before
        if cost.profile_seconds is not None:
            profile = cost.profile_seconds
            # The probes, and the first sweep, which does not count, count in the relay too.
            connections = (connections - 1 - SWEEPS) // (2 * SWEEPS + 1)
            print_line(name, cost, connections)
            with_probe = replace(cost, cpu_seconds=profile, wall_seconds=float("nan"))
            print_line("and a probe", with_probe, connections + 1)
            continue
        if measure is not measure_command:
            others[name] = cost.cpu_seconds
        print_line(name, cost, connections)
    best = min(others, key=lambda name: others[name])
    note(profile_ratio=others[best] / profile)
    print(f"{best} / mailport with a probe: {others[best] / profile:.0f} times the CPU", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--versions", nargs="+", default=["TLSv1.2", "TLSv1.3"], choices=ALL_VERSIONS[2:], help="to serve"
    )
    parser.add_argument("--without-sslyze", action="store_true", help="sslyze takes the longest by far")
    options = parser.parse_args()
    choice = frozenset(options.versions)
    tools = {"testssl.sh": measure_testssl, "nmap": measure_nmap, "sslscan": measure_sslscan}
    with ExitStack() as stack:
        folder = stack.enter_context(state_folder("bench"))
        if not options.without_sslyze:
            tools["sslyze"] = measure_sslyze
        tools["mailport"] = measure_ours
        tools["its command"] = measure_command
        server, front = (stack.enter_context(reserved_address(NETWORK, SMTP_PORTS)) for _ in range(2))
        files = create_zoo(folder / "zoo").files("rsa-2048")
        farm = stack.enter_context(run_postfix_farm(folder / "postfix", files, {choice: server}))
        # nmap speaks STARTTLS on port 25 and a few others alone.
        place, listener = stack.enter_context(run_relay(farm[choice, 25], where=(front, 25)))
        assert place.protocol is Protocol.SMTP
        measure_all(tools, place, listener)
    return 0


if __name__ == "__main__":
    sys.exit(main())
