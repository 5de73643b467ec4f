"""Which names a request may call us by, so that no stranger's page reaches us by DNS rebinding."""

import ipaddress
import re
from collections.abc import Collection

from scanner.config.web_settings import ANY_HOST, is_permitted

UNOWNED = (".localhost", ".internal", ".home.arpa", ".cluster.local", ".svc")
"""Below these nobody can register a name (RFC 6761, RFC 8375; ICANN keeps `internal` for private use)."""
HEALTH = frozenset({"/-/healthy", "/-/ready"})
"""They say no more than that something is there, and are asked by whatever name the asker has."""
SCRAPED = frozenset({"/metrics", "/probe", "/api/v1/sd"})
"""What Prometheus asks for, by the name in its own configuration."""
OF_BROWSERS = ("accept-language", "origin", "sec-fetch-mode", "sec-fetch-site")
"""Headers that browsers send of themselves and scrapers do not. The first is in every request of a browser,
and a page can write another value into it but not leave it out (Fetch Standard, main fetch). The last two are
sent over TLS and to loopback names only, and so by no page that rebinds a name of its own."""
_AUTHORITY = re.compile(
    # The zone of a link-local address stands behind "%25" (RFC 6874); many programs write "%" alone.
    r"(?P<host>\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9._~-]{1,64})?\]|[A-Za-z0-9._-]+)(?::[0-9]{0,5})?"
)
_LONGEST = 300


def is_host_accepted(
    path: str,
    sent: Collection[str],
    allowed: Collection[str],
    own: Collection[str],
    *,
    is_browser: bool = False,
) -> bool:
    """Tell whether a request is meant for us, by its Host header (RFC 9110 section 7.2).

    A page can have its own name point to our address; the browser then takes us for that page's
    server, and says its name. Programs need no protection, and no name at all.

    Args:
        path: what is asked for.
        sent: the Host headers of the request.
        allowed: the operator's list; where there is one it holds for scrapes as well.
        own: the names that are ours anyway: of the certificate, of the machine, of `web.listen`.
        is_browser: whether one of the headers of browsers came with it (`OF_BROWSERS`): a scraper that nobody
            told us the name of is no browser, and a page that rebinds its name is read by nothing else.
    """
    if path in HEALTH or ANY_HOST in allowed:
        return True
    if path in SCRAPED and not allowed and not is_browser:
        return True
    return all(_is_ours(text, (*allowed, *own)) for text in sent)


def _is_ours(text: str, names: Collection[str]) -> bool:
    found = _AUTHORITY.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        return False
    host = found["host"].strip("[]").removesuffix(".").lower()
    if _is_address(host):
        return True
    # A name without a dot is nobody's to register: that of a container, or of a machine near us.
    return "." not in host or host.endswith(UNOWNED) or is_permitted(host, names)


def _is_address(host: str) -> bool:
    """Whether it is an address as it stands: a page reached by one has no name to point elsewhere."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
