"""Keeps MTA-STS policies over restarts: a cache in memory that tells the store of what is new."""

from collections.abc import Mapping

from scanner.discovery.mta_sts import MAX_KEPT, KeptPolicy, MemoryCache
from scanner.store.store import Store


class StoredPolicies(MemoryCache):
    """Begins with the policies of earlier runs; a look-up never waits for the store."""

    def __init__(self, store: Store, known: Mapping[str, KeptPolicy], max_kept: int = MAX_KEPT) -> None:
        super().__init__(max_kept, known)
        self._store = store

    def restore(self, known: Mapping[str, KeptPolicy]) -> None:
        """Take over policies of earlier runs that came late; newer ones stay."""
        for domain, kept in known.items():
            self._kept.setdefault(domain, kept)

    async def put(self, domain: str, kept: KeptPolicy) -> None:
        """Keep a policy in the place of any other of the domain, here and in the store."""
        await super().put(domain, kept)
        self._store.save_policies({domain: kept})
