"""The port table: the seven mail ports and what each one is for; the one source for all rooms."""

from dataclasses import dataclass
from enum import StrEnum


class Protocol(StrEnum):
    """The application protocol spoken on a port."""

    SMTP = "smtp"
    IMAP = "imap"
    POP3 = "pop3"


class TlsMode(StrEnum):
    """How TLS begins: by a command (STARTTLS, STLS) or with the first byte (RFC 8314 section 3)."""

    STARTTLS = "starttls"
    IMPLICIT = "implicit"


class Role(StrEnum):
    """Who talks to the port: other servers (MX), clients that send, clients that read."""

    MX = "mx"
    SUBMISSION = "submission"
    ACCESS = "access"


class Standing(StrEnum):
    """What the port is worth to a client today."""

    SERVERS = "between servers"
    SECURE = "secure"
    RECOMMENDED = "recommended"
    LEGACY = "legacy"


class Preference(StrEnum):
    """Which port for sending is preferred, where several are secure."""

    STARTTLS = "587"
    IMPLICIT = "465"
    RFC8314 = "rfc8314"
    """TLS from the first byte before STARTTLS (RFC 8314 section 3.3); for sending that is 465."""


@dataclass(frozen=True, slots=True)
class Port:
    """One row of the port table."""

    number: int
    protocol: Protocol
    tls_mode: TlsMode
    role: Role
    standing: Standing


PORTS: dict[int, Port] = {
    port.number: port
    for port in (
        Port(25, Protocol.SMTP, TlsMode.STARTTLS, Role.MX, Standing.SERVERS),
        Port(465, Protocol.SMTP, TlsMode.IMPLICIT, Role.SUBMISSION, Standing.SECURE),
        Port(587, Protocol.SMTP, TlsMode.STARTTLS, Role.SUBMISSION, Standing.RECOMMENDED),
        Port(143, Protocol.IMAP, TlsMode.STARTTLS, Role.ACCESS, Standing.LEGACY),
        Port(993, Protocol.IMAP, TlsMode.IMPLICIT, Role.ACCESS, Standing.RECOMMENDED),
        Port(110, Protocol.POP3, TlsMode.STARTTLS, Role.ACCESS, Standing.LEGACY),
        Port(995, Protocol.POP3, TlsMode.IMPLICIT, Role.ACCESS, Standing.SECURE),
    )
}


def role_of(protocol: Protocol, port: int) -> Role:
    """Return the role of a port; a port outside the table serves clients, except SMTP on 25."""
    row = PORTS.get(port)
    if row is not None and row.protocol is protocol:
        return row.role
    return Role.SUBMISSION if protocol is Protocol.SMTP else Role.ACCESS
