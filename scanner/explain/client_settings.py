"""What a mail program is set to, as people write it: a host, a port and the kind of encryption."""

import re
from dataclasses import dataclass
from enum import StrEnum

from scanner.model import PORTS, Protocol, Service, TlsMode
from scanner.model.target import TargetError, normalise_host, quote

_FORM = re.compile(
    r"(?:(?P<protocol>[a-zA-Z0-9]+)://)?(?P<host>\[[^\]]*\]|[^:\[\]]+):(?P<port>[0-9]{1,5}):(?P<mode>[^:]+)"
)
_LONGEST = 512
_PROTOCOLS = {"smtp": Protocol.SMTP, "imap": Protocol.IMAP, "pop": Protocol.POP3, "pop3": Protocol.POP3}
_SERVICES = {Protocol.SMTP: Service.SUBMISSION, Protocol.IMAP: Service.IMAP, Protocol.POP3: Service.POP3}
_HIGHEST_PORT = 65535


class ClientMode(StrEnum):
    """The kind of encryption that a mail program is set to."""

    NONE = "none"
    STARTTLS = "starttls"
    SSL = "ssl"

    @classmethod
    def of(cls, mode: TlsMode) -> "ClientMode":
        """Return what a mail program calls a TLS mode."""
        return cls.SSL if mode is TlsMode.IMPLICIT else cls.STARTTLS


_MODES = {
    **dict.fromkeys(("none", "no", "off", "plain", "unencrypted"), ClientMode.NONE),
    **dict.fromkeys(("starttls", "stls"), ClientMode.STARTTLS),
    **dict.fromkeys(("ssl", "ssl/tls", "tls/ssl", "implicit", "smtps", "imaps", "pop3s"), ClientMode.SSL),
}


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """What a mail program is set to."""

    host: str
    """Lower-case A-labels, or an IP address."""
    port: int
    mode: ClientMode
    protocol: Protocol

    @property
    def service(self) -> Service:
        """What it wants there; a program that sends wants submission, whatever the port."""
        return _SERVICES[self.protocol]


def looks_like_settings(text: str) -> bool:
    """Tell whether a text is meant as the settings of a program, and no name of a file."""
    return len(text) <= _LONGEST and _FORM.fullmatch(text) is not None


def parse_client_settings(text: str) -> ClientSettings:
    """Read `host:port:mode`, with the protocol before it where the port does not tell it.

    Raises:
        TargetError: it cannot be read; the text says what, why and how to mend it.
    """
    found = _FORM.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        raise TargetError(f"{quote(text)}: write HOST:PORT:MODE, such as imap.example.org:993:ssl")
    port = int(found["port"])
    if not 1 <= port <= _HIGHEST_PORT:
        raise TargetError(f"{quote(text)}: the port must be a number from 1 to {_HIGHEST_PORT}")
    mode = _MODES.get(found["mode"].lower())
    if mode is None:
        hint = "; programs mean either of them by it" if found["mode"].lower() == "tls" else ""
        raise TargetError(
            f"{quote(found['mode'])}: say ssl (TLS from the first byte), starttls, or none{hint}"
        )
    host = normalise_host(found["host"].removeprefix("[").removesuffix("]"))
    return ClientSettings(host, port, mode, _find_protocol(found["protocol"], host, port))


def _find_protocol(named: str | None, host: str, port: int) -> Protocol:
    """Return the protocol: as it was named, else by the port, else by how the host is called."""
    if named is not None:
        if named.lower() not in _PROTOCOLS:
            raise TargetError(f"{quote(named)}: unknown protocol; use smtp://, imap:// or pop3://")
        return _PROTOCOLS[named.lower()]
    if port in PORTS:
        return PORTS[port].protocol
    label = host.partition(".")[0]
    for name, protocol in _PROTOCOLS.items():
        if label.startswith(name):
            return protocol
    raise TargetError(
        f"port {port} does not tell the protocol; put smtp://, imap:// or pop3:// before the host"
    )
