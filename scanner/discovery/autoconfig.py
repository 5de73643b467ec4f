"""The source of autoconfiguration: the file that a domain publishes for mail programs, read and judged."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from scanner.discovery.offer import Notice, Offer, Place, Trouble
from scanner.model import PORTS, Protocol, Service, Source, TlsMode
from scanner.model.target import TargetError, normalise_host
from scanner.network.web import WebClient
from scanner.network.web_answer import Page, WebFailure

URLS = (
    "https://autoconfig.{domain}/mail/config-v1.1.xml",
    "https://{domain}/.well-known/autoconfig/mail/config-v1.1.xml",
    "http://autoconfig.{domain}/mail/config-v1.1.xml",
    "http://{domain}/.well-known/autoconfig/mail/config-v1.1.xml",
)
"""Where the file may be, in the order of trust; no e-mail address is ever put into them."""
MAX_PLACES = 16
_SERVICES = {
    ("incomingServer", "imap"): (Service.IMAP, Protocol.IMAP),
    ("incomingServer", "pop3"): (Service.POP3, Protocol.POP3),
    ("outgoingServer", "smtp"): (Service.SUBMISSION, Protocol.SMTP),
}
_PORT = re.compile(r"[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class Config:
    """What such a file says; without places and with a `problem` where it cannot be read."""

    places: tuple[Place, ...] = ()
    """In the file's order, each once."""
    plain: tuple[Place, ...] = ()
    """Those of them that the file names with no encryption at all."""
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class _Server:
    place: Place
    is_plain: bool


async def find_autoconfig(domain: str, web: WebClient, urls: Sequence[str] = URLS) -> Offer:
    """Ask a domain for its file; of those that name a server the first counts.

    Args:
        urls: templates with `{domain}`; those with http are asked only where no https one has it.
    """
    trouble: Trouble | None = None
    async for page in _fetch_in_turn([url.replace("{domain}", domain) for url in urls], web):
        if isinstance(page, WebFailure):
            if trouble is None and not page.is_definite:
                trouble = Trouble(page.reason, str(page))
            if page.is_ours:
                break  # it may be there: an address of less trust must not take its place
            continue
        # Many web sites answer every path with a page of theirs: what is no such file is no file.
        config = read_config(page.body, domain)
        if config.places:
            notices = tell_plain(domain, config)
            if not page.is_secure:
                notices = (*notices, _tell_insecure(domain, page.url))
            return Offer(Source.AUTOCONFIG, config.places, notices=notices)
    return Offer(Source.AUTOCONFIG, trouble=trouble)


async def _fetch_in_turn(urls: Sequence[str], web: WebClient) -> AsyncIterator[Page | WebFailure]:
    """Yield the pages in order: those by https, which are fetched side by side, then the others."""
    secure = [url for url in urls if url.startswith("https://")]
    for batch in (secure, [url for url in urls if url not in secure]):
        for page in await asyncio.gather(*(web.fetch(url, is_configured=True) for url in batch)):
            yield page


def read_config(body: bytes, domain: str) -> Config:
    """Read a file of any version; nothing in it raises, and no outside reference is followed.

    A section that is broken or of a kind that is not probed is skipped, not the file. A server named without
    encryption is still looked at for STARTTLS, and told.
    """
    try:
        root = fromstring(body, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    except DefusedXmlException:
        return Config(problem="it holds a document type or entities, which such a file never needs")
    except (ParseError, ValueError, LookupError) as error:
        return Config(problem=f"it is no XML: {error}")
    if _name_of(root) != "clientConfig":
        return Config(problem="it is no configuration of mail programs: it does not begin with clientConfig")
    provider = next((one for one in root if _name_of(one) == "emailProvider"), None)
    servers: dict[Place, bool] = {}
    for section in () if provider is None else provider:
        server = _read_server(section, domain)
        if server is not None and len(servers) < MAX_PLACES:
            servers.setdefault(server.place, server.is_plain)
    return Config(tuple(servers), tuple(place for place, is_plain in servers.items() if is_plain))


def tell_plain(domain: str, config: Config) -> tuple[Notice, ...]:
    """Return the notice about servers that a file names without encryption."""
    if not config.plain:
        return ()
    named = ", ".join(f"{place.host}:{place.port}" for place in config.plain[:4])
    return (
        Notice(
            "autoconfig_plaintext",
            f"The autoconfiguration of {domain} tells mail programs to use no encryption with {named}.",
            "Name SSL or STARTTLS as its socketType: passwords go over the network in clear (RFC 8314).",
        ),
    )


def _tell_insecure(domain: str, url: str) -> Notice:
    return Notice(
        "autoconfig_over_http",
        f"The autoconfiguration of {domain} came without https, from {url}: anybody may have changed it.",
        "Serve it by https with a valid certificate: mail programs trust nothing else, or ask their users.",
    )


def _read_server(section: Element, domain: str) -> _Server | None:
    """Read one server; None for what is none, or lacks a host, a port or a known kind of encryption."""
    kind = _SERVICES.get((_name_of(section), section.get("type", "").strip().lower()))
    if kind is None:
        return None
    service, protocol = kind
    host, port = _text_of(section, "hostname"), _text_of(section, "port")
    security = next((mode for mode in _texts_of(section, "socketType") if mode in _SECURITY), None)
    if security is None or not _PORT.fullmatch(port) or not 1 <= int(port) <= 65_535:
        return None
    try:
        host = normalise_host(host.replace("%EMAILDOMAIN%", domain))
    except TargetError:
        return None
    number = int(port)
    mode = _SECURITY[security] or _mode_of(number)
    return _Server(Place(service, host, number, protocol, mode), is_plain=security == "plain")


_SECURITY: dict[str, TlsMode | None] = {"ssl": TlsMode.IMPLICIT, "starttls": TlsMode.STARTTLS, "plain": None}


def _mode_of(port: int) -> TlsMode:
    """Return how a port that is named without encryption is probed all the same."""
    return PORTS[port].tls_mode if port in PORTS else TlsMode.STARTTLS


def _texts_of(section: Element, name: str) -> list[str]:
    return [(one.text or "").strip().lower() for one in section if _name_of(one) == name]


def _text_of(section: Element, name: str) -> str:
    return next(((one.text or "").strip() for one in section if _name_of(one) == name), "")


def _name_of(element: Element) -> str:
    """Return an element's name without its namespace, which some files give and others do not."""
    return element.tag.rpartition("}")[2]
