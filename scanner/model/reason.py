"""States and reasons: the closed vocabulary of what a probe can find."""

from enum import StrEnum


class State(StrEnum):
    """What became of a probe, in one word."""

    OPEN = "open"
    CLOSED = "closed"
    BLOCKED = "blocked"
    UNREACHABLE = "unreachable"
    REJECTING = "rejecting"
    BROKEN = "broken"
    UNKNOWN = "unknown"
    NOT_OFFERED = "not_offered"


class Reason(StrEnum):
    """Why the state is what it is; `open` has none."""

    # Looked up in tables many times a probe, and Enum's own hash runs in Python.
    __hash__ = str.__hash__

    CONNECTION_REFUSED = "connection_refused"
    CONNECT_TIMEOUT = "connect_timeout"
    ADMIN_PROHIBITED = "admin_prohibited"
    NAME_NOT_FOUND = "name_not_found"
    DNS_FAILURE = "dns_failure"
    NO_ADDRESS = "no_address"
    HOST_UNREACHABLE = "host_unreachable"
    NETWORK_UNREACHABLE = "network_unreachable"
    ADDRESS_NOT_ALLOWED = "address_not_allowed"
    GREETING_REJECTED = "greeting_rejected"
    GREETING_TEMPFAIL = "greeting_tempfail"
    IMAP_BYE = "imap_bye"
    POP3_ERR = "pop3_err"
    NO_GREETING = "no_greeting"
    CLOSED_BEFORE_GREETING = "closed_before_greeting"
    RESET_BEFORE_GREETING = "reset_before_greeting"
    WRONG_PROTOCOL = "wrong_protocol"
    PLAINTEXT_ON_TLS_PORT = "plaintext_on_tls_port"
    TLS_ON_PLAINTEXT_PORT = "tls_on_plaintext_port"
    PROTOCOL_ERROR = "protocol_error"
    CONNECTION_LOST = "connection_lost"
    READ_TIMEOUT = "read_timeout"
    TLS_HANDSHAKE_FAILED = "tls_handshake_failed"
    TLS_TIMEOUT = "tls_timeout"
    TLS_CLOSED = "tls_closed"
    EGRESS_BLOCKED = "egress_blocked"
    EGRESS_INTERCEPTED = "egress_intercepted"
    TARGET_BLOCKS_US = "target_blocks_us"
    """The port works from another vantage at about the same time: a path or an access list is in the way."""
    PROBE_RESOURCES = "probe_resources"
    INTERNAL = "internal"
    SKIPPED = "skipped"
    EXCLUDED = "excluded"
    NULL_MX = "null_mx"
    SRV_NOT_OFFERED = "srv_not_offered"


_REASONS: dict[State, tuple[Reason, ...]] = {
    State.CLOSED: (Reason.CONNECTION_REFUSED,),
    State.BLOCKED: (Reason.CONNECT_TIMEOUT, Reason.ADMIN_PROHIBITED),
    State.UNREACHABLE: (
        Reason.NAME_NOT_FOUND,
        Reason.DNS_FAILURE,
        Reason.NO_ADDRESS,
        Reason.HOST_UNREACHABLE,
        Reason.NETWORK_UNREACHABLE,
        Reason.ADDRESS_NOT_ALLOWED,
    ),
    State.REJECTING: (
        Reason.GREETING_REJECTED,
        Reason.GREETING_TEMPFAIL,
        Reason.IMAP_BYE,
        Reason.POP3_ERR,
    ),
    State.BROKEN: (
        Reason.NO_GREETING,
        Reason.CLOSED_BEFORE_GREETING,
        Reason.RESET_BEFORE_GREETING,
        Reason.WRONG_PROTOCOL,
        Reason.PLAINTEXT_ON_TLS_PORT,
        Reason.TLS_ON_PLAINTEXT_PORT,
        Reason.PROTOCOL_ERROR,
        Reason.CONNECTION_LOST,
        Reason.READ_TIMEOUT,
        Reason.TLS_HANDSHAKE_FAILED,
        Reason.TLS_TIMEOUT,
        Reason.TLS_CLOSED,
    ),
    State.UNKNOWN: (
        Reason.EGRESS_BLOCKED,
        Reason.EGRESS_INTERCEPTED,
        Reason.TARGET_BLOCKS_US,
        Reason.PROBE_RESOURCES,
        Reason.INTERNAL,
        Reason.SKIPPED,
        Reason.EXCLUDED,
    ),
    State.NOT_OFFERED: (Reason.NULL_MX, Reason.SRV_NOT_OFFERED),
}

STATE_OF: dict[Reason, State] = {reason: state for state, reasons in _REASONS.items() for reason in reasons}


NETWORK_DOWN = "our own network is down"
"""Part of the detail where our own network lets nothing out at all, and not this port alone."""
OUT_OF_TIME = "the whole probe took longer than"
"""How the detail begins where our own total budget ended a conversation that was still going on."""


class Phase(StrEnum):
    """The steps of a probe, in their order; each has its own latency (seconds)."""

    __hash__ = str.__hash__

    DNS = "dns"
    CONNECT = "connect"
    GREETING = "greeting"
    CAPABILITIES = "capabilities"
    STARTTLS = "starttls"
    TLS = "tls"
    CAPABILITIES_TLS = "capabilities_tls"
    QUIT = "quit"
