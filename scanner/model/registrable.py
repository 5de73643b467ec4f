"""The registrable domain of a host: the part that one organisation holds, by the Public Suffix List."""

from functools import lru_cache

from publicsuffixlist import PublicSuffixList

from scanner.model.target import is_address

REMEMBERED = 4096


@lru_cache(maxsize=REMEMBERED)
def registrable_domain(host: str) -> str | None:
    """Return the public suffix of a host name and the label before it; None for an address or a suffix."""
    return None if is_address(host) else read_suffixes().privatesuffix(host)


@lru_cache(maxsize=1)
def read_suffixes() -> PublicSuffixList:
    """Return the Public Suffix List, read once: that takes 50 to 100 ms, so a service does it beforehand."""
    return PublicSuffixList()
