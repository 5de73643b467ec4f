"""Holds endpoints that belong together against each other: what one has and its sibling lacks (D26)."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from scanner.model import Kind, Severity, TlsMode, Verdict
from scanner.model.observation import Key
from scanner.verdict.aspects import ASPECTS, CERTIFICATE, LEGACY, NAME, STARTTLS, VERSION, Aspect
from scanner.verdict.sighting import Sighting
from scanner.verdict.tls_versions import TLS_VERSIONS

SIBLINGS_DISAGREE = "siblings_disagree"
Weight = tuple[Kind, Severity]

_STRIPPED = (Kind.DOWNGRADE, Severity.WARNING)
_WEAKER = (Kind.WEAKNESS, Severity.WARNING)
_WORTH_KNOWING = (Kind.WEAKNESS, Severity.NOTICE)


@dataclass(frozen=True, slots=True)
class Bond:
    """What makes endpoints siblings, and how much each difference between them weighs."""

    group: Callable[[Sighting], Hashable | None]
    """Endpoints with the same group are siblings; None = it has none of this sort."""
    weights: Mapping[Aspect, Weight]
    fits: Callable[[Sighting, Sighting], bool] = lambda _, __: True


def _is_same_product(one: Sighting, other: Sighting) -> bool:
    """Whether the same product may serve both ports; what is not known may be the same."""
    return one.product is None or other.product is None or one.product == other.product


def _is_other_port(one: Sighting, other: Sighting) -> bool:
    return one.key[2:] != other.key[2:]


def _is_same_daemon(one: Sighting, other: Sighting) -> bool:
    return _is_other_port(one, other) and _is_same_product(one, other)


def _by_product(one: Sighting) -> Hashable | None:
    return (one.key[1], one.product) if one.product is not None else None


def _by_product_and_role(one: Sighting) -> Hashable | None:
    return (one.key[1], one.product, one.is_mx) if one.product is not None else None


def _by_client_host(one: Sighting) -> Hashable | None:
    """An MX may have any certificate (RFC 7435): that its other ports have a better one is no difference."""
    return None if one.is_mx else one.key[:2]


BONDS = (
    # The addresses of one host, the same port: nothing but the way to them should differ.
    Bond(
        lambda one: (one.key[0], *one.key[2:]),
        {STARTTLS: _STRIPPED, VERSION: _WEAKER, CERTIFICATE: _WEAKER, LEGACY: _WORTH_KNOWING},
    ),
    # Ports that one daemon serves at an address, by what it calls itself or at least by its protocol. An MX
    # may lawfully take older versions than ports for clients (RFC 7435): in these it is held against none.
    Bond(lambda one: (one.key[1], one.key[3]), {STARTTLS: _STRIPPED, VERSION: _WEAKER}, _is_same_daemon),
    # Another machine behind one port of them, or a redirection of it.
    Bond(lambda one: (*one.key[:2], one.key[3]), {NAME: (Kind.NOTICE, Severity.NOTICE)}, _is_other_port),
    Bond(_by_product, {STARTTLS: _STRIPPED, VERSION: _STRIPPED}, _is_other_port),
    Bond(lambda one: (one.key[1], one.key[3], one.is_mx), {LEGACY: _WORTH_KNOWING}, _is_same_daemon),
    Bond(_by_product_and_role, {LEGACY: _WORTH_KNOWING}, _is_other_port),
    # Other daemons at the address have settings of their own, and mostly the same library.
    Bond(lambda one: one.key[1], {VERSION: _WORTH_KNOWING}, _is_other_port),
    Bond(_by_client_host, {CERTIFICATE: _WEAKER}),
)
_KIN: Mapping[Aspect, Weight] = {STARTTLS: _STRIPPED, VERSION: _WEAKER, CERTIFICATE: _WORTH_KNOWING}
"""MX hosts of one organisation."""
_STRANGERS: Mapping[Aspect, Weight] = {STARTTLS: _WEAKER, VERSION: _WORTH_KNOWING}
"""MX hosts of one domain that different organisations run."""

Found = dict[Key, dict[Aspect, tuple[Weight, str]]]


def judge_siblings(sightings: Iterable[Sighting]) -> Iterator[tuple[Key, Verdict]]:
    """Yield a verdict `siblings_disagree` for each endpoint that is worse than one it belongs to.

    Siblings are the addresses of a host, the ports of an address, and the MX hosts of a domain, as far as
    they are among the sightings: those of one host may be given alone. A port that is not open, or whose TLS
    could not be told, says nothing. What the catalogue tolerates is left out. The work grows with the number
    of endpoints and of the domains of each.
    """
    standing = [one for one in sightings if one.is_open]
    found: Found = {}
    for bond in BONDS:
        for group in _group(standing, bond.group):
            for aspect, weight in bond.weights.items():
                _compare(group, aspect, weight, bond.fits, found)
    for hosts in _group_mx(standing):
        _compare_mx(hosts, found)
    for key, aspects in found.items():
        yield key, _make_verdict(aspects)


def _group(
    sightings: Iterable[Sighting], key: Callable[[Sighting], Hashable | None]
) -> Iterator[list[Sighting]]:
    groups: dict[Hashable, list[Sighting]] = {}
    for one in sightings:
        name = key(one)
        if name is not None:
            groups.setdefault(name, []).append(one)
    return (group for group in groups.values() if len(group) > 1)


def _compare(
    group: list[Sighting],
    aspect: Aspect,
    weight: Weight,
    fits: Callable[[Sighting, Sighting], bool],
    found: Found,
) -> None:
    """Hold each of a group against the best of it."""
    best = _best(group, aspect)
    if best is None:
        return
    for one in group:
        if one is not best and fits(one, best):
            _note(one, best, aspect, weight, found)


def _best(group: Iterable[Sighting], aspect: Aspect) -> Sighting | None:
    best, most = None, -len(TLS_VERSIONS) - 1
    for one in group:
        measured = aspect.measure(one)
        if measured is not None and measured > most:
            best, most = one, measured
    return best


def _note(worse: Sighting, better: Sighting, aspect: Aspect, weight: Weight, found: Found) -> None:
    """Write down that one is worse than another, unless that is so by an own account or known as graver."""
    measured, best = aspect.measure(worse), aspect.measure(better)
    if measured is None or best is None or measured >= best or not aspect.usual.isdisjoint(worse.tolerated):
        return
    text = aspect.tell(worse, better)
    if text is None:
        return
    weight = _adapt(weight, worse, better, aspect)
    known = found.setdefault(worse.key, {}).get(aspect)
    if known is None or _gravity(weight) > _gravity(known[0]):
        found[worse.key][aspect] = (weight, text)


def _adapt(weight: Weight, worse: Sighting, better: Sighting, aspect: Aspect) -> Weight:
    """Weigh less what proves less: no STARTTLS beside implicit TLS alone, any certificate on an MX."""
    if SIBLINGS_DISAGREE in worse.tolerated:
        return (Kind.NOTICE, Severity.NOTICE)
    if aspect is STARTTLS and weight == _STRIPPED and better.key[4] != TlsMode.STARTTLS:
        return _WEAKER
    return _WORTH_KNOWING if aspect is CERTIFICATE and worse.is_mx else weight


def _gravity(weight: Weight) -> tuple[int, bool]:
    kind, severity = weight
    return severity, kind is Kind.DOWNGRADE


def _group_mx(sightings: Iterable[Sighting]) -> Iterator[list[list[Sighting]]]:
    """Yield the MX hosts of each domain, each with its addresses; hosts that many domains share only once."""
    domains: dict[str, dict[str, list[Sighting]]] = {}
    for one in sightings:
        if one.is_mx:
            for domain in one.domains:
                domains.setdefault(domain, {}).setdefault(one.key[0], []).append(one)
    seen = set()
    for hosts in domains.values():
        names = frozenset(hosts)
        if len(hosts) > 1 and names not in seen:
            seen.add(names)
            yield list(hosts.values())


def _compare_mx(hosts: list[list[Sighting]], found: Found) -> None:
    """Hold each host at its best against the best; that its addresses differ is told of these."""
    for aspect in _KIN:
        bests = [best for host in hosts if (best := _best(host, aspect)) is not None]
        best = _best(bests, aspect)
        if best is None:
            continue
        for one in bests:
            weights = _KIN if one.organisation == best.organisation else _STRANGERS
            if aspect in weights:
                _note(one, best, aspect, weights[aspect], found)


def _make_verdict(aspects: Mapping[Aspect, tuple[Weight, str]]) -> Verdict:
    """Join what is told of one endpoint: one verdict, as grave as the gravest."""
    told = [(aspect, *aspects[aspect]) for aspect in ASPECTS if aspect in aspects]
    kind, severity = max((weight for _, weight, _ in told), key=_gravity)
    return Verdict(
        SIBLINGS_DISAGREE,
        kind,
        severity,
        " ".join(f"{text}." for _, _, text in told),
        " ".join(f"{advice}." for advice in dict.fromkeys(aspect.advice for aspect, _, _ in told)),
    )
