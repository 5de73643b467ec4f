"""What is kept of an observation to be held against others: a few words of each, since scans are large."""

import re
from dataclasses import dataclass

from scanner.model import Certificate, Observation, Role, State
from scanner.model.observation import Key
from scanner.model.registrable import registrable_domain
from scanner.model.target import is_address
from scanner.verdict.banner import normalise_banner
from scanner.verdict.tls_versions import TLS_VERSIONS, full_name, is_older

GOOD = "TLSv1.2"
_VERIFIED = 3
"""The lowest level whose certificate verifies."""
_VERSION_BEHIND = re.compile(r" v?\d\S*$", re.ASCII)
_HOST_NAME = re.compile(r"(?<![\w@.-])[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,63}(?![\w-])", re.ASCII)
_NOBODYS = (".local", ".localdomain", ".lan", ".home", ".internal", ".invalid", ".example", ".localhost")
_NOBODYS_DOMAINS = frozenset({"example.com", "example.net", "example.org"})
_NO_PUBLIC_CA = frozenset({"self_signed", "unknown_ca"})
_NONE: frozenset[str] = frozenset()
"""One for all: most have none of anything."""


@dataclass(frozen=True, slots=True)
class PrivateCertificate:
    """A leaf certificate that no public CA has signed."""

    fingerprint: str
    names: tuple[str, ...]
    issuer: str | None
    """None where it signed itself."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One endpoint as it was seen last, as far as others can be held against it."""

    key: Key
    source: str
    domains: tuple[str, ...]
    role: Role
    provider: str | None
    tolerated: frozenset[str]
    is_open: bool
    product: str | None
    """The software without its version."""
    version: str | None
    """The TLS version agreed on, which is the highest that the server has."""
    is_plain: bool
    """Whether it is open and does not offer STARTTLS, with no mark of stripping: those have own verdicts."""
    is_verified: bool | None
    """None where there is no TLS, or an old one whose certificate the level does not tell."""
    accepted: frozenset[str] = frozenset()
    """Old TLS versions that a sweep found accepted."""
    refused: frozenset[str] = frozenset()
    """Old TLS versions that a sweep found refused; what could not be told is in neither."""
    certificate: PrivateCertificate | None = None
    """None as well where DANE vouches for it."""
    banner: str | None = None
    """The greeting without what changes; None where a certificate vouches for who gave it."""

    @property
    def is_mx(self) -> bool:
        """Whether servers talk to the port."""
        return self.role is Role.MX

    @property
    def organisation(self) -> str:
        """Who runs it: the provider by the catalogue, else whoever holds the host's registrable domain."""
        host = self.key[0]
        return self.provider or registrable_domain(host) or host

    @property
    def owners(self) -> frozenset[str]:
        """The registrable domains of the host and of the domains that it serves."""
        return frozenset(registrable_domain(name) or name for name in (self.key[0], *self.domains))

    @property
    def is_nameless(self) -> bool:
        """Whether it was given as an address, so that no name is known to be its own."""
        return all(map(is_address, (self.key[0], *self.domains)))

    @property
    def place(self) -> str:
        """The endpoint in words."""
        host, address, port, _, _ = self.key
        return f"port {port} of {host}" + (f" ({address})" if address != host else "")


def named_in(banner: str) -> frozenset[str]:
    """Return whose names a normalised greeting bears, as registrable domains.

    Names that anybody's software may bear, whose operator has not given it one, do not count.
    """
    hosts = (name.lower() for name in _HOST_NAME.findall(banner.replace("<*>", "0")))
    found = {registrable_domain(host) for host in hosts if not host.endswith(_NOBODYS)}
    return frozenset(name for name in found if name is not None and name not in _NOBODYS_DOMAINS)


def sight(observation: Observation) -> Sighting | None:
    """Return what to keep of a judged observation; None where the server said nothing."""
    endpoint, state = observation.endpoint, observation.state
    version = observation.tls.version if observation.tls is not None else None
    versions, banner, software = observation.versions or {}, observation.banner, observation.software
    if version is None and not versions and banner is None:
        return None
    starttls = observation.starttls
    lacks_starttls = starttls is not None and not (starttls.offered or starttls.masked)
    lacks_starttls = lacks_starttls and not observation.preauth and observation.ehlo_reply is None
    expectation = endpoint.expectation
    is_verified = None if version is None or is_older(version, GOOD) else observation.level >= _VERIFIED
    old = [name for name in TLS_VERSIONS if is_older(name, GOOD)]
    return Sighting(
        key=endpoint.key,
        source=endpoint.source,
        domains=endpoint.domains,
        role=endpoint.role,
        provider=expectation.provider if expectation is not None else None,
        tolerated=expectation.tolerated if expectation is not None else _NONE,
        is_open=state is State.OPEN,
        product=_VERSION_BEHIND.sub("", software) if software is not None else None,
        version=full_name(version) if version is not None else None,
        is_plain=state is State.OPEN and version is None and lacks_starttls,
        is_verified=is_verified,
        accepted=frozenset(name for name in old if versions.get(name) is True) if versions else _NONE,
        refused=frozenset(name for name in old if versions.get(name) is False) if versions else _NONE,
        certificate=None if is_verified else _keep(observation.certificate),
        banner=normalise_banner(banner) if banner is not None and not is_verified else None,
    )


def _keep(certificate: Certificate | None) -> PrivateCertificate | None:
    """Keep a certificate of no public CA; one whose CA may as well be public is left out.

    A leaf that came alone and is not logged is of none: public CAs log what they sign.
    """
    if certificate is None:
        return None
    fault = certificate.trust_fault
    is_unlogged = fault == "incomplete_chain" and certificate.missing_intermediate is None
    if fault not in _NO_PUBLIC_CA and not is_unlogged:
        return None
    issuer = None if fault == "self_signed" else certificate.issuer
    return PrivateCertificate(certificate.fingerprint_sha256, certificate.names, issuer)
