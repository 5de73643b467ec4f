"""Rules about a missing or stripped upgrade to TLS: the marks of a filter or an attacker on the path."""

from scanner.model import Kind, Protocol, Reason, Role, Severity, StartTls, Verdict
from scanner.model.masked import is_masked_banner
from scanner.model.reason import OUT_OF_TIME
from scanner.verdict.demands import published_demand
from scanner.verdict.rules import Case, Rule, enumerate_shortly, quote

_TLS_BROKE = frozenset({Reason.TLS_CLOSED, Reason.TLS_HANDSHAKE_FAILED, Reason.TLS_TIMEOUT})
_CUT_OFF = frozenset({Reason.CONNECTION_LOST, Reason.READ_TIMEOUT, Reason.IMAP_BYE})
_COMPARE = "Compare from another network; if STARTTLS works there, a filter on the path removes it"
_OUR_NAME_CODES = ("501", "504")
OUR_NAME_ADVICE = "Set probe.ehlo_name to the full name of this host, one that DNS resolves."
"""By this counsel a verdict on our own name (F19) is told from one on a server without ESMTP."""


def starttls_missing(case: Case) -> Verdict | None:
    """D01 without a baseline: a weakness; critical where clients send (S06), else a warning (S12).

    It is a downgrade where the provider declares STARTTLS or a published policy makes it a must.
    """
    observation = case.observation
    starttls = observation.starttls
    is_explained = observation.preauth or observation.ehlo_reply is not None
    if starttls is None or starttls.offered or starttls.masked or observation.tls is not None or is_explained:
        return None
    exposed = "mail travels" if case.is_mx else "passwords, messages and attachments travel"
    offer = (
        f"it lists {enumerate_shortly(observation.capabilities)}"
        if observation.capabilities is not None
        else f"asked for it all the same, it answers {quote(starttls.reply)}"
    )
    demand, severity = _weigh_missing(case)
    return Verdict(
        "starttls_missing",
        Kind.DOWNGRADE if demand else Kind.WEAKNESS,
        severity,
        f"The server does not offer {case.command}, so {exposed} in clear; {offer}"
        f"{f'; it is a must by {demand}' if demand else ''}.",
        f"Install a certificate and enable {case.command}. {_COMPARE}.",
    )


def starttls_masked(case: Case) -> Verdict | None:
    """D02: the keyword was overwritten with X of the same length, as Cisco's ESMTP inspection does."""
    observation = case.observation
    if observation.starttls is None or not observation.starttls.masked:
        return None
    masked = [word for word in observation.capabilities or () if set(word.split(" ")[0][:-1]) == {"X"}]
    return Verdict(
        "starttls_masked",
        Kind.DOWNGRADE,
        Severity.CRITICAL,
        f"A filter on the path has overwritten a capability, as is done to hide STARTTLS: "
        f"{quote(enumerate_shortly(tuple(masked)))}.",
        "Switch off SMTP inspection (Cisco: the ESMTP fixup) on the firewalls between here and the server, "
        "or let it pass TLS.",
    )


def banner_masked(case: Case) -> Verdict | None:
    """D03: `220 ****`. Critical where STARTTLS is gone as well (D01, D02)."""
    observation = case.observation
    if observation.endpoint.protocol is not Protocol.SMTP or not is_masked_banner(observation.banner or ""):
        return None
    starttls = observation.starttls
    is_stripped = (
        observation.tls is None and starttls is not None and (starttls.masked or not starttls.offered)
    )
    return Verdict(
        "banner_masked",
        Kind.DOWNGRADE,
        Severity.CRITICAL if is_stripped else Severity.WARNING,
        f"A filter on the path has overwritten the greeting: {quote(observation.banner)}.",
        "Switch off SMTP inspection (Cisco: the ESMTP fixup) on the firewalls between here and the server.",
    )


def starttls_refused(case: Case) -> Verdict | None:
    """D04, D05, D06: offered, and the answer is not the go-ahead (RFC 3207 section 4: 220, nothing else)."""
    observation = case.observation
    starttls = observation.starttls
    if starttls is None or not starttls.offered or observation.tls is not None:
        return None
    reply = starttls.reply
    if reply is None:
        if observation.reason is not Reason.PROTOCOL_ERROR or observation.preauth:
            return None
        reply = observation.detail
    elif _is_go_ahead(observation.endpoint.protocol, reply) and observation.reason is not None:
        return None  # TLS broke behind it: see starttls_dropped
    is_temporary = (
        observation.endpoint.protocol is Protocol.SMTP and reply is not None and reply.startswith("4")
    )
    return Verdict(
        "starttls_refused",
        Kind.DOWNGRADE,
        Severity.WARNING if is_temporary else Severity.CRITICAL,
        f"The server offers {case.command} and then refuses it: {quote(reply)}.",
        f"Check the server's certificate and key, and its log at this moment. {_COMPARE}.",
    )


