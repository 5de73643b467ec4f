"""The source ISPDB: a curated list of providers' settings, one file a domain, in the form of autoconfig."""

from scanner.discovery.autoconfig import read_config, tell_plain
from scanner.discovery.offer import Offer, Trouble
from scanner.model import Reason, Source
from scanner.network.web import WebClient
from scanner.network.web_answer import WebFailure


async def find_ispdb(domain: str, web: WebClient, base_url: str) -> Offer:
    """Look a domain up in the list; one that it does not know (404) gives an empty offer.

    Args:
        base_url: where the list is; `{domain}` in it, or else what follows its end, is the domain.
    """
    template = base_url if "{domain}" in base_url else base_url.rstrip("/") + "/{domain}"
    url = template.replace("{domain}", domain)
    page = await web.fetch(url, is_configured=True)
    if isinstance(page, WebFailure):
        if page.status in {404, 410}:
            return Offer(Source.ISPDB)
        return Offer(Source.ISPDB, trouble=Trouble(page.reason, str(page)))
    config = read_config(page.body, domain)
    if config.problem is not None:
        return Offer(
            Source.ISPDB,
            trouble=Trouble(Reason.PROTOCOL_ERROR, f"{page.url}: the answer is not used: {config.problem}"),
        )
    return Offer(Source.ISPDB, config.places, notices=tell_plain(domain, config))
