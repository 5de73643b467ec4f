"""The things in which endpoints that belong together may differ: how each is measured, and told."""

from collections.abc import Callable
from dataclasses import dataclass

from scanner.model import TlsMode
from scanner.verdict.rules import enumerate_shortly, quote
from scanner.verdict.sighting import Sighting, named_in
from scanner.verdict.tls_versions import TLS_VERSIONS, rank_of

_COMPARE = "compare from another network: what differs there as well is the server's own doing"


@dataclass(frozen=True, slots=True)
class Aspect:
    """One thing in which siblings may differ."""

    measure: Callable[[Sighting], int | None]
    """How good an endpoint is in it, higher is better; None = it tells nothing."""
    tell: Callable[[Sighting, Sighting], str | None]
    """The worse and the better one in words; None where they do not differ after all."""
    advice: str
    usual: frozenset[str]
    """Verdicts on one endpoint alone; where they are tolerated, nothing is told here either."""


def _measure_starttls(one: Sighting) -> int | None:
    if one.version is None:
        return 0 if one.is_plain else None
    return 2 if one.key[4] == TlsMode.STARTTLS else 1


def _tell_starttls(worse: Sighting, better: Sighting) -> str | None:
    if not worse.is_plain:
        return None  # TLS from the first byte is no worse
    return f"{_at(worse)} offers no TLS, while {better.place} speaks {better.version}"


def _measure_version(one: Sighting) -> int | None:
    return rank_of(one.version) if one.version is not None else None


def _tell_version(worse: Sighting, better: Sighting) -> str:
    return f"{_at(worse)} agrees on {worse.version} at best, while {better.place} agrees on {better.version}"


def _measure_certificate(one: Sighting) -> int | None:
    return None if one.is_verified is None else int(one.is_verified)


def _tell_certificate(worse: Sighting, better: Sighting) -> str:
    return f"The certificate on {worse.place} does not verify, while that on {better.place} does"


def _measure_refusal(one: Sighting) -> int | None:
    return len(one.refused) - len(one.accepted) if one.accepted or one.refused else None


def _tell_legacy(worse: Sighting, better: Sighting) -> str | None:
    differing = tuple(name for name in TLS_VERSIONS if name in worse.accepted & better.refused)
    if not differing:
        return None
    return f"{_at(worse)} accepts {enumerate_shortly(differing)}, which {better.place} refuses"


def _measure_name(one: Sighting) -> int | None:
    """Tell whether it greets in the name of its host or of a domain it serves, or a certificate proves it."""
    if one.is_nameless:
        return None
    if one.is_verified:
        return 1
    names = named_in(one.banner) if one.banner is not None else frozenset()
    return int(not names.isdisjoint(one.owners)) if names else None


def _tell_name(worse: Sighting, better: Sighting) -> str | None:
    return f"{_at(worse)} greets in another's name ({quote(worse.banner)}), and {better.place} in its own"


def _at(one: Sighting) -> str:
    return one.place[0].upper() + one.place[1:]


STARTTLS = Aspect(
    _measure_starttls,
    _tell_starttls,
    f"Enable STARTTLS there; if it is enabled, a filter on the path removes it: {_COMPARE}",
    frozenset({"starttls_missing"}),
)
VERSION = Aspect(
    _measure_version,
    _tell_version,
    f"Give both the same TLS settings; if they have them, something on the path lowers one: {_COMPARE}",
    frozenset({"tls_version_below_policy"}),
)
CERTIFICATE = Aspect(
    _measure_certificate,
    _tell_certificate,
    "Let it present the certificate that its sibling has, or one for the same name",
    frozenset({"certificate_untrusted", "certificate_name_mismatch", "certificate_expired"}),
)
LEGACY = Aspect(
    _measure_refusal,
    _tell_legacy,
    "Give both the same TLS settings",
    frozenset({"legacy_tls_accepted"}),
)
NAME = Aspect(
    _measure_name,
    _tell_name,
    f"Nothing to do where another machine takes the mail; else something redirects the port: {_COMPARE}",
    frozenset(),
)
ASPECTS = (STARTTLS, VERSION, CERTIFICATE, LEGACY, NAME)
"""In the order in which they are told."""
