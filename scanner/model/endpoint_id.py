"""The name of an endpoint in addresses and answers: readable, stable, and safe in a URL."""

from scanner.model.observation import Key
from scanner.model.ports import Protocol, TlsMode

SEPARATOR = "~"
"""RFC 3986 section 2.3 lets it stand in a URL as it is, and no name, address or number holds it."""
LONGEST = 400

_SCHEMES = {
    (Protocol.SMTP.value, TlsMode.STARTTLS.value): "smtp",
    (Protocol.SMTP.value, TlsMode.IMPLICIT.value): "smtps",
    (Protocol.IMAP.value, TlsMode.STARTTLS.value): "imap",
    (Protocol.IMAP.value, TlsMode.IMPLICIT.value): "imaps",
    (Protocol.POP3.value, TlsMode.STARTTLS.value): "pop3",
    (Protocol.POP3.value, TlsMode.IMPLICIT.value): "pop3s",
}
_MODES = {scheme: mode for mode, scheme in _SCHEMES.items()}


def write_id(key: Key) -> str:
    """Return the id of an endpoint, such as `mx1.example.org~192.0.2.7~25~smtp`."""
    host, address, port, protocol, tls_mode = key
    return SEPARATOR.join((host, address, str(port), _SCHEMES[str(protocol), str(tls_mode)]))


def read_id(text: str) -> Key | None:
    """Return the key that an id stands for; None where it is no id at all."""
    parts = text.split(SEPARATOR) if len(text) <= LONGEST else []
    if len(parts) != 4:
        return None
    host, address, digits, scheme = parts
    mode = _MODES.get(scheme)
    is_port = digits.isascii() and digits.isdigit() and len(digits) <= 5 and not digits.startswith("0")
    if mode is None or not is_port or not host or not address:
        return None
    return (host, address, int(digits), *mode)
