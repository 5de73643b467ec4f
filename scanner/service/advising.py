"""What a running service advises for a domain: the same as the command `advise`, by the last probes."""

from collections.abc import Callable

from scanner.config import Settings
from scanner.config.catalogue import Provider
from scanner.discovery import Catalogue
from scanner.discovery.whose import find_provider
from scanner.explain.advice import Advice, Wish, advise
from scanner.model import Endpoint, Observation
from scanner.model.domain import DomainFacts
from scanner.model.observation import Key

Find = Callable[[Key], Observation | None]


class Adviser:
    """Advises by the settings in force; the catalogue is put together anew where they have changed."""

    def __init__(self) -> None:
        self._own: tuple[Provider, ...] = ()
        self._catalogue: Catalogue | None = None

    def advise(self, settings: Settings, facts: DomainFacts, find: Find) -> Advice:
        """Return what a mail program should be set to.

        Args:
            settings: those in force.
            facts: what discovery knows of the domain.
            find: returns the last judged observation of an endpoint.
        """
        latest = {member.key: seen for member in facts.members if (seen := find(member.key)) is not None}

        def find_endpoint(key: Key) -> Endpoint | None:
            seen = latest.get(key)
            return None if seen is None else seen.endpoint

        has_catalogue = settings.discovery.catalogue
        provider = find_provider(self._open(settings), facts, find_endpoint) if has_catalogue else None
        return advise(facts, latest, provider, Wish(), settings.policy.submission_preference)

    def _open(self, settings: Settings) -> Catalogue:
        if self._catalogue is None or self._own is not settings.catalogue:
            self._own, self._catalogue = settings.catalogue, Catalogue(settings.catalogue)
        return self._catalogue
