"""The section `discovery`: how the mail servers of a domain are found."""

from typing import Annotated

from pydantic import BeforeValidator

from scanner.config import values
from scanner.config.section import Section as _Section
from scanner.model.published import Source

Time = Annotated[float, BeforeValidator(values.duration())]
"""Seconds, more than 0; in the file also text such as "15m"."""

Switch = Annotated[bool, BeforeValidator(values.read_switch)]
WebUrls = Annotated[tuple[str, ...], BeforeValidator(values.list_of(values.web_url(has_domain=True)))]
"""Templates of addresses in the web, with {domain} in the place of the domain."""


class DiscoverySettings(_Section):
    """How the mail servers of a domain are found; each source can be switched off."""

    catalogue: Switch = True
    mx: Switch = True
    srv: Switch = True
    autoconfig: Switch = True
    ispdb: Switch = True
    inferred: Switch = True
    """The provider that the MX hosts belong to."""
    autodiscover: Switch = True
    guess: Switch = True
    cross_check: Switch = False
    """Ask all sources, those of lower authority too, and tell where they disagree."""
    ispdb_url: Annotated[str, BeforeValidator(values.web_url(has_domain=False))] = (
        "https://autoconfig.thunderbird.net/v1.1/"
    )
    autoconfig_urls: WebUrls = (
        "https://autoconfig.{domain}/mail/config-v1.1.xml",
        "https://{domain}/.well-known/autoconfig/mail/config-v1.1.xml",
        "http://autoconfig.{domain}/mail/config-v1.1.xml",
        "http://{domain}/.well-known/autoconfig/mail/config-v1.1.xml",
    )
    autodiscover_urls: WebUrls = (
        "https://autodiscover.{domain}/autodiscover/autodiscover.xml",
        "https://{domain}/autodiscover/autodiscover.xml",
        "http://autodiscover.{domain}/autodiscover/autodiscover.xml",
    )
    web_timeout: Time = 5.0
    """Caps one request to a web source, from its look-up to its last byte."""
    mta_sts: Switch = True
    dane: Switch = True

    def is_on(self, source: Source) -> bool:
        """Tell whether a source is asked; the operator's own word always counts."""
        return source is Source.OPERATOR or bool(getattr(self, source.value))
