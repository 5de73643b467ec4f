"""The listing of TLS versions against real servers whose versions are known, and against other tools."""

from collections.abc import Mapping

import pytest

from scanner.model import TlsMode
from tests.probe.sweeping import sweep
from tests.servers.canned_tls import CASES, StartCanned
from tests.servers.tls_farms import Farm
from tests.servers.tls_place import ALL_VERSIONS, VERSIONS, TlsPlace, every_subset, label_of
from tests.servers.tls_scanners import SCANNERS

SUBSETS = every_subset()
IDS = [label_of(subset) for subset in SUBSETS]

Difference = tuple[str, str, bool | None, bool | None]
"""A tool, a server, what we say of a version, and what the tool says."""
HANG_UP = "Dovecot hangs up where it shares no version: no proof for us, and 'off' for the tool"
NO_WORD_ON_SSLV2 = "its script for SSLv2 never says that there is none"
EXPLAINED: Mapping[Difference, str] = {
    ("sslscan", "dovecot", None, False): HANG_UP,
    ("nmap", "dovecot", None, False): HANG_UP,
    ("sslyze", "dovecot", None, False): HANG_UP,
    ("nmap", "postfix", False, None): NO_WORD_ON_SSLV2,
    ("nmap", "stunnel", False, None): NO_WORD_ON_SSLV2,
}
"""The table of agreements: every difference to the other tools on servers of known versions, and its cause.

docs/tls.md tells the same to users.
"""


def expected(place: TlsPlace, found: dict[str, bool | None]) -> dict[str, bool | None]:
    """Return what is to be found: the truth, but for what no answer of these servers can prove."""
    truth: dict[str, bool | None] = {version: version in place.versions for version in ALL_VERSIONS}
    if found["SSLv2"] is None:
        truth["SSLv2"] = None
    return truth


async def check(place: TlsPlace) -> None:
    observation, hellos = await sweep(place)
    assert observation.versions is not None
    found = dict(observation.versions)
    assert found == expected(place, found), observation.version_notes
    # One hello for each version that is on and one for the first that is not; SSLv3 and SSLv2 have hellos of
    # their own, which only old servers are asked.
    most = len(place.versions) + 1 + 2 * ("TLSv1.3" not in place.versions) + 1 * ("TLSv1.0" in place.versions)
    assert hellos <= most + 2
    if {"TLSv1.2", "TLSv1.3"} == place.versions:
        assert hellos == 3


@pytest.mark.parametrize("versions", SUBSETS, ids=IDS)
@pytest.mark.parametrize("port", [25, 587, 465])
async def test_postfix_with_every_choice_of_versions(
    versions: frozenset[str], port: int, postfix_farm: Farm
) -> None:
    await check(postfix_farm[versions, port])


@pytest.mark.parametrize("start", range(len(VERSIONS)))
@pytest.mark.parametrize("port", [143, 110, 993, 995])
async def test_dovecot_from_each_version_upwards(start: int, port: int, dovecot_farm: Farm) -> None:
    """Dovecot hangs up where it shares no version, without an alert: what is off cannot be told there."""
    place = dovecot_farm[frozenset(VERSIONS[start:]), port]
    observation, hellos = await sweep(place)
    assert observation.versions is not None
    accepted = {version for version, is_accepted in observation.versions.items() if is_accepted}
    assert accepted == place.versions
    assert {observation.versions[version] for version in VERSIONS[:start]} <= {None, False}
    assert hellos <= len(place.versions) + 4


@pytest.mark.parametrize("versions", SUBSETS, ids=IDS)
@pytest.mark.parametrize("port", [465, 993, 995])
async def test_stunnel_with_every_choice_of_versions(
    versions: frozenset[str], port: int, stunnel_farm: Farm
) -> None:
    await check(stunnel_farm[versions, port])


@pytest.mark.parametrize("versions", SUBSETS, ids=IDS)
async def test_openssl_with_every_choice_of_versions(
    versions: frozenset[str], openssl_places: Mapping[frozenset[str], TlsPlace]
) -> None:
    # Nothing is said inside its TLS, so the probe ends there; the versions are listed all the same.
    place = openssl_places[versions]
    observation, _ = await sweep(place, seconds=1.0)
    if observation.versions is not None:
        assert dict(observation.versions) == expected(place, dict(observation.versions))


@pytest.mark.parametrize("case", CASES)
async def test_what_canned_servers_take_is_found_and_nothing_is_made_up(
    case: str, start_canned: StartCanned
) -> None:
    server = start_canned(case)
    observation, _ = await sweep(server.place, seconds=1.0)
    if case in {"always-421", "always-http"}:  # text where TLS belongs: the probe has said so
        assert observation.versions is None
        return
    assert observation.versions is not None, observation.reason
    if case == "sslv2-without-suites":  # spoken, and of no use: a note, and no version that works
        assert observation.versions["SSLv2"] is not True
        return
    for version, is_accepted in observation.versions.items():
        if is_accepted:
            assert version in server.place.versions, (version, observation.version_notes)
        elif is_accepted is False:
            assert version not in server.place.versions, (version, observation.version_notes)


async def differences(tool: str, place: TlsPlace) -> set[Difference]:
    """Return how a tool's answers differ from ours."""
    observation, _ = await sweep(place)
    assert observation.versions is not None
    theirs = SCANNERS[tool](place)
    server = place.name.split()[0]
    return {
        (tool, server, ours, theirs[version])
        for version, ours in observation.versions.items()
        if ours != theirs[version]
    }


@pytest.mark.parametrize("tool", ["sslscan", "nmap", "sslyze"])
async def test_other_tools_say_the_same_of_real_servers(
    tool: str, postfix_farm: Farm, dovecot_farm: Farm, stunnel_farm: Farm
) -> None:
    step = 3 if tool == "sslyze" else 1  # it takes seconds for each
    places = [postfix_farm[versions, 587] for versions in SUBSETS[::step]]
    places += [dovecot_farm[frozenset(VERSIONS[start:]), 143] for start in range(0, len(VERSIONS), step)]
    places += [stunnel_farm[versions, 993] for versions in (SUBSETS[0], SUBSETS[5], SUBSETS[-1])]
    found = {difference for place in places for difference in await differences(tool, place)}
    assert found == {difference for difference in EXPLAINED if difference[0] == tool}


async def test_testssl_says_the_same_of_a_real_server(postfix_farm: Farm) -> None:
    """One choice alone: it takes many seconds."""
    found = await differences("testssl.sh", postfix_farm[frozenset({"TLSv1.0", "TLSv1.2"}), 587])
    assert found == {difference for difference in EXPLAINED if difference[0] == "testssl.sh"}


async def test_groups_are_listed_with_the_versions(postfix_farm: Farm) -> None:
    place = postfix_farm[frozenset({"TLSv1.2", "TLSv1.3"}), 587]
    observation, hellos = await sweep(place, with_groups=True)
    assert hellos <= 5
    assert observation.preferred_group is not None
    assert observation.post_quantum is False  # Debian 12 has OpenSSL 3.0
    assert place.tls_mode is TlsMode.STARTTLS
