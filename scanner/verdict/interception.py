"""The signs that something in our own network answers in place of the servers, or changes what they say."""

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from scanner.model import Certificate, Observation, Phase, Reason, State, TlsMode
from scanner.model.control import Control, Gate, Realm, realm_of
from scanner.model.masked import is_masked_banner
from scanner.verdict.banner import normalise_banner
from scanner.verdict.rules import quote

NEAR_RATIO = 0.5
NEAR_GAP_SECONDS = 0.005
SUPPORTING = frozenset({"nearer_than_other_ports"})
"""Signs that prove nothing by themselves: one lost packet elsewhere looks the same."""

_FOREIGN = frozenset({Reason.WRONG_PROTOCOL, Reason.PLAINTEXT_ON_TLS_PORT, Reason.TLS_ON_PLAINTEXT_PORT})
_CLIENT_ADDRESS = re.compile(
    r"(?:ready for requests from |hello .{0,300}?\[(?:IPv6:)?|at your service, \[)([0-9A-Fa-f.:]{3,45})",
    re.IGNORECASE,
)


def proves_itself(seen: Observation) -> bool:
    """Tell whether a server's certificate proves it to be the one that was asked for (RFC 9525)."""
    certificate = seen.certificate
    return certificate is not None and certificate.trusted and certificate.name_matches


@dataclass(frozen=True, slots=True)
class Asked:
    """A control and what a probe of it saw."""

    control: Control
    seen: Observation

    @property
    def name(self) -> str:
        """The control for people."""
        return f"{self.control.host} [{self.seen.endpoint.address}]"

    @property
    def is_told(self) -> bool:
        """Whether it tells anything: not where our own machine could not ask."""
        own = {Reason.PROBE_RESOURCES, Reason.INTERNAL, Reason.SKIPPED, Reason.EXCLUDED}
        return self.seen.reason not in own

    @property
    def has_answered(self) -> bool:
        """Whether words or a certificate came back, whosever they are."""
        seen = self.seen
        has_spoken = seen.banner is not None or seen.certificate is not None
        return has_spoken or seen.state in {State.OPEN, State.REJECTING} or seen.reason in _FOREIGN

    @property
    def is_proven(self) -> bool:
        """Whether its certificate proves that it is itself: who intercepts has none for its name."""
        return proves_itself(self.seen)


