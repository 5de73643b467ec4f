"""The working alternative: another port of the same service that was measured and works."""

from collections.abc import Iterable
from dataclasses import replace

from scanner.model import Observation, Role, Severity, TlsMode, Verdict
from scanner.verdict.level import is_blocked, is_downgraded, works
from scanner.verdict.recommendation import fits_clients, is_legacy, rank_port

_WAYS = {TlsMode.IMPLICIT: "TLS from the first byte", TlsMode.STARTTLS: "STARTTLS"}


def find_alternative(seen: Observation, others: Iterable[Observation]) -> str | None:
    """Return where a client of this service could turn instead, by what was measured; None = not known.

    What a mail program may be told to use comes before what merely works, the same host before others,
    and the port that is recommended before the rest. A legacy port is named as one.
    """
    endpoint = seen.endpoint
    found = [
        other
        for other in others
        if other.endpoint.key != endpoint.key
        and (other.endpoint.protocol, other.endpoint.role) == (endpoint.protocol, endpoint.role)
        and (other.endpoint.host, other.endpoint.port) != (endpoint.host, endpoint.port)
        and works(other)
        and not (is_downgraded(other) or is_blocked(other))
    ]
    if not found:
        return None
    best = min(
        found, key=lambda other: (*_rank_use(other), other.endpoint.host != endpoint.host, *_rank(other))
    )
    legacy = ", a legacy port: for the time being only" if is_legacy(best.endpoint.port) else ""
    return f"{best.endpoint.host}:{best.endpoint.port}, {_WAYS[best.endpoint.tls_mode]}{legacy}"


def with_alternative(seen: Observation, alternative: str) -> Observation:
    """Return the observation with the alternative at each verdict that keeps clients away."""
    return replace(
        seen,
        verdicts=tuple(_add(verdict, alternative) for verdict in seen.verdicts),
        standing=None
        if seen.standing is None
        else tuple(replace(each, verdict=_add(each.verdict, alternative)) for each in seen.standing),
    )


def _add(verdict: Verdict, alternative: str) -> Verdict:
    if verdict.severity < Severity.WARNING:
        return verdict
    return replace(verdict, working_alternative=alternative)


def _rank_use(other: Observation) -> tuple[bool]:
    """Put what fits mail programs first; servers take any port that works."""
    return (other.endpoint.role is not Role.MX and not fits_clients(other),)


def _rank(other: Observation) -> tuple[int, int, str, int]:
    return (rank_port(other.endpoint.port), -other.level, other.endpoint.host, other.endpoint.port)
