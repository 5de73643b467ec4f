"""Building the parts anew: what stays, what is read again, and that a failure changes nothing."""

from pathlib import Path

import pytest

from scanner.config import parse_settings
from scanner.network import Resolver, resolver
from scanner.service.parts import Parts, build_parts

SETTINGS = parse_settings("targets: [mail.test]", source="mailport.yml", base=Path(), environ={})


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> Parts:
    """Parts built on one hosts file and one resolv.conf, after which the machine has others."""
    say(monkeypatch, "192.0.2.1", "127.0.0.53")
    built = build_parts(SETTINGS)
    say(monkeypatch, "192.0.2.2", "127.0.0.54")
    return built


def say(monkeypatch: pytest.MonkeyPatch, address: str, server: str) -> None:
    monkeypatch.setattr(resolver, "read_hosts", lambda: {"mail.test": (address,)})
    monkeypatch.setattr(resolver, "read_system_places", lambda: ((server, 53),))


async def facts(used: Resolver) -> tuple[tuple[str, ...], list[str]]:
    return await used.addresses("mail.test"), [str(server) for server in used._servers.in_order()]


async def test_a_reload_reads_the_hosts_file_and_resolv_conf_again(parts: Parts) -> None:
    used = parts.planner.resolver
    assert build_parts(SETTINGS, (SETTINGS, parts)).planner.resolver is used
    assert await facts(used) == (("192.0.2.2",), ["127.0.0.54:53"])


async def test_a_reload_that_fails_changes_nothing(parts: Parts, tmp_path: Path) -> None:
    no_pem = tmp_path / "ca.pem"
    no_pem.write_text("no certificate")
    # Settings with such a file are refused; this one went bad after they were read.
    faulty = SETTINGS.model_copy(update={"probe": SETTINGS.probe.model_copy(update={"ca_file": no_pem})})
    with pytest.raises(ValueError, match="no usable CA certificates"):
        build_parts(faulty, (SETTINGS, parts))
    assert await facts(parts.planner.resolver) == (("192.0.2.1",), ["127.0.0.53:53"])
