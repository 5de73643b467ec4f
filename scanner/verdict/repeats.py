"""Finds the same answer at hosts that have nothing to do with each other: somebody else may be giving it."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from scanner.model import Kind, Severity, Verdict
from scanner.model.observation import Key
from scanner.model.registrable import registrable_domain
from scanner.model.target import is_address
from scanner.verdict.rules import enumerate_shortly, quote
from scanner.verdict.sighting import Sighting, named_in


@dataclass(frozen=True, slots=True)
class _Repeated:
    """One answer, and who gives it."""

    sort: str
    """`certificate`, `issuer` or `greeting`."""
    text: str
    members: Sequence[Sighting]

    @property
    def is_of_providers(self) -> bool:
        """Whether hosts of several providers of the catalogue give it: these have nothing in common."""
        return len({one.provider for one in self.members if one.provider is not None}) > 1


def judge_repeats(sightings: Iterable[Sighting]) -> Iterator[tuple[Key, Verdict]]:
    """Yield verdicts on hosts that give the very answer of hosts they have nothing to do with.

    That is a certificate of no public CA which names none of them (`tls_terminated_by_proxy`), or a greeting
    in the name of somebody else (`egress_intercepted`). Where providers of the catalogue give it, something
    between us and them answers: a warning for each, and the same issuer is enough. Where only the domains
    differ, one operator may stand behind them all, so that is one notice.
    """
    told = set()
    for repeated in _find_repeated(sightings):
        verdict = _make_verdict(repeated)
        affected = repeated.members if repeated.is_of_providers else repeated.members[:1]
        for one in affected:
            if (one.key, verdict.id) not in told:
                told.add((one.key, verdict.id))
                yield one.key, verdict


def _find_repeated(sightings: Iterable[Sighting]) -> Iterator[_Repeated]:
    groups: dict[tuple[str, Hashable], list[Sighting]] = {}
    for one in sightings:
        for sort, answer in _answers_of(one):
            groups.setdefault((sort, answer), []).append(one)
    for (sort, _), group in groups.items():
        members = sorted(group, key=lambda one: one.key)
        if not _are_unrelated(members, _names_in(sort, members[0])):
            continue
        repeated = _Repeated(sort, _text_of(sort, members[0]), members)
        if sort != "issuer" or repeated.is_of_providers:  # a CA that is not public may serve many
            yield repeated


def _answers_of(one: Sighting) -> Iterator[tuple[str, Hashable]]:
    if one.certificate is not None:
        yield "certificate", one.certificate.fingerprint
        if one.certificate.issuer is not None:
            yield "issuer", one.certificate.issuer
    if one.banner is not None and named_in(one.banner):
        yield "greeting", (one.key[3], one.banner)


def _names_in(sort: str, one: Sighting) -> frozenset[str]:
    """Return whose names an answer bears, as registrable domains; addresses as they are."""
    if sort == "greeting" and one.banner is not None:
        return named_in(one.banner)
    if sort != "certificate" or one.certificate is None:
        return frozenset()
    names = (name.removeprefix("*.").lower() for name in one.certificate.names)
    owned = (name if is_address(name) else registrable_domain(name) for name in names)
    return frozenset(name for name in owned if name is not None)


def _text_of(sort: str, one: Sighting) -> str:
    if sort == "greeting":
        return one.banner or ""
    return (one.certificate.issuer if one.certificate is not None else None) or ""


def _are_unrelated(members: Sequence[Sighting], names: frozenset[str]) -> bool:
    """Whether at least two have different addresses and organisations, and the answer is in nobody's name.

    Hosts that serve one domain, or one registrable domain, belong together.
    """
    if len({one.key[1] for one in members}) < 2:
        return False
    organisations: set[str] = set()
    seen: set[str] = set()
    for one in members:
        owners = one.owners
        if owners & names:
            return False
        if one.organisation not in organisations and owners.isdisjoint(seen):
            organisations.add(one.organisation)
        seen |= owners
    return len(organisations) > 1


def _make_verdict(repeated: _Repeated) -> Verdict:
    hosts = enumerate_shortly(tuple(dict.fromkeys(one.key[0] for one in repeated.members)))
    nameless = [one.is_nameless for one in repeated.members]
    # Of an address nobody knows the name, so a greeting may well be in its own.
    whose = "" if any(nameless) else ", in the name of none of them"
    what = {
        "certificate": "present the very same certificate, of no public CA, which names none of them",
        "issuer": f"present certificates of one CA that is not public, {quote(repeated.text)}",
        "greeting": f"give the very same greeting{whose}: {quote(repeated.text)}",
    }[repeated.sort]
    is_greeting = repeated.sort == "greeting"
    name = "egress_intercepted" if is_greeting else "tls_terminated_by_proxy"
    if not repeated.is_of_providers:
        return Verdict(
            name,
            Kind.NOTICE,
            Severity.NOTICE,
            f"{_say_kinship(nameless)} ({hosts}) {what}.",
            "Nothing to do where one operator runs them all; else something between here and them answers: "
            "probe from another network.",
        )
    return Verdict(
        name,
        Kind.BLOCKED if is_greeting else Kind.DOWNGRADE,
        Severity.WARNING,
        f"Hosts of different providers ({hosts}) {what}: something between here and them "
        f"{'answers in their place' if is_greeting else 'ends TLS'}.",
        "Do not trust this network with mail; probe from another one, and ask its operator about a proxy.",
    )


def _say_kinship(nameless: Sequence[bool]) -> str:
    """Say what the hosts have to do with each other; of addresses that is not known."""
    if not any(nameless):
        return "Hosts of different domains"
    who = "Addresses" if all(nameless) else "Hosts and addresses"
    return f"{who} that are not known to belong together"
