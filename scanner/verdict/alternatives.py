"""The working alternative: another port of the same service that was measured and works."""

from collections.abc import Iterable
from dataclasses import replace

from scanner.model import PORTS, Observation, Severity, Standing, TlsMode, Verdict
from scanner.verdict.level import is_blocked, is_downgraded, works

_PREFERENCE = (Standing.RECOMMENDED, Standing.SECURE, Standing.SERVERS, Standing.LEGACY)
_WAYS = {TlsMode.IMPLICIT: "TLS from the first byte", TlsMode.STARTTLS: "STARTTLS"}


def find_alternative(seen: Observation, others: Iterable[Observation]) -> str | None:
    """Return where a client of this service could turn instead, by what was measured; None = not known.

    The same host comes before others, and the port that is recommended before the rest.
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
    best = min(found, key=lambda other: (other.endpoint.host != endpoint.host, *_rank(other)))
    return f"{best.endpoint.host}:{best.endpoint.port}, {_WAYS[best.endpoint.tls_mode]}"


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


def _rank(other: Observation) -> tuple[int, int, str, int]:
    row = PORTS.get(other.endpoint.port)
    place = _PREFERENCE.index(row.standing) if row is not None else len(_PREFERENCE)
    return (place, -other.level, other.endpoint.host, other.endpoint.port)
