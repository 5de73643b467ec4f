"""Asks testssl.sh, sslscan, nmap and sslyze which versions a place serves, for comparing answers.

What each of them cannot tell, found with the servers of this folder, stands at its function.
"""

import json
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from xml.etree.ElementTree import Element

from defusedxml import ElementTree

from scanner.model import TlsMode
from tests.servers.process import ServerNotStartedError, find_program
from tests.servers.tls_place import ALL_VERSIONS, TlsPlace

Answers = Mapping[str, bool | None]
"""Of each version: on, off, or the tool does not say."""
RUN_SECONDS = 100
SSLYZE_PYTHON = Path(__file__).parents[2] / ".cache" / "sslyze" / "bin" / "python"
"""Made by scripts/sslyze.sh."""
_TIMED_OUT = 124

_TESTSSL_NAMES = MappingProxyType(
    {
        "SSLv2": "SSLv2",
        "SSLv3": "SSLv3",
        "TLS1": "TLSv1.0",
        "TLS1_1": "TLSv1.1",
        "TLS1_2": "TLSv1.2",
        "TLS1_3": "TLSv1.3",
    }
)
_SSLYZE_NAMES = MappingProxyType(
    {
        "ssl_2_0_cipher_suites": "SSLv2",
        "ssl_3_0_cipher_suites": "SSLv3",
        "tls_1_0_cipher_suites": "TLSv1.0",
        "tls_1_1_cipher_suites": "TLSv1.1",
        "tls_1_2_cipher_suites": "TLSv1.2",
        "tls_1_3_cipher_suites": "TLSv1.3",
    }
)


class ScannerFailedError(RuntimeError):
    """A tool gave no report; the text carries what it printed."""


def testssl_command(place: TlsPlace, report: Path) -> list[str]:
    """Return the command whose report (JSON, a list of findings) lists the versions."""
    argv = [find_program("testssl", "testssl.sh"), "--quiet", "--color", "0", "--warnings", "off"]
    argv += ["--nodns", "none", "--connect-timeout", "5", "--openssl-timeout", "5"]
    argv += ["--jsonfile", str(report), "--protocols", "--ip", place.address]
    if place.tls_mode is TlsMode.STARTTLS:
        argv += ["--starttls", place.protocol.value]
    return [*argv, f"{place.host}:{place.port}"]


def sslscan_command(place: TlsPlace) -> list[str]:
    """Return the command that prints the versions as XML and asks nothing else."""
    argv = [find_program("sslscan", "sslscan"), "--no-colour", "--xml=-", f"--sni-name={place.host}"]
    argv += [f"--no-{check}" for check in ("ciphersuites", "groups", "heartbleed", "renegotiation")]
    argv += [f"--no-{check}" for check in ("compression", "fallback", "check-certificate")]
    if place.tls_mode is TlsMode.STARTTLS:
        argv.append(f"--starttls-{place.protocol.value}")
    return [*argv, f"{place.address}:{place.port}"]


def nmap_command(place: TlsPlace) -> list[str]:
    """Return the command that prints the suites of each version as XML."""
    argv = [find_program("nmap", "nmap"), "-Pn", "-n", "-p", str(place.port), "-oX", "-"]
    # The plus sign runs a script on ports that nmap does not take for TLS.
    argv += ["--script", "+ssl-enum-ciphers,+sslv2", "--script-args", f"tls.servername={place.host}"]
    return [*argv, place.address]


def sslyze_command(place: TlsPlace) -> list[str]:
    """Return the command that prints the suites of each version as JSON."""
    if not SSLYZE_PYTHON.exists():
        raise ServerNotStartedError(f"no {SSLYZE_PYTHON}: run scripts/sslyze.sh, as make test does")
    argv = [str(SSLYZE_PYTHON), "-m", "sslyze", "--json_out=-", "--mozilla_config=disable"]
    argv += ["--sni", place.host, "--sslv2", "--sslv3", "--tlsv1", "--tlsv1_1", "--tlsv1_2", "--tlsv1_3"]
    if place.tls_mode is TlsMode.STARTTLS:
        argv += ["--starttls", place.protocol.value]
    return [*argv, f"{place.address}:{place.port}"]


def ask_testssl(place: TlsPlace) -> Answers:
    """Ask testssl.sh 3.0; it takes ten seconds, and more than a minute where a server falls silent.

    After STARTTLS it tells a 421 in clear from an answer of TLS, and says that it does not know, but for
    SSLv2, which is "off" then. So is what is answered by handshake_failure, internal_error or silence. A hole
    it calls a downgrade.
    """
    with tempfile.TemporaryDirectory(prefix="mailport-testssl-") as folder:
        report = Path(folder) / "report.json"
        printed = _run(testssl_command(place, report))
        return read_testssl(report.read_text("utf-8") if report.exists() else "", printed)


