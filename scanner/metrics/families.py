"""The endpoint families of the scrape: name, help, and how each one reads an observation."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from scanner.metrics.labels import label, write_header
from scanner.model import Observation, Phase, State, TlsMode
from scanner.verdict import is_blocked, is_downgraded, normalise_banner, works
from scanner.verdict.level import is_verified

BANNER_CHARACTERS = 120

DECIMALS = 6
"""Of seconds; what is beyond a microsecond is noise."""

CLEARTEXT_MECHANISMS = frozenset({"PLAIN", "LOGIN", "USER", "PLAIN-CLIENTTOKEN", "XOAUTH2", "OAUTHBEARER"})
"""Ways to sign in that send the password, or a token as good as one, as it is."""

Sample = tuple[str, float]
"""The labels beyond the endpoint's (`name="value"` pairs joined by commas, or nothing) and the value."""


@dataclass(frozen=True, slots=True)
class Family:
    """One metric family; `is_kept` = the last known lines stand while a probe cannot tell.

    `is_judgement` = it judges the server, so that nothing changes while our own network is at fault.
    `is_several` = an endpoint may have more than one sample; `is_fleeting` = each probe has another one.
    """

    name: str
    documentation: str
    read: Callable[[Observation], Iterable[Sample]]
    is_kept: bool = False
    is_judgement: bool = False
    is_several: bool = False
    is_fleeting: bool = False

    def header(self, *, openmetrics: bool) -> bytes:
        """Return the metadata lines."""
        return write_header(self.name, self.documentation, openmetrics=openmetrics)


_STATE_LABELS = {state: label("state", state) for state in State}
_PHASE_LABELS = {phase: label("phase", phase) for phase in Phase}


def _success(seen: Observation) -> Iterator[Sample]:
    yield "", works(seen)


def _duration(seen: Observation) -> Iterator[Sample]:
    yield "", round(seen.duration, DECIMALS)


def _phases(seen: Observation) -> Iterator[Sample]:
    for phase, seconds in seen.phases.items():
        yield _PHASE_LABELS[phase], round(seconds, DECIMALS)


def _timestamp(seen: Observation) -> Iterator[Sample]:
    yield "", seen.started_at.timestamp()


def _success_timestamp(seen: Observation) -> Iterator[Sample]:
    if works(seen):
        yield "", seen.started_at.timestamp()


def _state(seen: Observation) -> Iterator[Sample]:
    current = seen.state
    for state, labels in _STATE_LABELS.items():
        yield labels, state is current


def _reason(seen: Observation) -> Iterator[Sample]:
    if seen.reason is not None:
        yield label("reason", seen.reason), 1


def _blocked(seen: Observation) -> Iterator[Sample]:
    yield "", is_blocked(seen)


def _downgraded(seen: Observation) -> Iterator[Sample]:
    yield "", is_downgraded(seen)


def _verdicts(seen: Observation) -> Iterable[Sample]:
    # A dictionary, because the same verdict named twice would be one series written twice.
    standing: dict[str, float] = {}
    for verdict in seen.counting:
        labels = (
            label("verdict", verdict.id),
            label("kind", verdict.kind),
            label("severity", verdict.severity.label),
        )
        standing[",".join(labels)] = 1
    return standing.items()


def _level(seen: Observation) -> Iterator[Sample]:
    yield "", seen.level


def _domains(seen: Observation) -> Iterator[Sample]:
    yield "", len(seen.endpoint.domains)


def _starttls(seen: Observation) -> Iterator[Sample]:
    if seen.endpoint.tls_mode is TlsMode.STARTTLS and seen.starttls is not None:
        yield "", seen.starttls.offered


def _tls(seen: Observation) -> Iterator[Sample]:
    if seen.tls is not None:
        labels = (
            label("version", seen.tls.version),
            label("cipher", seen.tls.cipher),
            label("group", seen.tls.group or ""),
        )
        yield ",".join(labels), 1


def _versions(seen: Observation) -> Iterator[Sample]:
    for version, is_accepted in (seen.versions or {}).items():
        if is_accepted is not None:
            yield label("version", version), is_accepted


def _post_quantum(seen: Observation) -> Iterator[Sample]:
    if seen.post_quantum is not None:
        yield "", seen.post_quantum


def _not_after(seen: Observation) -> Iterator[Sample]:
    if seen.certificate is not None:
        yield "", seen.certificate.not_after.timestamp()


def _verified(seen: Observation) -> Iterator[Sample]:
    if seen.certificate is not None:
        yield "", is_verified(seen.certificate)


def _certificate(seen: Observation) -> Iterator[Sample]:
    certificate = seen.certificate
    if certificate is not None:
        labels = (
            label("subject", certificate.subject),
            label("issuer", certificate.issuer),
            label("fingerprint_sha256", certificate.fingerprint_sha256),
        )
        yield ",".join(labels), 1