def starttls_dropped(case: Case) -> Verdict | None:
    """D09: the connection breaks with the STARTTLS command or with the first bytes of TLS behind it."""
    observation = case.observation
    starttls = observation.starttls
    if not case.is_starttls or starttls is None or observation.tls is not None or observation.reason is None:
        return None
    if observation.detail is not None and observation.detail.startswith(OUT_OF_TIME):
        return None  # slow, and cut short by ourselves: nobody broke it
    if not (_broke_in_tls(case, starttls) or _broke_at_the_command(case, starttls)):
        return None
    when = "at" if starttls.reply is None else "right behind the go-ahead to"
    how = observation.reason.replace("_", " ")
    evidence = f" ({observation.detail})" if observation.detail else ""
    return Verdict(
        "starttls_dropped",
        Kind.DOWNGRADE,
        Severity.WARNING,
        f"The connection broke {when} {case.command}: {how}{evidence}.",
        f"Check the server's TLS settings with a client on its own network. {_COMPARE}.",
    )


def starttls_injection(case: Case) -> Verdict | None:
    """D24: bytes in clear behind the go-ahead would pass for a part of the TLS session (CVE-2011-0411)."""
    starttls = case.observation.starttls
    if starttls is None or starttls.extra_plaintext <= 0:
        return None
    return Verdict(
        "starttls_injection",
        Kind.DOWNGRADE,
        Severity.CRITICAL,
        f"Behind the go-ahead {quote(starttls.reply)} came {starttls.extra_plaintext} more bytes in clear.",
        "Update the server and every proxy before it; if they are in order, somebody on the path injects it.",
    )


def ehlo_rejected(case: Case) -> Verdict | None:
    """D07, F19, F20: EHLO is refused and HELO works: no extensions, so no STARTTLS.

    501 and 504 are about our name in the EHLO; inside TLS nothing on the path can have stripped anything.
    """
    observation = case.observation
    reply = observation.ehlo_reply
    if reply is None or observation.reason is not None:
        return None
    is_about_our_name = reply.startswith(_OUR_NAME_CODES)
    is_stripping = case.is_starttls and not is_about_our_name
    return Verdict(
        "ehlo_rejected",
        Kind.DOWNGRADE if is_stripping else Kind.MISCONFIGURATION,
        case.grade(mx=Severity.WARNING, client=Severity.CRITICAL) if is_stripping else Severity.WARNING,
        f"The server refuses EHLO and takes HELO, which has no extensions: {quote(reply)}.",
        OUR_NAME_ADVICE
        if is_about_our_name
        else "Enable ESMTP in the server, and switch off SMTP inspection on the firewalls before it.",
    )


def plaintext_on_tls_port(case: Case) -> Verdict | None:
    """D10, F24: a port for implicit TLS is served without it."""
    observation = case.observation
    if observation.reason is not Reason.PLAINTEXT_ON_TLS_PORT:
        return None
    port = observation.endpoint.port
    evidence = observation.banner or observation.detail
    return Verdict(
        "plaintext_on_tls_port",
        Kind.DOWNGRADE,
        Severity.CRITICAL,
        f"Port {port} speaks plain text where TLS belongs: {quote(evidence)}.",
        f"Serve port {port} with TLS from the first byte; plain text and STARTTLS belong on 587, 143 or 110.",
    )


def _weigh_missing(case: Case) -> tuple[str | None, Severity]:
    """Name whose word makes STARTTLS a must, if anybody's does, and how much it matters that it lacks."""
    published = published_demand(case.observation)
    if published is not None:
        return published, Severity.CRITICAL
    if case.expectation.starttls:
        provider = case.expectation.provider or "its provider"
        return f"the word of {provider}", case.grade(mx=Severity.WARNING, client=Severity.CRITICAL)
    is_submission = case.observation.endpoint.role is Role.SUBMISSION
    return None, Severity.CRITICAL if is_submission else Severity.WARNING


def _is_go_ahead(protocol: Protocol, reply: str) -> bool:
    words = reply.split()
    if protocol is Protocol.SMTP:
        return reply[:3] == "220" and reply[3:4] in {"", " ", "-"}
    if protocol is Protocol.POP3:
        return reply[:3].upper() == "+OK"
    # RFC 9051 section 7.1.1: only a tagged OK completes the command.
    return len(words) > 1 and words[0] not in {"*", "+"} and words[1].upper() == "OK"


def _broke_in_tls(case: Case, starttls: StartTls) -> bool:
    reply = starttls.reply
    has_go_ahead = reply is not None and _is_go_ahead(case.observation.endpoint.protocol, reply)
    return has_go_ahead and case.observation.reason in _TLS_BROKE


def _broke_at_the_command(case: Case, starttls: StartTls) -> bool:
    """Offered and never answered: what follows an offer is STARTTLS, unless PREAUTH forbids it."""
    is_unanswered = starttls.offered and starttls.reply is None and not case.observation.preauth
    return is_unanswered and case.observation.reason in _CUT_OFF


STRIPPING_RULES: tuple[Rule, ...] = (
    starttls_missing,
    starttls_masked,
    banner_masked,
    starttls_refused,
    starttls_dropped,
    starttls_injection,
    ehlo_rejected,
    plaintext_on_tls_port,
)