def read_testssl(report: str, printed: str = "") -> Answers:
    """Return what a report of testssl.sh says."""
    try:
        findings = {entry["id"]: entry["finding"] for entry in json.loads(report)}
    except (ValueError, KeyError, TypeError) as error:
        raise ScannerFailedError(f"testssl.sh wrote no report: {printed[-2000:]}") from error
    return {ours: _meaning(findings.get(theirs)) for theirs, ours in _TESTSSL_NAMES.items()}


def _meaning(finding: str | None) -> bool | None:
    """testssl.sh writes a sentence: `not offered`, `is not offered, and ...`, `vulnerable with 2 ciphers`."""
    if finding is None or "likely" in finding:
        return None
    if "not offered" in finding:
        return False
    return True if finding.startswith(("offered", "vulnerable", "supported but")) else None


def ask_sslscan(place: TlsPlace) -> Answers:
    """Ask sslscan 2.0. It has no third answer: silence, a 421 in clear and every alert are "off"."""
    return read_sslscan(_run(sslscan_command(place)))


def read_sslscan(printed: str) -> Answers:
    """Return what the XML of sslscan says."""
    root = _parse("sslscan", printed)
    answers: dict[str, bool | None] = dict.fromkeys(ALL_VERSIONS)
    for entry in root.iter("protocol"):
        prefix = "SSLv" if entry.get("type") == "ssl" else "TLSv"
        answers[f"{prefix}{entry.get('version')}"] = entry.get("enabled") == "1"
    return answers


def ask_nmap(place: TlsPlace) -> Answers:
    """Ask nmap 7.93.

    It lists what is on and is silent on the rest, refused or not answered: a version that it does not list is
    "off" here if it lists another, else unknown.
    Its script for SSLv2 never says that there is none.
    It speaks STARTTLS on the ports that are known for it, and only there.
    """
    return read_nmap(_run(nmap_command(place)))


def read_nmap(printed: str) -> Answers:
    """Return what the XML of nmap says."""
    scripts = {script.get("id"): script for script in _parse("nmap", printed).iter("script")}
    answers: dict[str, bool | None] = dict.fromkeys(ALL_VERSIONS)
    ciphers = scripts.get("ssl-enum-ciphers")
    if ciphers is not None:
        listed = {table.get("key") for table in ciphers.findall("table")}
        if listed & set(ALL_VERSIONS):
            answers = {version: version in listed for version in ALL_VERSIONS}
    # The script of SSLv2 is another one, and silent where there is none.
    old = scripts.get("sslv2")
    answers["SSLv2"] = True if old is not None and "SSLv2 supported" in (old.get("output") or "") else None
    return answers


def ask_sslyze(place: TlsPlace) -> Answers:
    """Ask sslyze 6.3. It has no third answer: a version of which no suite was accepted is "off".

    It asks for nothing where its first handshake fails, and counts silence and hang-ups as refusals.
    """
    return read_sslyze(_run(sslyze_command(place)))


def read_sslyze(printed: str) -> Answers:
    """Return what the JSON of sslyze says; nothing where it could not reach the server."""
    try:
        servers = json.loads(printed)["server_scan_results"]
        found = (servers[0].get("scan_result") or {}) if servers else {}
        return {version: _has_suites(found.get(command)) for command, version in _SSLYZE_NAMES.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ScannerFailedError(f"sslyze wrote no report: {printed[-2000:]}") from error


def _has_suites(attempt: Mapping[str, Mapping[str, object] | None] | None) -> bool | None:
    result = (attempt or {}).get("result")
    return None if result is None else bool(result["accepted_cipher_suites"])


def _run(argv: list[str]) -> str:
    """Run a tool and return its output; some of them end with an error status for what they found."""
    # `timeout` ends the whole group, and testssl.sh has many children.
    limited = ["timeout", "--kill-after=5", str(RUN_SECONDS), *argv]
    done = subprocess.run(limited, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode == _TIMED_OUT:
        raise ScannerFailedError(f"{argv[0]} did not end in {RUN_SECONDS} s")
    return done.stdout.decode("utf-8", "replace") or done.stderr.decode("utf-8", "replace")


def _parse(tool: str, printed: str) -> Element:
    try:
        root: Element = ElementTree.fromstring(printed)
    except ElementTree.ParseError as error:
        raise ScannerFailedError(f"{tool} wrote no report: {printed[-2000:]}") from error
    return root


SCANNERS: Mapping[str, Callable[[TlsPlace], Answers]] = MappingProxyType(
    {"testssl.sh": ask_testssl, "sslscan": ask_sslscan, "nmap": ask_nmap, "sslyze": ask_sslyze}
)
"""The tools by name."""
