"""The traits in people's words: versions and classes in the place of ranks."""

from collections.abc import Mapping, Sequence

from scanner.model.memory import TraitValue
from scanner.verdict.tls_versions import TLS_VERSIONS
from scanner.verdict.traits import TRAITS

_RANKS: Mapping[str, Sequence[str]] = {
    "tls_version": TLS_VERSIONS,
    "cipher": ("broken", "without forward secrecy", "CBC", "AEAD"),
    "group": ("weak", "finite field", "curve", "post-quantum hybrid"),
}
_SWITCHES: Mapping[str, tuple[str, str]] = {
    "starttls": ("not offered", "offered"),
    "esmtp": ("refused", "understood"),
    "imap4": ("not spoken", "spoken"),
    "logindisabled": ("not said", "said"),
    "dane": ("gone or not secure", "secure records"),
}


def tell_title(name: str) -> str:
    """Return what a trait is called; one that this version does not know has its own name."""
    return TRAITS[name].title if name in TRAITS else name


def tell_value(name: str, value: TraitValue) -> str:
    """Return what a trait reads as, as in "TLSv1.3", "AEAD", "curve", "not offered"."""
    if isinstance(value, bool):
        return _SWITCHES.get(name, ("no", "yes"))[value]
    if isinstance(value, int):
        words = _RANKS.get(name, ())
        return words[value] if 0 <= value < len(words) else str(value)
    if isinstance(value, str):
        return value
    return (" | " if name == "banner" else ", ").join(value) or "none"
