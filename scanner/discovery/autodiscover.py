"""The source Autodiscover: tells, without signing in, that a domain has an Exchange server; nothing more."""

import asyncio
from collections.abc import Sequence

from scanner.discovery.offer import Notice, Offer
from scanner.model import Source
from scanner.network.web import WebClient
from scanner.network.web_answer import Fault, WebFailure
from scanner.network.web_url import UrlError, read_url

URLS = (
    "https://autodiscover.{domain}/autodiscover/autodiscover.xml",
    "https://{domain}/autodiscover/autodiscover.xml",
)
MICROSOFT_365 = "microsoft365"
_MICROSOFT_DOMAINS = ("outlook.com", "office365.com")


async def find_autodiscover(domain: str, web: WebClient, urls: Sequence[str] = URLS) -> Offer:
    """Ask with plain GET requests, no redirect followed, no credentials, no parent domains.

    A server that wants a sign-in (401 over verified https), or a redirect to Microsoft's hosts, is a hint.
    Whatever else comes, or does not come, says nothing: no trouble is told.

    Args:
        urls: templates with `{domain}`.
    """
    fetches = (web.fetch(url.replace("{domain}", domain), redirects=0, is_configured=True) for url in urls)
    for answer in await asyncio.gather(*fetches):
        if not isinstance(answer, WebFailure):
            continue
        if _leads_to_microsoft(answer):
            hint = _hint(domain, "redirects Autodiscover to Microsoft 365")
            return Offer(Source.AUTODISCOVER, notices=(hint,), provider=MICROSOFT_365)
        if answer.status == 401 and answer.challenge and answer.url.startswith("https://"):
            hint = _hint(domain, "has an Autodiscover service that asks for a sign-in")
            return Offer(Source.AUTODISCOVER, notices=(hint,))
    return Offer(Source.AUTODISCOVER)


def _leads_to_microsoft(answer: WebFailure) -> bool:
    if answer.fault is not Fault.REDIRECT or answer.location is None:
        return False
    try:
        host = read_url(answer.location).host
    except UrlError:
        return False
    return any(host == domain or host.endswith(f".{domain}") for domain in _MICROSOFT_DOMAINS)


def _hint(domain: str, what: str) -> Notice:
    return Notice(
        "autodiscover_hint",
        f"{domain} {what}: its mail is probably on Exchange.",
        "Name its servers as targets, or publish SRV records for them (RFC 6186): who does not sign in "
        "learns nothing more from Autodiscover.",
    )
