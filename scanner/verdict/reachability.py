"""Rules about the way in: blocked, closed, turned away, or stopped by our own network."""

from scanner.model import Kind, Reason, Severity, Standing, State, Verdict
from scanner.model.reason import NETWORK_DOWN
from scanner.verdict.rules import Case, Rule, quote

SMTP_PORT = 25

_BLOCKED_SEVERITY = {
    Standing.SERVERS: Severity.CRITICAL,
    Standing.RECOMMENDED: Severity.CRITICAL,
    Standing.SECURE: Severity.WARNING,
    Standing.LEGACY: Severity.NOTICE,
}
_CLOSED_SEVERITY = {
    Standing.SERVERS: Severity.CRITICAL,
    Standing.RECOMMENDED: Severity.WARNING,
    Standing.SECURE: Severity.NOTICE,
    Standing.LEGACY: Severity.NOTICE,
}


def egress_blocked(case: Case) -> Verdict | None:
    """F07: our own network drops the port; the target is not blamed."""
    observation = case.observation
    if observation.reason is not Reason.EGRESS_BLOCKED:
        return None
    return tell_blocked(observation.endpoint.port, observation.detail)


def tell_blocked(port: int, evidence: str | None, *, is_about_server: bool = True) -> Verdict:
    """Word the verdict that our own network blocks a port, about a server or about the network itself."""
    effect = "so nothing is known about this server" if is_about_server else "so no server is judged by it"
    because = f" ({evidence})" if evidence else ""
    if evidence is not None and NETWORK_DOWN in evidence:
        return Verdict(
            "egress_blocked",
            Kind.BLOCKED,
            Severity.WARNING,
            f"Our own network is down: nothing gets out, {effect}{because}.",
            "Mend the network of the machine that mailport runs on, or run a probe elsewhere.",
        )
    return Verdict(
        "egress_blocked",
        Kind.BLOCKED,
        Severity.WARNING,
        f"Our own network lets nothing out to port {port}, {effect}{because}.",
        f"Ask the provider of this network to open outgoing port {port}, or run a probe elsewhere"
        f"{'; clients should use 587 or 465 to send' if port == SMTP_PORT else ''}.",
    )


def egress_intercepted(case: Case) -> Verdict | None:
    """Section 4.4: another machine on our side answers for every target."""
    observation = case.observation
    if observation.reason is not Reason.EGRESS_INTERCEPTED:
        return None
    return tell_intercepted(observation.endpoint.port, observation.detail or quote(observation.banner))


def tell_intercepted(port: int, evidence: str | None, *, is_about_server: bool = True) -> Verdict:
    """Word the verdict that our own network answers itself, about a server or about the network itself."""
    whose = "the server" if is_about_server else "the servers"
    return Verdict(
        "egress_intercepted",
        Kind.BLOCKED,
        Severity.CRITICAL,
        f"Something in our own network answers port {port} in place of {whose}, or changes what comes back"
        f"{f': {evidence}' if evidence else ''}.",
        "Do not trust this network with mail; probe from another one, and ask its operator about a proxy.",
    )


def target_blocks_us(case: Case) -> Verdict | None:
    """Section 4.3: another vantage reaches the port, so that it is a path or an access list, not the port."""
    observation = case.observation
    if observation.reason is not Reason.TARGET_BLOCKS_US:
        return None
    port = observation.endpoint.port
    return Verdict(
        "target_blocks_us",
        Kind.MISCONFIGURATION,
        Severity.WARNING,
        f"From vantage {observation.vantage} port {port} cannot be used, and from others it can: "
        f"{observation.detail}.",
        "Something on the way, or an access list of the server, treats this vantage otherwise. "
        "Have it let in (reverse DNS, block lists, firewalls), or trace the way from there.",
    )


def port_blocked(case: Case) -> Verdict | None:
    """F06: packets to the port vanish, or a filter says no."""
    observation = case.observation
    if observation.state is not State.BLOCKED:
        return None
    port = observation.endpoint.port
    if observation.reason is Reason.ADMIN_PROHIBITED:
        summary = f"A filter forbids connections to port {port}: {quote(observation.detail)}."
    else:
        summary = f"Packets to port {port} vanish: the connection attempt was not answered in time."
    return Verdict(
        "port_blocked",
        Kind.BLOCKED,
        _BLOCKED_SEVERITY[case.standing] if case.standing else Severity.WARNING,
        summary,
        f"Open port {port} in the firewall of the host and of its cloud, and check that the service listens; "
        f"a firewall may also drop our address only. {_whose_filter(case)}",
    )


def _whose_filter(case: Case) -> str:
    """Say whether the filter may be our own (section 4.3: one vantage and no controls cannot tell)."""
    if case.observation.is_egress_clear:
        return "It is not a filter in our own network: other servers are reached on this port from here."
    return "No control server tells whether the filter is theirs or in our own network: compare from another."


def port_closed(case: Case) -> Verdict | None:
    """F08: nothing listens; good on a legacy port (S12), and 465 and 995 are a choice (S16, S25)."""
    observation = case.observation
    if observation.state is not State.CLOSED:
        return None
    port = observation.endpoint.port
    severity = _CLOSED_SEVERITY[case.standing] if case.standing else Severity.WARNING
    is_expected_to_serve = severity is not Severity.NOTICE
    return Verdict(
        "port_closed",
        Kind.MISCONFIGURATION if is_expected_to_serve else Kind.NOTICE,
        severity,
        f"Nothing listens on port {port}: the connection was refused.",
        f"Start the service on port {port}, or remove the record that points to it."
        if is_expected_to_serve
        else f"Nothing to do, unless clients are told to use port {port}.",
    )


def greeting_rejected(case: Case) -> Verdict | None:
    """F15, F16, F18: the server answers and turns us away; a temporary refusal alone is only a notice."""
    observation = case.observation
    if observation.state is not State.REJECTING:
        return None
    is_temporary = observation.reason is Reason.GREETING_TEMPFAIL
    return Verdict(
        "greeting_rejected",
        Kind.NOTICE if is_temporary else Kind.MISCONFIGURATION,
        Severity.NOTICE if is_temporary else Severity.WARNING,
        f"The server turns us away{' for now' if is_temporary else ''}: "
        f"{quote(observation.detail or observation.ehlo_reply or observation.banner)}.",
        "Nothing to do unless it stays so: servers refuse for a while under load and at a first contact."
        if is_temporary
        else "Check the reverse DNS and the reputation of our address, and have the server let it in.",
    )


EGRESS_RULES: tuple[Rule, ...] = (egress_blocked, egress_intercepted, target_blocks_us)
REACHABILITY_RULES: tuple[Rule, ...] = (port_blocked, port_closed, greeting_rejected)
