"""Suspects on the way to the server: networks, filters, and the settings that lead elsewhere."""

from scanner.explain.compare import SMTP_PORT
from scanner.explain.suspicion import Case, Suspect, ask_settings, instead, of_port, places_of, say_of
from scanner.explain.words import tell_state
from scanner.model import Reason, Service, State
from scanner.verdict.egress import EGRESS_REASONS
from scanner.verdict.recommendation import fits_clients

_HERE = "from this machine; if the complaint is another one's, try it there"
_REFUSED = "The text says that a refusal came back, so the packets were not dropped."
_NEAR = "Most homes, offices and clouds block port 25 outwards."


def own_network(case: Case) -> Suspect:
    """Suspect the network of whoever connects."""
    mine = of_port(case)
    out = [seen for seen in mine if seen.reason in EGRESS_REASONS]
    pro = [f"{places_of([seen])}: {tell_state(seen)}" for seen in out[:2]]
    port = case.port if case.comparison is None else case.comparison.settings.port
    if port == SMTP_PORT:
        pro.append(_NEAR)
    contra = []
    answering = [seen for seen in mine if seen.state in {State.OPEN, State.CLOSED, State.REJECTING}]
    if answering and not out:
        contra.append(f"{say_of(answering, 'answers', 'answer')} {_HERE}.")
    if "connection_refused" in case.told:
        contra.append(_REFUSED)
    clear = [seen for seen in mine if seen.is_egress_clear]
    if clear:
        contra.append(f"Control servers answer on port {clear[0].endpoint.port}: our network lets it out.")
    return Suspect(
        "egress_blocked",
        "The network of whoever connects blocks the port",
        "Use 587 or 465 instead of 25, or ask whoever runs that network to open the port.",
        tuple(pro),
        tuple(contra),
    )


def target_firewall(case: Case) -> Suspect:
    """Suspect a filter before the server."""
    mine = of_port(case)
    blocked = [seen for seen in mine if seen.state is State.BLOCKED]
    hosts = {seen.endpoint.host for seen in blocked}
    beside = [seen for seen in case.reached if seen.endpoint.host in hosts and seen.state is State.OPEN]
    pro = [f"{places_of([seen])}: {tell_state(seen)}" for seen in blocked[:2]]
    if blocked and beside:
        pro.append(f"Other ports of the same host answer: {places_of(beside)}.")
    reached = [seen for seen in mine if seen.state not in {State.UNKNOWN, State.BLOCKED}]
    contra = [f"Packets get through to {places_of(reached)}."] if reached and not blocked else []
    contra += [_REFUSED] if "connection_refused" in case.told else []
    return Suspect(
        "port_blocked",
        "A firewall at the server drops the packets",
        "Open the port in the firewall of the host and of its cloud; until then use a port that answers.",
        tuple(pro),
        tuple(contra),
    )


def wrong_mode(case: Case) -> Suspect:
    """Suspect the kind of encryption."""
    difference = case.difference("mode")
    pro, contra = [], []
    if difference is not None:
        pro.append(f"It is set to {difference.yours}, and {difference.wanted} is wanted. {difference.why}")
    elif case.comparison is not None and case.comparison.is_measured:
        contra.append("The encryption that it is set to fits the port.")
    swapped = [
        seen
        for seen in of_port(case)
        if seen.reason in {Reason.PLAINTEXT_ON_TLS_PORT, Reason.TLS_ON_PLAINTEXT_PORT}
    ]
    pro += [f"{places_of([seen])}: {tell_state(seen)}" for seen in swapped[:2]]
    return Suspect(
        "wrong_tls_mode",
        "The encryption does not fit the port",
        f"SSL/TLS on 465, 993 and 995, STARTTLS on 587. {ask_settings(case)}",
        tuple(pro),
        tuple(contra),
    )


def wrong_server(case: Case) -> Suspect:
    """Suspect the host."""
    difference = case.difference("host")
    pro = [] if difference is None else [f"{difference.why}{instead(difference)}"]
    contra = []
    if difference is None and case.comparison is not None and case.comparison.is_measured:
        contra.append(f"{case.comparison.settings.host} is a server of the domain, and its certificate fits.")
    return Suspect(
        "server_mismatch",
        "The server is not the mailbox's",
        f"Take the host from mailport advise DOMAIN. {ask_settings(case)}",
        tuple(pro),
        tuple(contra),
    )


def wrong_port(case: Case) -> Suspect:
    """Suspect the port."""
    difference = case.difference("port")
    pro = [] if difference is None else [f"{difference.why}{instead(difference)}"]
    contra = []
    if difference is None and case.comparison is not None and case.comparison.is_measured:
        contra.append(f"Port {case.comparison.settings.port} answers as it should.")
    return Suspect(
        "wrong_port",
        "The port is wrong",
        f"993 for IMAP, 995 for POP3, 587 or 465 to send. {ask_settings(case)}",
        tuple(pro),
        tuple(contra),
    )


def server_down(case: Case) -> Suspect:
    """Suspect the server as a whole."""
    down = {State.BLOCKED, State.CLOSED, State.UNREACHABLE}
    reached = case.reached
    is_down = bool(reached) and all(seen.state in down for seen in reached)
    working = [seen for seen in reached if seen.state is State.OPEN]
    return Suspect(
        "host_down",
        "The server is down",
        "Start it, and look at its log.",
        (f"None of its mail ports answers: {places_of(reached)}.",) if is_down else (),
        (f"{say_of(working, 'works', 'work')}.",) if working else (),
    )


def pop3_used(case: Case) -> Suspect:
    """Suspect the protocol."""
    is_pop3 = case.comparison is not None and case.comparison.settings.service is Service.POP3
    is_imap = case.comparison is not None and case.comparison.settings.service is Service.IMAP
    return Suspect(
        "use_imap",
        "The account uses POP3, which does not synchronise",
        f"Set the account up anew with IMAP on 993. {ask_settings(case)}",
        ("The program is set to POP3.",) if is_pop3 else (),
        ("The program is set to IMAP.",) if is_imap else (),
    )


def imap_failing(case: Case) -> Suspect:
    """Suspect the server's own IMAP."""
    secure = [seen for seen in case.seen if seen.endpoint.port == 993 and seen.state is not State.UNKNOWN]
    good = [seen for seen in secure if fits_clients(seen)]
    bad = [seen for seen in secure if not fits_clients(seen)]
    return Suspect(
        "imap_failing",
        "IMAP on 993 itself does not work",
        "Mend it as mailport scan says; until then use what mailport advise DOMAIN names.",
        tuple(f"{places_of([seen])}: {tell_state(seen)}" for seen in bad[:2]),
        (f"{say_of(good, 'works', 'work')}.",) if good else (),
    )
