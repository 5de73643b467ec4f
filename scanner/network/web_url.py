"""Reads addresses in the web, ours and those of redirects, so strictly that nothing slips by."""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from scanner.model.target import TargetError, escape, normalise_host

PORTS = {"https": 443, "http": 80}
MAX_LENGTH = 2048
# What RFC 3986 lets stand in a path and a query as it is, and "%", which stands for itself there already.
_KEPT = "%/?:@!$&'()*+,;=-._~"
_SPACE_OR_CONTROL = re.compile(r"[\x00-\x20\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f\u3000\ufeff]")


class UrlError(ValueError):
    """An address in the web that is not followed; the text says why."""


@dataclass(frozen=True, slots=True)
class WebUrl:
    """An http or https address, taken apart. Its text (`str`) has one spelling."""

    scheme: str
    host: str
    """Lower-case A-labels, or an IP address without brackets."""
    port: int
    path: str
    """The path with its query; ASCII."""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def authority(self) -> str:
        """What the Host header holds: the host, and the port where it is not the scheme's own."""
        return self.at(self.host)

    def at(self, host: str) -> str:
        """Return the authority with another host in the place of its own."""
        bracketed = f"[{host}]" if ":" in host else host
        return bracketed if self.port == PORTS[self.scheme] else f"{bracketed}:{self.port}"

    @property
    def is_secure(self) -> bool:
        """Whether it is https."""
        return self.scheme == "https"

    @property
    def is_literal(self) -> bool:
        """Whether the host is an IP address and needs no look-up."""
        try:
            ipaddress.ip_address(self.host)
        except ValueError:
            return False
        return True

    def follow(self, location: str) -> "WebUrl":
        """Return where a Location header leads from here (RFC 9110 section 10.2.2).

        Raises:
            UrlError: it is no address that may be followed.
        """
        _check_text(location)
        try:
            return read_url(urljoin(str(self), location))
        except UrlError:
            raise
        except ValueError as error:
            raise UrlError(f"it cannot be read: {escape(str(error))}") from None


def read_url(text: str) -> WebUrl:
    """Read an http or https address with a host; the fragment is dropped.

    Raises:
        UrlError: another scheme, no host, a user or password, a bad port, spaces or controls, too long.
    """
    _check_text(text)
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UrlError(f"it cannot be read: {escape(str(error))}") from None
    scheme = parts.scheme.lower()
    if scheme not in PORTS:
        raise UrlError("its scheme is neither https nor http")
    if "@" in parts.netloc:
        raise UrlError("it holds a user or a password")
    if not host:
        raise UrlError("it names no host")
    if port == 0:
        raise UrlError("its port is 0")
    try:
        host = normalise_host(host)
    except TargetError as error:
        raise UrlError(f"its host is none: {error}") from None
    query = f"?{parts.query}" if parts.query else ""
    path = quote((parts.path or "/") + query, safe=_KEPT, errors="surrogateescape")
    return WebUrl(scheme, host, PORTS[scheme] if port is None else port, path)


def _check_text(text: str) -> None:
    """Refuse what parsers of addresses are known to differ about."""
    if len(text) > MAX_LENGTH:
        raise UrlError(f"it is longer than {MAX_LENGTH} characters")
    if "\\" in text or _SPACE_OR_CONTROL.search(text):
        raise UrlError("there is a space, a control character or a backslash in it")