@dataclass(frozen=True, slots=True)
class Round:
    """All that was asked once about a gate."""

    gate: Gate
    listed: int
    """How many controls the list has; those without an address of the gate's kind are not asked."""
    asked: tuple[Asked, ...]
    sites: tuple[tuple[str, bool], ...] = ()
    """Web sites and whether they could be connected to; asked only where no control answered."""
    has_other_answers: bool = False
    """Whether a server answered on another port a moment ago."""
    dark: str | None = None
    """The dark address that was asked; None = none was."""
    is_dark_answering: bool = False
    connect_elsewhere: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """Seconds that a connection to another port of an address took, at best."""
    witnesses: tuple[str, ...] = ()
    """Targets that answered on the port after the controls were silent on it."""
    is_store_proven: bool = False
    """Whether any control's certificate ever verified, so that ours is a store of the public CAs."""

    @property
    def told(self) -> tuple[Asked, ...]:
        """The controls that tell anything."""
        return tuple(one for one in self.asked if one.is_told)

    @property
    def answering(self) -> tuple[Asked, ...]:
        """The controls that answered."""
        return tuple(one for one in self.told if one.has_answered)


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign of an interception."""

    id: str
    text: str
    """The evidence in words."""
    shown_by: tuple[Asked, ...] = ()
    """The controls that show it; none where something else does."""


def find_signs(asked: Round) -> tuple[Sign, ...]:
    """Return all signs of an interception that a round shows."""
    return tuple(sign for look in _LOOKS for sign in look(asked))


def _unexpected_greetings(asked: Round) -> Iterator[Sign]:
    """One server may have changed its greeting; all whose greeting is known do not at once.

    One that turns us away need not say its name.
    """
    judged = [
        one
        for one in asked.answering
        if one.seen.reason in _FOREIGN
        or (
            (one.control.banner is not None and one.seen.banner is not None)
            and one.seen.state is not State.REJECTING
        )
    ]
    lacking = [
        one
        for one in judged
        if one.seen.reason in _FOREIGN or not one.control.is_named_by(one.seen.banner or "")
    ]
    if judged and len(lacking) == len(judged):
        first = lacking[0]
        shown = quote(first.seen.banner or first.seen.detail)
        text = f"{first.control.host} does not greet as it does: {shown}"
        yield Sign("greeting_unexpected", text, tuple(lacking))


def _same_greetings(asked: Round) -> Iterator[Sign]:
    found = _shared(asked.answering, lambda one: one.seen.banner and normalise_banner(one.seen.banner))
    for greeting, alike in found:
        yield Sign("same_greeting", f"unrelated servers greet with the same words, {quote(greeting)}", alike)


def _same_certificates(asked: Round) -> Iterator[Sign]:
    found = _shared(
        asked.answering,
        lambda one: one.seen.certificate.fingerprint_sha256 if one.seen.certificate else None,
    )
    for fingerprint, alike in found:
        text = f"unrelated servers show one certificate, {fingerprint[:16]}..."
        yield Sign("same_certificate", text, alike)


def _private_ca(asked: Round) -> Iterator[Sign]:
    """No public CA is behind any of them: by a store that knows the public ones, or all by one issuer."""
    shown_by = tuple(one for one in asked.answering if one.seen.certificate is not None)
    certificates = [one.seen.certificate for one in shown_by if one.seen.certificate is not None]
    is_unknown = certificates and not any(certificate.trusted for certificate in certificates)
    if not is_unknown or not _are_unrelated(shown_by):
        return
    issuers = {certificate.issuer for certificate in certificates}
    if len(issuers) == 1 or (asked.is_store_proven and all(map(_is_unknown_ca, certificates))):
        issuer = quote(certificates[0].issuer)
        yield Sign("no_public_ca", f"no certificate is of a public CA; the issuer is {issuer}", shown_by)


def _dark_answers(asked: Round) -> Iterator[Sign]:
    if asked.is_dark_answering:
        yield Sign("dark_address_answers", f"{asked.dark}, where nothing is, accepts connections")


def _no_starttls(asked: Round) -> Iterator[Sign]:
    """All that are known to offer STARTTLS do so no more, or it is overwritten (RFC 3207 section 6)."""
    known = [
        one
        for one in asked.answering
        if one.control.starttls and one.control.tls_mode is TlsMode.STARTTLS and one.seen.starttls is not None
    ]
    lacking = [one for one in known if _lacks_starttls(one.seen)]
    if known and len(lacking) == len(known) and _are_unrelated(known):
        is_masked = any(one.seen.starttls is not None and one.seen.starttls.masked for one in lacking)
        what = "is overwritten" if is_masked else "is gone"
        yield Sign("starttls_missing", f"STARTTLS {what} at all servers at once", tuple(lacking))


def _masked_greetings(asked: Round) -> Iterator[Sign]:
    greetings = tuple(one for one in asked.answering if one.seen.banner is not None)
    if _are_unrelated(greetings) and all(is_masked_banner(one.seen.banner or "") for one in greetings):
        text = "the greetings of all servers are overwritten with asterisks"
        yield Sign("greeting_masked", text, greetings)


def _turned_away(asked: Round) -> Iterator[Sign]:
    """421 from everyone: servers limit each for itself, a proxy limits for all."""
    is_all = all((one.seen.banner or "").startswith("421") for one in asked.answering)
    if is_all and _are_unrelated(asked.answering):
        yield Sign("turned_away_by_all", "all servers greet with 421 at once", asked.answering)


def _private_client(asked: Round) -> Iterator[Sign]:
    """A server out in the Internet cannot see a private address of ours."""
    if asked.gate.realm is not Realm.PUBLIC:
        return
    found = [(one, _client_address(one.seen)) for one in asked.answering]
    odd = [(one, address) for one, address in found if address and realm_of(address) is not Realm.PUBLIC]
    if odd:
        text = f"{odd[0][0].control.host} sees us at {odd[0][1]}, which is not public"
        yield Sign("private_client_address", text, tuple(one for one, _ in odd))


def _nearer(asked: Round) -> Iterator[Sign]:
    """Whoever answers is nearer than the server: it connects much faster than another port of the address."""
    pairs = [
        (one.seen.phases[Phase.CONNECT], asked.connect_elsewhere[one.seen.endpoint.address])
        for one in asked.answering
        if Phase.CONNECT in one.seen.phases and one.seen.endpoint.address in asked.connect_elsewhere
    ]
    if pairs and all(here < there * NEAR_RATIO and there - here > NEAR_GAP_SECONDS for here, there in pairs):
        here, there = pairs[0]
        words = f"it connects in {here * 1000:.0f} ms, another port of the same address in {there * 1000:.0f}"
        yield Sign("nearer_than_other_ports", words)


_LOOKS: tuple[Callable[[Round], Iterator[Sign]], ...] = (
    _dark_answers,
    _unexpected_greetings,
    _same_greetings,
    _same_certificates,
    _masked_greetings,
    _no_starttls,
    _private_ca,
    _turned_away,
    _private_client,
    _nearer,
)


def _are_unrelated(some: Sequence[Asked]) -> bool:
    """Whether at least two providers are among them; a control that names none may belong to anyone."""
    return len({one.control.provider for one in some if one.control.provider is not None}) > 1


def _shared(
    some: Sequence[Asked], read: Callable[[Asked], str | None]
) -> tuple[tuple[str, tuple[Asked, ...]], ...]:
    """Return what most controls of several providers have in common, and these; nothing where none have."""
    alike: dict[str, list[Asked]] = {}
    for one in some:
        if (value := read(one)) and one.control.provider is not None:
            alike.setdefault(value, []).append(one)
    found = [(value, tuple(ones)) for value, ones in alike.items() if _are_unrelated(ones)]
    return tuple(sorted(found, key=lambda each: -len(each[1]))[:1])


def _is_unknown_ca(certificate: Certificate) -> bool:
    """Whether the chain leads nowhere that we know, and not merely because it is expired."""
    return certificate.trust_fault is not None or "untrusted" in certificate.problems


def _lacks_starttls(seen: Observation) -> bool:
    starttls = seen.starttls
    return starttls is not None and seen.tls is None and (starttls.masked or not starttls.offered)


def _client_address(seen: Observation) -> str | None:
    """Return the address that a server says it sees us at, where its words are known."""
    for text in (seen.hello, seen.banner):
        found = _CLIENT_ADDRESS.search(text or "")
        if found is not None:
            try:
                return str(ipaddress.ip_address(found[1].rstrip(".:")))
            except ValueError:
                continue
    return None