def _banner(seen: Observation) -> Iterator[Sample]:
    if seen.banner is not None:
        banner = normalise_banner(seen.banner)[:BANNER_CHARACTERS]
        yield ",".join((label("software", seen.software or ""), label("banner", banner))), 1


def _auth_before_tls(seen: Observation) -> Iterator[Sample]:
    if seen.auth_before_tls is not None:
        yield "", not CLEARTEXT_MECHANISMS.isdisjoint(seen.auth_before_tls)


FAMILIES = (
    Family(
        "mailport_probe_success",
        "Whether a client could use this port as it is meant, TLS included (1 yes, 0 no), by the last probe.",
        _success,
    ),
    Family(
        "mailport_probe_duration_seconds",
        "How long the whole last probe took, in seconds of a monotonic clock.",
        _duration,
        is_fleeting=True,
    ),
    Family(
        "mailport_probe_phase_seconds",
        "How long each phase of the last probe took, in seconds; a phase that did not happen is absent.",
        _phases,
        is_several=True,
        is_fleeting=True,
    ),
    Family(
        "mailport_probe_timestamp_seconds",
        "When the last probe started, in seconds since 1970 by the scanner's clock.",
        _timestamp,
        is_fleeting=True,
    ),
    Family(
        "mailport_probe_success_timestamp_seconds",
        "When the last successful probe started, in seconds since 1970; "
        "kept while probes fail, absent until one has succeeded.",
        _success_timestamp,
        is_kept=True,
        is_fleeting=True,
    ),
    Family(
        "mailport_endpoint_state",
        "The state found by the last probe: 1 for the current state, 0 for every other.",
        _state,
        is_several=True,
    ),
    Family(
        "mailport_endpoint_reason_info",
        "Why the endpoint is not open, by the last probe; absent while it is open.",
        _reason,
    ),
    Family(
        "mailport_endpoint_blocked",
        "Whether the target's side blocks the port (1 yes, 0 no), by the standing verdicts.",
        _blocked,
        is_judgement=True,
    ),
    Family(
        "mailport_endpoint_downgraded",
        "Whether the port works with less protection than before, declared or published (1 yes, 0 no), "
        "by the standing verdicts.",
        _downgraded,
        is_judgement=True,
    ),
    Family(
        "mailport_endpoint_verdict",
        "1 for each standing verdict about the endpoint; absent when there is none.",
        _verdicts,
        is_several=True,
    ),
    Family(
        "mailport_endpoint_level",
        "The protection a client gets: 0 none reachable, 1 plaintext only, 2 TLS 1.1 or not verified, "
        "3 TLS 1.2, 4 TLS 1.3, 5 also DANE or an enforced MTA-STS policy.",
        _level,
        is_judgement=True,
    ),
    Family(
        "mailport_endpoint_domains",
        "How many watched domains depend on the endpoint, by discovery.",
        _domains,
    ),
    Family(
        "mailport_starttls_offered",
        "Whether the server offered STARTTLS or STLS (1 yes, 0 no), by its capabilities in the last probe; "
        "absent on ports with implicit TLS and when the probe did not get that far.",
        _starttls,
    ),
    Family(
        "mailport_tls_version_info",
        "The TLS version, cipher and key exchange group that the last probe negotiated; "
        "absent when there was no TLS.",
        _tls,
    ),
    Family(
        "mailport_tls_version_accepted",
        "Whether the server accepts the TLS or SSL version (1 yes, 0 no), by the last listing of versions; "
        "absent where that could not be told or none was made.",
        _versions,
        is_several=True,
    ),
    Family(
        "mailport_tls_post_quantum",
        "Whether the server accepts the post-quantum group X25519MLKEM768 (1 yes, 0 no), by the last listing "
        "of groups; absent where none was made.",
        _post_quantum,
    ),
    Family(
        "mailport_certificate_not_after_timestamp_seconds",
        "When the server's certificate expires, in seconds since 1970, as presented, verified or not; "
        "the last known value is kept while a probe cannot see the certificate.",
        _not_after,
        is_kept=True,
    ),
    Family(
        "mailport_certificate_verified",
        "Whether the certificate seen by the last probe is trusted, valid now and issued for the host "
        "(1 yes, 0 no); absent when none was seen.",
        _verified,
    ),
    Family(
        "mailport_certificate_info",
        "The certificate that the last probe saw, as presented; absent when none was seen.",
        _certificate,
    ),
    Family(
        "mailport_banner_info",
        "The greeting of the server without ids, dates and addresses, and the software it names, "
        "by the last probe.",
        _banner,
    ),
    Family(
        "mailport_auth_before_tls",
        "Whether a password could be sent in clear (1 yes, 0 no): before TLS the server offers a way "
        "to sign in that sends it as it is; absent when the probe did not see.",
        _auth_before_tls,
    ),
)
