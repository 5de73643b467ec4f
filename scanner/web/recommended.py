"""Which servers and ports a person should set up for reading and sending, by what was measured."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scanner.model import Protocol, Role, Service, TlsMode
from scanner.verdict.recommendation import fits_clients, is_client_port, rank_port
from scanner.web.brief import Brief

_SERVICES = {Protocol.SMTP: Service.SUBMISSION, Protocol.IMAP: Service.IMAP, Protocol.POP3: Service.POP3}
_WAYS = {TlsMode.IMPLICIT: "TLS from the first byte (SSL/TLS)", TlsMode.STARTTLS: "STARTTLS"}


@dataclass(frozen=True, slots=True)
class Setting:
    """What to enter into a mail program for one purpose, and what was measured there."""

    purpose: str
    host: str
    port: int
    security: str
    level: int
    login: tuple[str, ...]
    """How one signs in, as the provider declares or the server offers it."""
    worst: Brief
    """Of its addresses the one that is worst."""


def recommend(briefs: Iterable[Brief]) -> tuple[Setting, ...]:
    """Return one setting a purpose, of the servers of which every address works; none where none does."""
    found = []
    briefs = tuple(briefs)
    for purpose, role, protocol in (
        ("Sending", Role.SUBMISSION, Protocol.SMTP),
        ("Reading by IMAP", Role.ACCESS, Protocol.IMAP),
        ("Reading by POP3", Role.ACCESS, Protocol.POP3),
    ):
        fit = [
            brief
            for brief in briefs
            if (brief.seen.endpoint.role, brief.seen.endpoint.protocol) == (role, protocol)
        ]
        found += [_describe(purpose, best) for best in _best_of(fit)]
    return tuple(found)


def _best_of(briefs: Iterable[Brief]) -> Sequence[Sequence[Brief]]:
    """Return the endpoints of the best server and port, or nothing."""
    servers: dict[tuple[str, int], list[Brief]] = {}
    for brief in briefs:
        servers.setdefault((brief.seen.endpoint.host, brief.port), []).append(brief)
    good = [each for each in servers.values() if all(_is_good(brief) for brief in each)]
    return [min(good, key=_rank)] if good else []


def _is_good(brief: Brief) -> bool:
    endpoint = brief.seen.endpoint
    is_advised = is_client_port(_SERVICES[endpoint.protocol], endpoint.port, endpoint.tls_mode)
    return is_advised and fits_clients(brief.seen) and not brief.is_downgraded


def _rank(briefs: Sequence[Brief]) -> tuple[int, int, str, int]:
    endpoint = briefs[0].seen.endpoint
    return rank_port(endpoint.port), -min(brief.seen.level for brief in briefs), endpoint.host, endpoint.port


def _describe(purpose: str, briefs: Sequence[Brief]) -> Setting:
    worst = min(briefs, key=lambda brief: brief.seen.level)
    endpoint = worst.seen.endpoint
    declared = endpoint.expectation.login if endpoint.expectation is not None else ()
    login = tuple(way.value for way in declared) or (worst.seen.auth_after_tls or ())
    return Setting(
        purpose=purpose,
        host=endpoint.host,
        port=endpoint.port,
        security=_WAYS[endpoint.tls_mode],
        level=worst.seen.level,
        login=login,
        worst=worst,
    )
