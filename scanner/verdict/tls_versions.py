"""The TLS versions from oldest to newest, and how two of them compare."""

TLS_VERSIONS = ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3")

_OTHER_NAMES = {"TLSv1": "TLSv1.0"}
"""What OpenSSL calls some of them."""


def full_name(version: str) -> str:
    """Return the name that the tables use for a version, which OpenSSL may call otherwise."""
    return _OTHER_NAMES.get(version, version)


def rank_of(version: str) -> int | None:
    """Return the place of a version, oldest = 0; None for a name that is not known."""
    name = full_name(version)
    return TLS_VERSIONS.index(name) if name in TLS_VERSIONS else None


def is_older(version: str, than: str) -> bool:
    """Tell whether a version is older than another; what is not known is not called old."""
    first, second = rank_of(version), rank_of(than)
    return first is not None and second is not None and first < second
