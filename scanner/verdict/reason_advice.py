"""What to do about a reason that no verdict is about: one line of meaning and one of advice for each."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from scanner.model import Reason, Severity
from scanner.verdict.weight import weigh_reason

__all__ = ["REASON_ADVICE", "Counsel", "advise"]


@dataclass(frozen=True, slots=True)
class Counsel:
    """What a reason means, and what to do; both are whole sentences."""

    meaning: str
    advice: str


_NOT_OURS = "Nothing is known about the server by it."

REASON_ADVICE: Mapping[Reason, Counsel] = MappingProxyType(
    {
        Reason.NAME_NOT_FOUND: Counsel(
            "The name does not exist in the DNS.",
            "Check its spelling, then the registration of the domain and its delegation; remove records that "
            "still point to it.",
        ),
        Reason.DNS_FAILURE: Counsel(
            "The name servers did not answer, or answered with a failure.",
            "See whether the zone's name servers are reachable and its DNSSEC signatures valid. Where every "
            "name fails, look at the resolver that is asked.",
        ),
        Reason.NO_ADDRESS: Counsel(
            "The name exists and has neither an IPv4 nor an IPv6 address.",
            "Add an A or AAAA record for the host, or remove the record that names it.",
        ),
        Reason.HOST_UNREACHABLE: Counsel(
            "A router on the way says that the host cannot be reached.",
            "See whether the host is up and its network routed; where only IPv6 fails, correct its AAAA "
            "record or its routing.",
        ),
        Reason.NETWORK_UNREACHABLE: Counsel(
            "A router on the way says that it knows no route to the network.",
            "Look at the routing of the server's network; where only IPv6 fails, correct its AAAA record or "
            "its routing.",
        ),
        Reason.ADDRESS_NOT_ALLOWED: Counsel(
            "The address is private, loopback, or else none to be probed, so nothing was sent to it.",
            "For your own network say --allow-private (probe.allow_private: true). A public name should "
            "have a public address: correct its record.",
        ),
        Reason.NO_GREETING: Counsel(
            "The connection was taken, and no greeting came in time.",
            "See whether the service is overloaded, looks our address up slowly, or delays greetings on "
            "purpose; a port that wants TLS first is silent too.",
        ),
        Reason.CLOSED_BEFORE_GREETING: Counsel(
            "The server took the connection and hung up without a word.",
            "Search its log for our address: a block list, a limit of connections or a crashing service is "
            "the usual cause.",
        ),
        Reason.RESET_BEFORE_GREETING: Counsel(
            "The connection was taken and then reset without a word.",
            "Search the server's log for our address; with nothing there, a firewall or a load balancer "
            "before it without a service behind is the likely cause.",
        ),
        Reason.WRONG_PROTOCOL: Counsel(
            "Something else than the mail protocol of this port answers.",
            "Correct the port's forwarding or the listener behind it, or scan it under its own protocol, for "
            "example imap://HOST:PORT.",
        ),
        Reason.PROTOCOL_ERROR: Counsel(
            "What the server says breaks the rules of its protocol, as the evidence shows.",
            "Update or correct the server or the proxy before it: one of them says what the protocol "
            "does not allow.",
        ),
        Reason.CONNECTION_LOST: Counsel(
            "The connection broke in the middle of the conversation.",
            "Look in the server's log at this moment; where it tells of no fault, a firewall between cut the "
            "connection.",
        ),
        Reason.READ_TIMEOUT: Counsel(
            "The server greeted and then fell silent, or took too long over all.",
            "Look at the server's load and at what it asks others for (DNS, users, block lists); raise "
            "probe.timeout or probe.total_timeout where it is known to be slow.",
        ),
        Reason.TLS_HANDSHAKE_FAILED: Counsel(
            "Server and client could not agree on TLS, or one of them called it off.",
            "Enable TLS 1.2 and 1.3 with ECDHE and AES-GCM, and see that the server has a certificate and "
            "key for this name that match each other.",
        ),
        Reason.TLS_TIMEOUT: Counsel(
            "The TLS handshake began and did not end in time.",
            "Look at the server's load, at the path's MTU, and at filters that drop the first TLS message; "
            "compare from another network.",
        ),
        Reason.TLS_CLOSED: Counsel(
            "The server hung up during the TLS handshake.",
            "See whether its certificate and key can be read and its TLS settings are valid; the server's "
            "log mostly names the fault.",
        ),
        Reason.PROBE_RESOURCES: Counsel(
            f"The scanner ran out of sockets, ports or files. {_NOT_OURS}",
            "Lower limits.concurrency, or raise the limit of open files of the scanner (ulimit -n).",
        ),
        Reason.INTERNAL: Counsel(
            f"The scanner itself failed. {_NOT_OURS}",
            "Please report it with the evidence; the log has more.",
        ),
        Reason.SKIPPED: Counsel(
            f"The scanner did not probe it, mostly since this machine has no route to it. {_NOT_OURS}",
            "On a machine without IPv6 say --ipv4 (probe.families: [ipv4]); otherwise mend the machine's "
            "own network.",
        ),
        Reason.EXCLUDED: Counsel(
            f"It is on the exclude list, so it was neither looked up nor connected to. {_NOT_OURS}",
            "Nothing to do, unless it is meant to be watched: then take its entry off the list (the key "
            "exclude, or --exclude).",
        ),
        Reason.NULL_MX: Counsel(
            "The domain publishes that it takes no mail (RFC 7505).",
            "Nothing to do, unless the domain is meant to take mail: then publish real MX records.",
        ),
        Reason.SRV_NOT_OFFERED: Counsel(
            "The domain publishes that it does not offer this service (RFC 6186).",
            "Nothing to do, unless the service should be there: then let its SRV record name the server.",
        ),
    }
)
"""Every reason but those that always have a verdict, which says it better."""


def advise(reason: Reason | None, severities: Collection[Severity]) -> Counsel | None:
    """Return what to do about a reason; None where verdicts of these severities tell it already."""
    if reason is None or weigh_reason(reason, severities) is None:
        return None
    return REASON_ADVICE.get(reason)
