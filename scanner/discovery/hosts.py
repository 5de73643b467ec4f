"""Reads host names that come from outside: from records, files and provider lists."""

from functools import lru_cache

from scanner.model.target import TargetError, normalise_host, parse_target


@lru_cache(maxsize=4096)
def read_host(text: str) -> str | None:
    """Return a host name in its one spelling; None for what is none, an IP address and a single label too."""
    try:
        host = normalise_host(text)
    except TargetError:
        return None
    if parse_target(f"[{host}]" if ":" in host else host).is_address or "." not in host:
        return None
    return host
