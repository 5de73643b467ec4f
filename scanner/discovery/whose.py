"""Whose servers a domain uses, by what the catalogue expects of them."""

from collections.abc import Callable

from scanner.config.catalogue import Provider
from scanner.discovery.catalogue import Catalogue
from scanner.model import Endpoint, Service
from scanner.model.domain import DomainFacts
from scanner.model.observation import Key


def find_provider(
    catalogue: Catalogue, facts: DomainFacts, find_endpoint: Callable[[Key], Endpoint | None]
) -> Provider | None:
    """Return the provider that the servers for mail programs belong to; the first of several."""
    for member in facts.members:
        if member.service is Service.MX:
            continue
        endpoint = find_endpoint(member.key)
        expectation = None if endpoint is None else endpoint.expectation
        if expectation is not None and expectation.provider:
            return catalogue.get(expectation.provider)
    return None
